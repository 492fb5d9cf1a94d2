package api

import "github.com/google/uuid"

// newIdentifier returns what a note is known by.
func newIdentifier() string {
	return uuid.NewString()
}
