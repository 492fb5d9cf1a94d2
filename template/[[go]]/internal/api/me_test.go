package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// tokenOf returns the Authorization header of a user.
func tokenOf(t *testing.T, subject string) string {
	t.Helper()
	claims := jwt.MapClaims{"sub": subject, "exp": time.Now().Add(time.Hour).Unix()}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return "Bearer " + token
}

func TestMe(t *testing.T) {
	response := send(t, http.MethodGet, "/api/v1/me", tokenOf(t, "ada"), "")
	if response.Code != http.StatusOK || strings.TrimSpace(response.Body.String()) != `{"subject":"ada"}` {
		t.Errorf("got %d %s", response.Code, response.Body)
	}
}

func TestMeRequiresToken(t *testing.T) {
	if response := send(t, http.MethodGet, "/api/v1/me", "", ""); response.Code != http.StatusUnauthorized {
		t.Errorf("got %d %s", response.Code, response.Body)
	}
}
