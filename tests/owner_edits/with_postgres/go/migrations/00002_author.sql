-- +goose Up
ALTER TABLE examples ADD COLUMN author text NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE examples DROP COLUMN author;
