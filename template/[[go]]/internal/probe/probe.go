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

// Options say what is asked for, and how good the answers have to be.
type Options struct {
	// URLs are asked for in turn.
	URLs []*url.URL
	// Host is whom the requests ask for in their Host header; the host of the URL where it is empty.
	Host string
	// Requests is how many are sent in all.
	Requests int
	// Rate is how many are sent a second.
	Rate float64
	// Timeout is how long a single one may take.
	Timeout time.Duration
	// MaxFailurePercent is how many of them may fail.
	MaxFailurePercent float64
	// MaxP95Milliseconds is what the 95th percentile of their latency may not exceed.
	MaxP95Milliseconds int
}

// Run sends the requests at a steady pace, however slow the answers are, and reports how they went. It takes
// (Requests - 1) / Rate seconds and Timeout at most, and returns an error if the context ends before.
func Run(ctx context.Context, options Options) (Report, error) {
	// Through a load balancer each new connection may reach another instance, so none is kept.
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       options.Timeout,
	}
	outcomes := make([]outcome, options.Requests)
	var underWay sync.WaitGroup
	began := time.Now()
	for number := range outcomes {
		due := began.Add(time.Duration(float64(number) / options.Rate * float64(time.Second)))
		select {
		case <-time.After(time.Until(due)):
		case <-ctx.Done():
		}
		underWay.Go(func() {
			outcomes[number] = send(ctx, client, options.URLs[number%len(options.URLs)], options.Host)
		})
	}
	underWay.Wait()
	if err := ctx.Err(); err != nil {
		return Report{}, fmt.Errorf("the probe was interrupted: %w", err)
	}
	return newReport(outcomes, options), nil
}

// outcome is how one request went.
type outcome struct {
	err     error
	latency time.Duration
}

func send(ctx context.Context, client *http.Client, address *url.URL, host string) outcome {
	began := time.Now()
	err := get(ctx, client, address, host)
	return outcome{err: err, latency: time.Since(began)}
}

// get returns nil if the whole answer arrives, with a status from 200 to 399.
func get(ctx context.Context, client *http.Client, address *url.URL, host string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), http.NoBody)
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	request.Host = host
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("send the request: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if response.StatusCode < http.StatusOK || response.StatusCode >= http.StatusBadRequest {
		return statusError(response.StatusCode)
	}
	return nil
}
