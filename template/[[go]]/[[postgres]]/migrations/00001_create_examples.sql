-- An example to replace. Each migration must be compatible with the running version: see MIGRATIONS.md.

-- +goose Up
CREATE TABLE examples (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- +goose Down
DROP TABLE examples;
