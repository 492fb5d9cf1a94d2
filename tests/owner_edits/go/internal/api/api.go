// Package api holds the service's own endpoints: this package is yours.
package api

import (
	"net/http"

	"github.com/example/my-service/internal/app"
)

// Register adds the endpoints to the mux. The app has the configuration and the dependencies.
func Register(mux *http.ServeMux, app *app.App) {
	mux.HandleFunc("GET /{$}", describe(app.Config.Version))
	mux.HandleFunc("GET /slow", slow)
	mux.HandleFunc("GET /api/v1/me", me([]byte(app.Config.JWTSecret)))
}
