package api

import "github.com/google/uuid"

// NewIdentifier returns what a note is known by.
func NewIdentifier() string {
	return uuid.NewString()
}
