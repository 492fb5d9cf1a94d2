// Package configtest has environments for tests.
package configtest

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Environment returns the variables of .env.example, so that a new variable requires no edit of a test, with some
// changed. A change to "" leaves a variable out.
func Environment(t *testing.T, changes map[string]string) map[string]string {
	t.Helper()
	environment, err := Example()
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(environment, changes)
	maps.DeleteFunc(environment, func(_, value string) bool { return value == "" })
	return environment
}

// Example returns the variables of .env.example. Values that start with "example-" become others, because deployments
// refuse them.
func Example() (map[string]string, error) {
	text, err := read(".env.example")
	environment := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, isVariable := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		if isVariable && !strings.HasPrefix(name, "#") {
			environment[name] = strings.Replace(value, "example-", "test-", 1)
		}
	}
	return environment, err
}

// read returns a file of the module's root, which is above the folder of each test.
func read(name string) (string, error) {
	folder, err := filepath.Abs(".")
	for err == nil {
		var text []byte
		if text, err = os.ReadFile(filepath.Join(folder, name)); err == nil { //nolint:gosec // a file of the repository
			return string(text), nil
		}
		if errors.Is(err, os.ErrNotExist) && folder != filepath.Dir(folder) {
			folder, err = filepath.Dir(folder), nil
		}
	}
	return "", fmt.Errorf("finding %s: %w", name, err)
}
