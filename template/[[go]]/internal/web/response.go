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
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
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
	encode(w, status, "application/problem+json", problem{"about:blank", http.StatusText(status), status})
}

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
