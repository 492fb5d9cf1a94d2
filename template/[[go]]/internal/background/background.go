// Package background runs work beside the requests and ends it before the process exits.
package background

import (
	"context"
	"fmt"
	"sync"
)

// Group is the service's background work.
type Group struct {
	ctx    context.Context //nolint:containedctx // ends with the service, not with a call
	stop   context.CancelFunc
	failed chan error
	work   sync.WaitGroup
}

// New returns a group without work.
func New() *Group {
	ctx, stop := context.WithCancel(context.Background())
	return &Group{ctx: ctx, stop: stop, failed: make(chan error, 1)}
}

// Go starts work. Its context is canceled when the service starts to drain: return then, at the latest within the
// shutdown timeout. If work fails before, the service drains and exits with 1.
func (g *Group) Go(name string, work func(ctx context.Context) error) {
	g.work.Go(func() {
		defer func() {
			if cause := recover(); cause != nil {
				g.fail(fmt.Errorf("background work %s panicked: %v", name, cause))
			}
		}()
		if err := work(g.ctx); err != nil && g.ctx.Err() == nil {
			g.fail(fmt.Errorf("background work %s failed: %w", name, err))
		}
	})
}

// Draining is closed when the service starts to drain. Handlers of long responses end them then.
func (g *Group) Draining() <-chan struct{} { return g.ctx.Done() }

// Failed receives the first failure.
func (g *Group) Failed() <-chan error { return g.failed }

// Stop cancels the context of the work.
func (g *Group) Stop() { g.stop() }

// Wait waits until all work has ended. It returns an error if the context ends before.
func (g *Group) Wait(ctx context.Context) error {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		g.work.Wait()
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("background work was interrupted: %w", ctx.Err())
	}
}

func (g *Group) fail(err error) {
	select {
	case g.failed <- err:
	default: // the first failure stops the service
	}
}
