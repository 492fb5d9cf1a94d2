-- The example to replace. Every migration has to suit the version that runs while it is applied: MIGRATIONS.md.

-- +goose Up
CREATE TABLE examples (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- +goose Down
DROP TABLE examples;
