package api

import "testing"

func TestIdentifiersDiffer(t *testing.T) {
	if newIdentifier() == newIdentifier() {
		t.Error("two notes have the same identifier")
	}
}
