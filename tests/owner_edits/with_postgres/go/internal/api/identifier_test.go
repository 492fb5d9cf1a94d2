package api_test

import (
	"testing"

	"github.com/example/my-service/internal/api"
)

func TestIdentifiersDiffer(t *testing.T) {
	t.Parallel()
	first, second := api.NewIdentifier(), api.NewIdentifier()
	if first == second {
		t.Errorf("two notes are %s", first)
	}
}
