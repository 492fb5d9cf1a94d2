// Package probe measures a running service from outside.
package probe

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Options configures the requests and the limits that they must meet.
type Options struct {
	// URLs are requested in turn.
	URLs []*url.URL
	// Host is the Host header; if empty, the host of the URL.
	Host string
	// Requests is the total number of requests.
	Requests int
	// Rate is the number of requests per second.
	Rate float64
	// Timeout is the time limit of a request.
	Timeout time.Duration
	// MaxFailurePercent is the allowed share of failures.
	MaxFailurePercent float64
	// MaxP95Milliseconds is the allowed 95th percentile of latency.
	MaxP95Milliseconds int
}

// Run sends the requests at a constant rate, however slow the responses are, and returns the report. It takes at most
// (Requests - 1) / Rate seconds plus Timeout. It returns an error if the context ends first.
func Run(ctx context.Context, options Options) (Report, error) {
	// No keep-alive: a load balancer can send each new connection to another instance.
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       options.Timeout,
	}
	outcomes := make([]outcome, options.Requests)
	var inFlight sync.WaitGroup
	began := time.Now()
	for number := range outcomes {
		due := began.Add(time.Duration(float64(number) / options.Rate * float64(time.Second)))
		select {
		case <-time.After(time.Until(due)):
		case <-ctx.Done():
		}
		inFlight.Go(func() {
			outcomes[number] = send(ctx, client, options.URLs[number%len(options.URLs)], options.Host)
		})
	}
	inFlight.Wait()
	if err := ctx.Err(); err != nil {
		return Report{}, fmt.Errorf("the probe was interrupted: %w", err)
	}
	return newReport(outcomes, options), nil
}

// outcome is the result of a request.
type outcome struct {
	err     error
	latency time.Duration
}

func send(ctx context.Context, client *http.Client, address *url.URL, host string) outcome {
	began := time.Now()
	err := get(ctx, client, address, host)
	return outcome{err: err, latency: time.Since(began)}
}

// get returns nil for a complete response with a status from 200 to 399.
func get(ctx context.Context, client *http.Client, address *url.URL, host string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), http.NoBody)
	if err != nil {
		return fmt.Errorf("create the request: %w", err)
	}
	request.Host = host
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("send the request: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return fmt.Errorf("read the response: %w", err)
	}
	if response.StatusCode < http.StatusOK || response.StatusCode >= http.StatusBadRequest {
		return statusError(response.StatusCode)
	}
	return nil
}
