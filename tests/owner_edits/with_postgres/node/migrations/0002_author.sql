-- Up Migration
ALTER TABLE notes ADD COLUMN author text NOT NULL DEFAULT '';

-- Down Migration
ALTER TABLE notes DROP COLUMN author;
