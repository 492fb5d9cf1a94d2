//go:build integration

package integration_test

import (
	"strings"
	"testing"
)

func TestMigration(t *testing.T) {
	env := environment(t)
	first, second := run(t, env, "migrate"), run(t, env, "migrate")
	for _, service := range []*service{first, second, run(t, env, "migrate")} {
		code := service.exitCode(t)
		if code != 0 || !strings.Contains(service.stdout.String(), "migrations finished") {
			t.Errorf("exit code %d, %s%s", code, service.stdout.String(), service.stderr.String())
		}
	}
}

func TestMigrationWithoutDatabase(t *testing.T) {
	service := run(t, with(environment(t), "DATABASE_URL", "postgres://app:hidden@127.0.0.1:1/app"), "migrate")
	if code := service.exitCode(t); code != 1 || strings.Contains(service.stderr.String(), "hidden") {
		t.Errorf("exit code %d, %s", code, service.stderr.String())
	}
}
