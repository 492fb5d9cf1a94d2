package config

import (
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

// check notes each value that breaks a rule.
func (config Config) check(problems problems) {
	require := func(holds bool, variable string) {
		if !holds {
			problems.add(variable, "is not valid")
		}
	}
	require(slices.Contains([]string{"development", "test", "staging", "production"}, config.Mode), "APP_ENV")
	require(config.Port > 0, "PORT")
	require(config.MetricsPort > 0 && config.MetricsPort != config.Port, "METRICS_PORT")
	require(slices.Contains([]string{"debug", "info", "warn", "error"}, config.LogLevel), "LOG_LEVEL")
	require(utf8.RuneCountInString(config.Version) <= maximumVersionLength, "APP_VERSION")

	config.checkSecret(problems, "JWT_SECRET", config.JWTSecret, minimumJWTSecretLength)
	config.checkSecret(problems, "HEALTH_TOKEN", config.HealthToken, minimumHealthTokenLength)

	// A timeout is only compared with a delay that is itself valid: one mistake, one problem.
	delay, timeout := config.ShutdownDelaySeconds, config.ShutdownTimeoutSeconds
	isDelayValid := delay <= maximumShutdownDelaySeconds
	require(isDelayValid, "SHUTDOWN_DELAY_SECONDS")
	require(timeout > 0 && timeout <= maximumShutdownTimeoutSeconds && (timeout > delay || !isDelayValid),
		"SHUTDOWN_TIMEOUT_SECONDS")
}

// checkSecret refuses secrets that can be guessed and, where the service is deployed, those of .env.example.
func (config Config) checkSecret(problems problems, variable string, secret Secret, minimumLength int) {
	if utf8.RuneCountInString(string(secret)) < minimumLength {
		problems.add(variable, "is too short")
	}
	if config.IsDeployed() && strings.HasPrefix(string(secret), "example-") {
		problems.addExpecting(variable, "is the example's", "a secret of its own")
	}
}
