-- An example to replace. Migrations run once each, in the order of their names: start a name with a number or a timestamp.
-- Each migration must be compatible with the running version: see MIGRATIONS.md.

-- Up Migration
CREATE TABLE notes (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  body text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

-- Down Migration
DROP TABLE notes;
