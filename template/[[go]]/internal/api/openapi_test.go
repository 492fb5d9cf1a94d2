package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"testing"
)

const openAPIFile = "../../openapi.json"

var update = flag.Bool("update", false, "write openapi.json")

func TestOpenAPIFileIsCurrent(t *testing.T) {
	var served bytes.Buffer
	response := send(t, http.MethodGet, "/openapi.json", "", "")
	if err := json.Indent(&served, bytes.TrimSpace(response.Body.Bytes()), "", "  "); err != nil {
		t.Fatal(err)
	}
	served.WriteByte('\n')
	if *update {
		if err := os.WriteFile(openAPIFile, served.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile(openAPIFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(committed, served.Bytes()) {
		t.Error("openapi.json is not what the service serves: run `make openapi`")
	}
}
