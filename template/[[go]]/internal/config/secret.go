package config

import "log/slog"

// Secret is a text that shows itself neither in logs nor in messages; string(secret) is the text itself.
type Secret string

// String returns a placeholder.
func (Secret) String() string { return "[secret]" }

// GoString returns a placeholder.
func (Secret) GoString() string { return "[secret]" }

// LogValue returns a placeholder.
func (Secret) LogValue() slog.Value { return slog.StringValue("[secret]") }
