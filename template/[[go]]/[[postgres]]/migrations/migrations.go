// Package migrations embeds the SQL files of this folder. Each runs once, in the order of the numbers; goose's
// annotations separate up from down.
package migrations

import "embed"

// Files holds the migrations.
//
//go:embed *.sql
var Files embed.FS
