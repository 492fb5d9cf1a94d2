package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	defaultPort        = "8080"
	healthcheckTimeout = 2 * time.Second
)

var errUnhealthy = errors.New("the service is not healthy")

// checkHealth returns an error unless the service on PORT of this machine is healthy.
func checkHealth(ctx context.Context, environment map[string]string) error {
	port := environment["PORT"]
	if port == "" {
		port = defaultPort
	}
	ctx, cancel := context.WithTimeout(ctx, healthcheckTimeout)
	defer cancel()
	address := url.URL{Scheme: "http", Host: net.JoinHostPort("127.0.0.1", port), Path: "/health"}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), http.NoBody)
	if err != nil {
		return fmt.Errorf("%w: %w", errUnhealthy, err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("%w: %w", errUnhealthy, err)
	}
	if response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%w: it answered %s", errUnhealthy, response.Status)
	}
	return errors.Join(err, response.Body.Close())
}
