package health

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"math"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
)

// checkTimeout is the time limit of a check; it is shorter than a probe's.
const checkTimeout = 2 * time.Second

// Check is the health check of a dependency.
type Check struct {
	// Name is the dependency's name in the detailed report.
	Name string
	// Required reports whether the service is not ready while the check fails.
	Required bool
	// Ask returns nil if the dependency works. It must return when the context ends.
	Ask func(ctx context.Context) error
}

// Result is the result of a check.
type Result struct {
	// Status is "ok" or "error".
	Status string `json:"status"`
	// LatencyMs is the duration of the check in milliseconds.
	LatencyMs float64 `json:"latencyMs"`
	// Error is the kind of failure, without addresses and credentials.
	Error string `json:"error,omitempty"`
}

func isAny(Check) bool            { return true }
func isRequired(check Check) bool { return check.Required }

// run runs the selected checks concurrently and returns the results by name.
func (h *Health) run(ctx context.Context, selected func(Check) bool) map[string]Result {
	var (
		results = make(map[string]Result, len(h.Checks))
		lock    sync.Mutex
		running sync.WaitGroup
	)
	for _, check := range h.Checks {
		if !selected(check) {
			continue
		}
		running.Go(func() {
			result := h.ask(ctx, check)
			lock.Lock()
			defer lock.Unlock()
			results[check.Name] = result
		})
	}
	running.Wait()
	return results
}

func (h *Health) ask(ctx context.Context, check Check) Result {
	began := time.Now()
	// A client that disconnects does not fail the check.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTimeout)
	defer cancel()
	err := check.Ask(ctx)
	result := Result{Status: "ok", LatencyMs: math.Round(float64(time.Since(began).Microseconds())/100) / 10}
	if err != nil {
		result.Status = "error"
		result.Error = FailureKind(err)
	}
	h.logChange(ctx, check, result)
	return result
}

// logChange logs that a dependency failed or recovered. The cause is only the kind of failure, because an error may
// quote an address.
func (h *Health) logChange(ctx context.Context, check Check, result Result) {
	isFailing := result.Error != ""
	previous, _ := h.failing.Swap(check.Name, isFailing)
	switch wasFailing := previous == true; {
	case isFailing && !wasFailing:
		level := slog.LevelWarn
		if check.Required {
			level = slog.LevelError
		}
		h.Logger.Log(ctx, level, "dependency failed", "dependency", check.Name, "cause", result.Error)
	case wasFailing && !isFailing:
		h.Logger.InfoContext(ctx, "dependency recovered", "dependency", check.Name)
	}
}

func allOK(results map[string]Result) bool {
	return !slices.ContainsFunc(slices.Collect(maps.Values(results)), func(result Result) bool {
		return result.Status != "ok"
	})
}

// Failures that only the client of a dependency can recognize; checks wrap them.
var (
	ErrAuthenticationFailed = errors.New("authentication failed")
	ErrUnexpectedStatus     = errors.New("unexpected status")
)

// FailureKind returns the kind of a failure, without addresses and credentials.
func FailureKind(err error) string {
	var (
		lookup  *net.DNSError
		network net.Error
	)
	switch {
	case errors.Is(err, ErrAuthenticationFailed):
		return "authentication failed"
	case errors.Is(err, ErrUnexpectedStatus):
		return "unexpected status"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.As(err, &lookup) && !lookup.IsTimeout:
		return "name not resolved"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "timeout"
	case errors.As(err, &network) && network.Timeout():
		return "timeout"
	default:
		return "unavailable"
	}
}
