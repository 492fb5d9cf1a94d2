package health

import (
	"context"
	"maps"
	"math"
	"slices"
	"sync"
	"time"
)

// checkTimeout bounds each check, so that a probe always gets its answer in time.
const checkTimeout = 2 * time.Second

// Check asks one dependency whether it works.
type Check struct {
	// Name is the dependency's name in the detailed report.
	Name string
	// Required dependencies make the service not ready while they fail.
	Required bool
	// Ask returns nil if the dependency works. It must return when the context ends.
	Ask func(ctx context.Context) error
}

// Result is what a check found out.
type Result struct {
	// Status is "ok" or "error".
	Status string `json:"status"`
	// LatencyMs is how long the check took, in milliseconds.
	LatencyMs float64 `json:"latencyMs"`
	// Error is the kind of failure; addresses and credentials stay in the log.
	Error string `json:"error,omitempty"`
}

func isAny(Check) bool            { return true }
func isRequired(check Check) bool { return check.Required }

// run asks the selected dependencies, all at the same time, and returns the results by name.
func (health *Health) run(ctx context.Context, selected func(Check) bool) map[string]Result {
	var (
		results = make(map[string]Result, len(health.Checks))
		lock    sync.Mutex
		running sync.WaitGroup
	)
	for _, check := range health.Checks {
		if !selected(check) {
			continue
		}
		running.Go(func() {
			result := health.ask(ctx, check)
			lock.Lock()
			defer lock.Unlock()
			results[check.Name] = result
		})
	}
	running.Wait()
	return results
}

func (health *Health) ask(ctx context.Context, check Check) Result {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	err := check.Ask(ctx)
	result := Result{Status: "ok", LatencyMs: math.Round(float64(time.Since(began).Microseconds())/100) / 10}
	if err != nil {
		result.Status = "error"
		result.Error = FailureKind(err)
		health.Logger.WarnContext(ctx, "a dependency failed its check", "dependency", check.Name, "error", err)
	}
	return result
}

func allOK(results map[string]Result) bool {
	return !slices.ContainsFunc(slices.Collect(maps.Values(results)), func(result Result) bool {
		return result.Status != "ok"
	})
}
