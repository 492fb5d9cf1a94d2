-- The example to replace. Keep every migration compatible with the version that runs while it is applied: add first,
-- remove in a later release.

-- +goose Up
CREATE TABLE examples (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- +goose Down
DROP TABLE examples;
