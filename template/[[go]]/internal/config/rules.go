package config

import (
	"log/slog"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	maximumVersionLength          = 128
	minimumJWTSecretLength        = 32
	minimumHealthTokenLength      = 16
	maximumShutdownDelaySeconds   = 300
	maximumShutdownTimeoutSeconds = 600
)

// check records each value that breaks a rule.
func (c Config) check(problems problems) {
	require := func(holds bool, variable string) {
		if !holds {
			problems.add(variable, "is not valid")
		}
	}
	require(slices.Contains([]string{"development", "test", "staging", "production"}, c.Mode), "APP_ENV")
	require(c.Port > 0, "PORT")
	require(c.MetricsPort > 0 && c.MetricsPort != c.Port, "METRICS_PORT")
	require(slices.Contains([]string{"debug", "info", "warn", "error"}, c.LogLevel), "LOG_LEVEL")
	require(utf8.RuneCountInString(c.Version) <= maximumVersionLength, "APP_VERSION")

	c.checkSecret(problems, "JWT_SECRET", c.JWTSecret, minimumJWTSecretLength)
	c.checkSecret(problems, "HEALTH_TOKEN", c.HealthToken, minimumHealthTokenLength)

	// Compare the timeout only with a valid delay, so that one mistake is one problem.
	delay, timeout := c.ShutdownDelaySeconds, c.ShutdownTimeoutSeconds
	isDelayValid := delay <= maximumShutdownDelaySeconds
	require(isDelayValid, "SHUTDOWN_DELAY_SECONDS")
	require(timeout > 0 && timeout <= maximumShutdownTimeoutSeconds && (timeout > delay || !isDelayValid),
		"SHUTDOWN_TIMEOUT_SECONDS")
}

// checkSecret refuses short secrets and, in deployments, the values from .env.example.
func (c Config) checkSecret(problems problems, variable string, secret Secret, minimumLength int) {
	if utf8.RuneCountInString(string(secret)) < minimumLength {
		problems.add(variable, "is too short")
	}
	if c.IsDeployed() && strings.HasPrefix(string(secret), "example-") {
		problems.addExpecting(variable, "is the example value", "a new secret")
	}
}

// Secret is a text that is redacted in logs and messages; string(secret) returns it.
type Secret string

// String returns a placeholder.
func (Secret) String() string { return "[secret]" }

// GoString returns a placeholder.
func (Secret) GoString() string { return "[secret]" }

// LogValue returns a placeholder.
func (Secret) LogValue() slog.Value { return slog.StringValue("[secret]") }
