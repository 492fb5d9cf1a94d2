// Package web has helpers for HTTP handlers: JSON responses, problem documents and bearer tokens.
package web

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
)

// problem is a problem document (RFC 9457). The type about:blank means that the status is the whole description.
type problem struct {
	Type   string       `json:"type"`
	Title  string       `json:"title"`
	Status int          `json:"status"`
	Detail string       `json:"detail,omitempty"`
	Errors []FieldError `json:"errors,omitempty"`
}

// FieldError describes an invalid field of a request, without its value. It has a pointer or a parameter.
type FieldError struct {
	// Pointer is the JSON pointer of a field of the body, such as #/title.
	Pointer string `json:"pointer,omitempty"`
	// Parameter is the name of a parameter of the path or the query.
	Parameter string `json:"parameter,omitempty"`
	// Detail is what the field expects.
	Detail string `json:"detail"`
}

// JSON sends a value as JSON, or a 500 if it cannot be encoded.
func JSON(w http.ResponseWriter, status int, value any) {
	encode(w, status, "application/json", value)
}

// EncodedJSON sends a body that is already JSON.
func EncodedJSON(w http.ResponseWriter, status int, body []byte) {
	write(w, status, "application/json", body)
}

// Problem sends a problem document with the status and without the cause; log the cause.
func Problem(w http.ResponseWriter, status int) {
	ProblemWithDetail(w, status, "")
}

// ProblemWithDetail sends a problem document that states what the client can do, without values of its request.
func ProblemWithDetail(w http.ResponseWriter, status int, detail string, errors ...FieldError) {
	encode(w, status, "application/problem+json",
		problem{"about:blank", http.StatusText(status), status, detail, errors})
}

// LimitBody returns a handler whose requests may have bodies of that size instead of the service's limit. Larger ones
// get a 413. Register it as it is: other middleware around it hides the limit.
func LimitBody(maximumBytes int64, handler http.Handler) http.Handler {
	return limitedBody{handler, maximumBytes}
}

type limitedBody struct {
	http.Handler

	maximumBytes int64
}

// MaximumBodyBytes returns the limit to the server.
func (l limitedBody) MaximumBodyBytes() int64 { return l.maximumBytes }

// Unauthorized sends a 401 that requests a bearer token.
func Unauthorized(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", "Bearer")
	Problem(w, http.StatusUnauthorized)
}

func encode(w http.ResponseWriter, status int, contentType string, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		slog.Error("encoding the response failed", "error", err)
		Problem(w, http.StatusInternalServerError)
		return
	}
	write(w, status, contentType, body)
}

func write(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		slog.Debug("the client did not receive the response", "error", err)
	}
}

// BearerToken returns the token of the request's Authorization header, or "" if it carries none.
func BearerToken(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
