//go:build integration

package integration_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

type note struct {
	ID     int64  `json:"id"`
	Title  string `json:"title"`
	Body   string `json:"body"`
	Author string `json:"author"`
}

type notePage struct {
	Items []note `json:"items"`
	Next  *int64 `json:"next"`
}

// requestAs sends a request of a user to the service, expects the status and decodes the response into body.
func requestAs(t *testing.T, service *service, user, method, path, content string, status int, body any) http.Header {
	t.Helper()
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"sub": user, "exp": time.Now().Add(time.Hour).Unix(),
	}).SignedString([]byte(jwtSecret))
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), method, service.address+path, strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != status {
		t.Fatalf("%s %s: got %d, want %d", method, path, response.StatusCode, status)
	}
	if body != nil {
		if err := json.NewDecoder(response.Body).Decode(body); err != nil {
			t.Fatal(err)
		}
	}
	return response.Header
}

func TestNoteIsCreatedReadAndDeleted(t *testing.T) {
	service := start(t, environment(t))
	var created, found note
	header := requestAs(t, service, "ada", http.MethodPost, "/api/v1/notes", `{"title":"Water the plants"}`,
		http.StatusCreated, &created)
	if want := (note{created.ID, "Water the plants", "", "ada"}); created != want {
		t.Errorf("got %+v, want %+v", created, want)
	}
	path := fmt.Sprintf("/api/v1/notes/%d", created.ID)
	if got := header.Get("Location"); got != path {
		t.Errorf("location %q, want %q", got, path)
	}
	requestAs(t, service, "ada", http.MethodGet, path, "", http.StatusOK, &found)
	if found != created {
		t.Errorf("got %+v, want %+v", found, created)
	}
	requestAs(t, service, "ada", http.MethodDelete, path, "", http.StatusNoContent, nil)
	requestAs(t, service, "ada", http.MethodGet, path, "", http.StatusNotFound, nil)
	requestAs(t, service, "ada", http.MethodDelete, path, "", http.StatusNotFound, nil)
}

func TestNotesAreListedPageByPage(t *testing.T) {
	service := start(t, environment(t))
	ids := make([]int64, 0, 3)
	for _, title := range []string{"one", "two", "three"} {
		var created note
		requestAs(t, service, "grace", http.MethodPost, "/api/v1/notes", `{"title":"`+title+`"}`,
			http.StatusCreated, &created)
		ids = append(ids, created.ID)
	}
	var first, second notePage
	requestAs(t, service, "grace", http.MethodGet, "/api/v1/notes?limit=2", "", http.StatusOK, &first)
	if len(first.Items) != 2 || first.Next == nil || *first.Next != ids[1] {
		t.Fatalf("got %+v", first)
	}
	next := fmt.Sprintf("/api/v1/notes?limit=2&cursor=%d", *first.Next)
	requestAs(t, service, "grace", http.MethodGet, next, "", http.StatusOK, &second)
	if len(second.Items) != 1 || second.Items[0].ID != ids[2] || second.Next != nil {
		t.Errorf("got %+v", second)
	}
}

func TestOthersSeeNoNote(t *testing.T) {
	service := start(t, environment(t))
	var private note
	requestAs(t, service, "ada", http.MethodPost, "/api/v1/notes", `{"title":"private"}`, http.StatusCreated, &private)
	path := fmt.Sprintf("/api/v1/notes/%d", private.ID)
	var page notePage
	requestAs(t, service, "bob", http.MethodGet, "/api/v1/notes", "", http.StatusOK, &page)
	if len(page.Items) != 0 {
		t.Errorf("got %+v", page)
	}
	requestAs(t, service, "bob", http.MethodGet, path, "", http.StatusNotFound, nil)
	requestAs(t, service, "bob", http.MethodDelete, path, "", http.StatusNotFound, nil)
}
