// Package migrations carries the SQL files of this folder inside the binary. They are applied in the order of their
// numbers, each once; goose's annotations tell the way up from the way down.
package migrations

import "embed"

// Files are the migrations.
//
//go:embed *.sql
var Files embed.FS
