package health

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"
)

// Failures that only the dependency's own client can recognize: a check wraps them.
var (
	ErrAuthenticationFailed = errors.New("authentication failed")
	ErrUnexpectedStatus     = errors.New("unexpected status")
)

// FailureKind names a failure without saying anything about addresses or credentials.
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
