package web

import (
	"net/http"
	"strings"
)

// BearerToken returns the token of the request's Authorization header, or "" if it carries none.
func BearerToken(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
