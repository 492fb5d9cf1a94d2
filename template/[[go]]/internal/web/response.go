// Package web holds what HTTP handlers share: JSON answers, problem answers and bearer tokens.
package web

import (
	"encoding/json"
	"log/slog"
	"net/http"
)

// problem is an error as RFC 9457 describes it; "about:blank" says that the status tells all there is to tell.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
}

// JSON answers with a status and a value encoded as JSON; with 500 if the value cannot be encoded.
func JSON(w http.ResponseWriter, status int, value any) {
	encode(w, status, "application/json", value)
}

// EncodedJSON answers with a status and a body that is JSON already.
func EncodedJSON(w http.ResponseWriter, status int, body []byte) {
	write(w, status, "application/json", body)
}

// Problem answers with an error status and its name; a cause belongs in the log, never in the answer.
func Problem(w http.ResponseWriter, status int) {
	encode(w, status, "application/problem+json", problem{"about:blank", http.StatusText(status), status})
}

// Unauthorized answers with 401 and asks for a bearer token.
func Unauthorized(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", "Bearer")
	Problem(w, http.StatusUnauthorized)
}

func encode(w http.ResponseWriter, status int, contentType string, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		slog.Error("the answer cannot be encoded", "error", err)
		Problem(w, http.StatusInternalServerError)
		return
	}
	write(w, status, contentType, body)
}

func write(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		slog.Debug("the answer was not received", "error", err)
	}
}
