package api //nolint:testpackage // requireToken is not exported

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/golang-jwt/jwt/v5"
)

var tokenSecret = []byte("a-jwt-secret-for-tests-of-32-characters")

type subjectOutput struct {
	Subject string `header:"X-Subject"`
}

// authorize sends a request to an operation that requires a token and returns its subject.
func authorize(authorization string) *httptest.ResponseRecorder {
	mux := http.NewServeMux()
	api := humago.New(mux, documentation())
	api.UseMiddleware(requireToken(tokenSecret))
	huma.Get(api, "/", func(ctx context.Context, _ *struct{}) (*subjectOutput, error) {
		return &subjectOutput{subject(ctx)}, nil
	})
	request := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	request.Header.Set("Authorization", authorization)
	recorder := httptest.NewRecorder()
	mux.ServeHTTP(recorder, request)
	return recorder
}

func sign(t *testing.T, method jwt.SigningMethod, key any, claims jwt.MapClaims) string {
	t.Helper()
	token, err := jwt.NewWithClaims(method, claims).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func inOneHour() int64 {
	return time.Now().Add(time.Hour).Unix()
}

func TestTokenHasSubject(t *testing.T) {
	token := sign(t, jwt.SigningMethodHS256, tokenSecret, jwt.MapClaims{"sub": "ada", "exp": inOneHour()})
	if response := authorize("Bearer " + token); response.Header().Get("X-Subject") != "ada" {
		t.Errorf("got %d %v", response.Code, response.Header())
	}
}

func TestOtherTokensAreRefused(t *testing.T) {
	valid := jwt.MapClaims{"sub": "ada", "exp": inOneHour()}
	otherSecret := []byte(strings.ToUpper(string(tokenSecret)))
	numeric := jwt.MapClaims{"sub": 1, "exp": inOneHour()}
	for name, authorization := range map[string]string{
		"no token":         "",
		"no JWT":           "Bearer abc",
		"other scheme":     "Basic " + sign(t, jwt.SigningMethodHS256, tokenSecret, valid),
		"other secret":     "Bearer " + sign(t, jwt.SigningMethodHS256, otherSecret, valid),
		"other algorithm":  "Bearer " + sign(t, jwt.SigningMethodHS512, tokenSecret, valid),
		"unsigned":         "Bearer " + sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, valid),
		"no expiry":        "Bearer " + sign(t, jwt.SigningMethodHS256, tokenSecret, jwt.MapClaims{"sub": "ada"}),
		"no subject":       "Bearer " + sign(t, jwt.SigningMethodHS256, tokenSecret, jwt.MapClaims{"exp": inOneHour()}),
		"expired":          "Bearer " + sign(t, jwt.SigningMethodHS256, tokenSecret, jwt.MapClaims{"sub": "ada", "exp": 1}),
		"subject a number": "Bearer " + sign(t, jwt.SigningMethodHS256, tokenSecret, numeric),
	} {
		response := authorize(authorization)
		if response.Code != http.StatusUnauthorized || response.Header().Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("%s: got %d %s", name, response.Code, response.Body)
		}
	}
}
