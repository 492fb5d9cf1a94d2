package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// The integration tests cover what reaches the database.

func TestNotesNameTheInvalidFields(t *testing.T) {
	long := strings.Repeat("é", 201)
	tests := []struct{ method, path, body, field, detail string }{
		{"POST", "/api/v1/notes", `{"title":""}`, `"pointer":"#/title"`, "expected length >= 1"},
		{"POST", "/api/v1/notes", `{"title":"` + long + `"}`, `"pointer":"#/title"`, "expected length <= 200"},
		{"POST", "/api/v1/notes", `{"title":"\u0000"}`, `"pointer":"#/title"`, "expected string to be text without NUL"},
		{"POST", "/api/v1/notes", `{}`, `"pointer":"#/title"`, "expected required property title to be present"},
		{"POST", "/api/v1/notes", `{"title":"a","author":"b"}`, `"pointer":"#/author"`, "unexpected property"},
		{"POST", "/api/v1/notes", `secret`, `"pointer":"#"`, "expected JSON"},
		{"GET", "/api/v1/notes?limit=0", "", `"parameter":"limit"`, "expected number >= 1"},
		{"GET", "/api/v1/notes?limit=101", "", `"parameter":"limit"`, "expected number <= 100"},
		{"GET", "/api/v1/notes?cursor=secret", "", `"parameter":"cursor"`, "invalid integer"},
		{"GET", "/api/v1/notes/secret", "", `"parameter":"id"`, "invalid integer"},
		{"DELETE", "/api/v1/notes/0", "", `"parameter":"id"`, "expected number >= 1"},
	}
	for _, test := range tests {
		response := send(t, test.method, test.path, tokenOf(t, "ada"), test.body)
		want := fmt.Sprintf(`"errors":[{%s,"detail":%q}]`, test.field, test.detail)
		if response.Code != http.StatusBadRequest || !strings.Contains(response.Body.String(), want) {
			t.Errorf("%+v: got %d %s", test, response.Code, response.Body)
		}
	}
}

func TestNotesRequireToken(t *testing.T) {
	for _, request := range [][2]string{
		{"POST", "/api/v1/notes"}, {"GET", "/api/v1/notes"}, {"GET", "/api/v1/notes/1"}, {"DELETE", "/api/v1/notes/1"},
	} {
		if response := send(t, request[0], request[1], "", ""); response.Code != http.StatusUnauthorized {
			t.Errorf("%v: got %d %s", request, response.Code, response.Body)
		}
	}
}
