// Package logging creates the service's logger.
package logging

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// Options configures the logger.
type Options struct {
	// Service and Version are part of every line.
	Service, Version string
	// Level is the minimum level: debug, info, warn or error.
	Level string
	// Readable selects text lines instead of JSON lines.
	Readable bool
}

// New returns a logger that writes to the writer. Lines with a request's context contain its id.
func New(writer io.Writer, options Options) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(options.Level)); err != nil {
		return nil, fmt.Errorf("log level: %w", err)
	}
	handlerOptions := &slog.HandlerOptions{Level: level, ReplaceAttr: lowerCaseLevel}
	var handler slog.Handler = slog.NewJSONHandler(writer, handlerOptions)
	if options.Readable {
		handler = slog.NewTextHandler(writer, handlerOptions)
	}
	return slog.New(requestHandler{handler}).With("service", options.Service, "version", options.Version), nil
}

func lowerCaseLevel(groups []string, attribute slog.Attr) slog.Attr {
	if len(groups) == 0 && attribute.Key == slog.LevelKey {
		attribute.Value = slog.StringValue(strings.ToLower(attribute.Value.String()))
	}
	return attribute
}

type requestIDKey struct{}

// WithRequestID returns a context that adds the request's id to log lines.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// requestHandler adds the request's id to each line whose context has one.
type requestHandler struct {
	slog.Handler
}

func (h requestHandler) Handle(ctx context.Context, record slog.Record) error {
	if id, found := ctx.Value(requestIDKey{}).(string); found {
		record.AddAttrs(slog.String("requestId", id))
	}
	return h.Handler.Handle(ctx, record) //nolint:wrapcheck // a decorator adds nothing to the error
}

func (h requestHandler) WithAttrs(attributes []slog.Attr) slog.Handler {
	return requestHandler{h.Handler.WithAttrs(attributes)}
}

func (h requestHandler) WithGroup(name string) slog.Handler {
	return requestHandler{h.Handler.WithGroup(name)}
}
