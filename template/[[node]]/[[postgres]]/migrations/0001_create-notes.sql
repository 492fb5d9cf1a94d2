-- An example to replace. Names start with a number or a timestamp: they are applied in that order, each once. Every one
-- has to suit the version that runs while it is applied: MIGRATIONS.md.

-- Up Migration
CREATE TABLE notes (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  body text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

-- Down Migration
DROP TABLE notes;
