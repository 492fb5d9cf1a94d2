package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestProbe(t *testing.T) {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if request.URL.Path == "/missing" {
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer service.Close()
	for path, want := range map[string]struct {
		code   int
		report string
	}{
		"/":        {succeeded, `{"requests":4,"failures":{},"failurePercent":0,"p95Milliseconds":`},
		"/missing": {failed, `{"requests":4,"failures":{"status 404":4},"failurePercent":100,"p95Milliseconds":`},
	} {
		var stdout strings.Builder
		// The limits are long enough for a busy machine.
		arguments := []string{
			"probe", service.URL + path, "--requests=4", "--rate", "100",
			"--timeout-seconds=20", "--max-p95-milliseconds", "20000",
		}
		code := run(t.Context(), arguments, nil, &stdout, io.Discard)
		line, rest, _ := strings.Cut(stdout.String(), "\n")
		if code != want.code || !strings.HasPrefix(line, want.report) || rest != "" {
			t.Errorf("%s: exit code %d, %q", path, code, stdout.String())
		}
	}
}

func TestWrongUsageOfProbe(t *testing.T) {
	for arguments, want := range map[string]string{
		"":                                  "a URL is missing",
		"--rate 5":                          "a URL is missing",
		"http://host --speed 5":             "-speed",
		"ftp://host/":                       `URL "ftp://host/": expects one like http://`,
		"http:///health":                    `URL "http:///health": expects one like http://`,
		"http://host --requests 0":          `"0" for flag -requests: expects a whole number from 1 to 10000`,
		"http://host --requests 1.5":        `"1.5" for flag -requests: expects a whole number`,
		"http://host --rate NaN":            `"NaN" for flag -rate: expects a number from 0.1 to 100`,
		"--timeout-seconds x http://host":   `"x" for flag -timeout-seconds: expects a number from 0.1 to 60`,
		"--max-failure-percent 101":         `"101" for flag -max-failure-percent: expects a number from 0 to 100`,
		"http://h --max-p95-milliseconds=0": `"0" for flag -max-p95-milliseconds: expects a whole number`,
	} {
		var stderr strings.Builder
		code := run(t.Context(), append([]string{"probe"}, strings.Fields(arguments)...), nil, io.Discard, &stderr)
		if code != wrongProbeUsage || !strings.Contains(stderr.String(), want) {
			t.Errorf("%s: exit code %d, %q", arguments, code, stderr.String())
		}
	}
}

func TestHelpOfProbe(t *testing.T) {
	var stdout strings.Builder
	code := run(t.Context(), []string{"probe", "--help"}, nil, &stdout, io.Discard)
	if code != succeeded || stdout.String() != probeUsage {
		t.Errorf("exit code %d, %q", code, stdout.String())
	}
}
