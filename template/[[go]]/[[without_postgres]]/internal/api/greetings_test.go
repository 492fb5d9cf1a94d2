package api_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestGreeting(t *testing.T) {
	response := send(t, http.MethodPost, "/api/v1/greetings", tokenOf(t, "ada"), `{"name":"Ada"}`)
	if response.Code != http.StatusOK || strings.TrimSpace(response.Body.String()) != `{"greeting":"Hello, Ada"}` {
		t.Errorf("got %d %s", response.Code, response.Body)
	}
}

func TestGreetingNamesTheInvalidField(t *testing.T) {
	for body, want := range map[string]string{
		`{"name":""}`: `{"pointer":"#/name","detail":"expected length >= 1"}`,
		`{"name":"` + strings.Repeat("é", 101) + `"}`: `{"pointer":"#/name","detail":"expected length <= 100"}`,
		`{}`:                     `{"pointer":"#/name","detail":"expected required property name to be present"}`,
		`{"name":"Ada","a/b":1}`: `{"pointer":"#/a~1b","detail":"unexpected property"}`,
		`secret`:                 `{"pointer":"#","detail":"expected JSON"}`,
	} {
		response := send(t, http.MethodPost, "/api/v1/greetings", tokenOf(t, "ada"), body)
		if response.Code != http.StatusBadRequest || !strings.Contains(response.Body.String(), `"errors":[`+want+`]`) {
			t.Errorf("%s: got %d %s, want %s", body, response.Code, response.Body, want)
		}
	}
}

func TestGreetingRequiresToken(t *testing.T) {
	response := send(t, http.MethodPost, "/api/v1/greetings", "", `{"name":"Ada"}`)
	if response.Code != http.StatusUnauthorized {
		t.Errorf("got %d %s", response.Code, response.Body)
	}
}
