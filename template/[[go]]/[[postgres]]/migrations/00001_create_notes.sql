-- An example to replace. Each migration must be compatible with the running version: see MIGRATIONS.md.

-- +goose Up
CREATE TABLE notes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    title text NOT NULL,
    body text NOT NULL,
    author text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX notes_of_author ON notes (author, id);

CREATE TABLE note_events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    note_id bigint NOT NULL REFERENCES notes ON DELETE CASCADE,
    kind text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX note_events_of_note ON note_events (note_id);

-- +goose Down
DROP TABLE note_events;
DROP TABLE notes;
