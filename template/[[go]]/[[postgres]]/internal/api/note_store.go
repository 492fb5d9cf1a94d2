package api

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const noteColumns = "id, title, body, author, created_at"

// noteStore keeps the notes in PostgreSQL.
type noteStore struct {
	pool *pgxpool.Pool
}

// create stores a note and its event, both or neither.
func (s noteStore) create(ctx context.Context, author string, content newNote) (note, error) {
	var created note
	err := pgx.BeginFunc(ctx, s.pool, func(transaction pgx.Tx) error {
		rows, _ := transaction.Query(ctx, // CollectExactlyOneRow returns the error
			"INSERT INTO notes (title, body, author) VALUES ($1, $2, $3) RETURNING "+noteColumns,
			content.Title, content.Body, author)
		var err error
		if created, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[note]); err != nil {
			return fmt.Errorf("insert the note: %w", err)
		}
		_, err = transaction.Exec(ctx, "INSERT INTO note_events (note_id, kind) VALUES ($1, 'created')", created.ID)
		if err != nil {
			return fmt.Errorf("insert the event: %w", err)
		}
		return nil
	})
	if err != nil {
		return note{}, fmt.Errorf("create a note: %w", err)
	}
	return created, nil
}

// read returns a note of the author, or pgx.ErrNoRows.
func (s noteStore) read(ctx context.Context, author string, id int64) (note, error) {
	rows, _ := s.pool.Query(ctx, "SELECT "+noteColumns+" FROM notes WHERE id = $1 AND author = $2", id, author)
	found, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[note])
	if err != nil {
		return note{}, fmt.Errorf("read a note: %w", err)
	}
	return found, nil
}

// list returns the author's notes after the cursor. It reads one more than it returns, to know whether a page follows.
func (s noteStore) list(ctx context.Context, author string, cursor int64, limit int) (notePage, error) {
	rows, _ := s.pool.Query(ctx,
		"SELECT "+noteColumns+" FROM notes WHERE author = $1 AND id > $2 ORDER BY id LIMIT $3", author, cursor, limit+1)
	notes, err := pgx.CollectRows(rows, pgx.RowToStructByPos[note])
	if err != nil {
		return notePage{}, fmt.Errorf("list the notes: %w", err)
	}
	if len(notes) <= limit {
		return notePage{Items: notes}, nil
	}
	notes = notes[:limit]
	return notePage{Items: notes, Next: &notes[limit-1].ID}, nil
}

// delete deletes a note of the author and reports whether it existed.
func (s noteStore) delete(ctx context.Context, author string, id int64) (bool, error) {
	done, err := s.pool.Exec(ctx, "DELETE FROM notes WHERE id = $1 AND author = $2", id, author)
	if err != nil {
		return false, fmt.Errorf("delete a note: %w", err)
	}
	return done.RowsAffected() == 1, nil
}
