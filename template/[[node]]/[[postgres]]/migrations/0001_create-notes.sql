-- An example to replace. Migrations run once each, in the order of their names: start a name with a number or a timestamp.
-- Each migration must be compatible with the running version: see MIGRATIONS.md.

-- Up Migration
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

-- Down Migration
DROP TABLE note_events;
DROP TABLE notes;
