//go:build integration

package integration_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// externalAPI starts a server that answers every request with the status and returns its address.
func externalAPI(t *testing.T, status int) string {
	t.Helper()
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	t.Cleanup(api.Close)
	return api.URL
}

func TestOutageOfTheExternalAPI(t *testing.T) {
	api := externalAPI(t, http.StatusBadGateway)
	service := start(t, with(environment(t), "EXTERNAL_API_URL", api))
	got := service.get(t, "/health/detailed", "Authorization", "Bearer "+healthToken)
	if got.status != http.StatusServiceUnavailable || !strings.Contains(got.body, `"error":"unexpected status"`) {
		t.Errorf("got %d %s", got.status, got.body)
	}
	if got := service.get(t, "/health/ready"); got.status != http.StatusOK {
		t.Errorf("the service is not ready: %d", got.status)
	}
}
