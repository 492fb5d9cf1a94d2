"""Promise: the checks of an emitted repository reject a migration that breaks the running version."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.combinations import LANGUAGES
from tests.test_project_checks import TOOLCHAINS

CONTRACT = "phase: contract, since release 1.4 nothing uses it"
EXPAND = "phase: expand, it only fills the new column"
UNCLEAR = "The lint cannot judge"
NO_PHASE = "is not a phase with a reason"

# The name of a migration, its statements, and the error of its lint, or None if it passes.
SQL = [
    # what breaks older code
    ("drop_table", "DROP TABLE orders;", "drops a table"),
    ("drop_table_in_schema", "DROP TABLE IF EXISTS sales.orders CASCADE;", "drops a table"),
    ("drop_column", "ALTER TABLE orders DROP COLUMN note;", "drops the column note"),
    ("drop_column_without_the_word", "alter table only orders drop if exists note", "drops the column note"),
    ("drop_column_among_others", "ALTER TABLE orders ADD COLUMN a int, DROP COLUMN b;", "drops the column b"),
    ("drop_column_over_lines", "ALTER\n  TABLE orders /* ; */\n  DROP -- not\n  COLUMN note;", "drops the column note"),
    ("drop_view", "DROP VIEW open_orders;", "drops a view"),
    ("drop_type", "DROP TYPE state;", "drops a type"),
    ("drop_schema", "DROP SCHEMA sales CASCADE;", "drops a schema"),
    ("drop_default", "ALTER TABLE orders ALTER note DROP DEFAULT;", "drops the default of the column note"),
    ("rename_table", "ALTER TABLE orders RENAME TO purchases;", "renames a table"),
    ("rename_column", "ALTER TABLE orders RENAME note TO remark;", "renames the column note"),
    ("rename_view", "ALTER VIEW open_orders RENAME TO pending_orders;", "renames a view"),
    ("rename_value", "ALTER TYPE state RENAME VALUE 'open' TO 'pending';", "renames the value open"),
    ("move_table", "ALTER TABLE orders SET SCHEMA sales;", "by moving it to another schema"),
    ("add_required", "ALTER TABLE orders ADD COLUMN note text NOT NULL;", "adds the column note, which is NOT NULL"),
    ("add_key", "ALTER TABLE orders ADD note uuid PRIMARY KEY;", "adds the column note, which is NOT NULL"),
    ("set_not_null", "ALTER TABLE orders ALTER COLUMN note SET NOT NULL;", "makes the column note NOT NULL"),
    ("change_type", "ALTER TABLE orders ALTER note TYPE int USING note::int;", "changes the type of the column note"),
    ("late", "CREATE INDEX ON orders (note);\n\n\nALTER TABLE orders DROP note;", "drops the column note"),
    ("late_after_umlauts", "-- ä\nSELECT 'ö';\n-- ü\nALTER TABLE orders DROP note;", "drops the column note"),
    ("new_with_condition", "CREATE TABLE IF NOT EXISTS a (b int);\nALTER TABLE a DROP b;", "drops the column b"),
    # what the lint cannot judge
    ("block", "DO $$ BEGIN EXECUTE 'DROP TABLE orders'; END $$;", UNCLEAR),
    ("mistyped", "CREATE INDEX ON orders (note);\nALTER TABL orders DROP note;", 'syntax error at or near "TABL"'),
    # what declares its phase
    ("contract", f"-- {CONTRACT}\nDROP TABLE orders;", None),
    ("contract_among_comments", f"-- Cleans up.\n\n--{CONTRACT}\nALTER TABLE orders DROP note;", None),
    ("contract_block", f"-- {CONTRACT}\nDO $$ BEGIN END $$;", None),
    ("expand_block", f"-- {EXPAND}\nDO $$ BEGIN END $$;", None),
    ("expand_that_drops", f"-- {EXPAND}\nDROP TABLE orders;", "drops a table"),
    ("contract_without_reason", "-- phase: contract\nDROP TABLE orders;", NO_PHASE),
    ("unknown_phase", "-- phase: contraction, nothing uses it\nDROP TABLE orders;", NO_PHASE),
    ("contract_too_late", f"SELECT 1;\n-- {CONTRACT}\nDROP TABLE orders;", "drops a table"),
    ("contract_in_text", f"SELECT '\n-- {CONTRACT}\n';\nDROP TABLE orders;", "drops a table"),
    # what older code can work with
    ("create_table", "CREATE TABLE orders (id int NOT NULL PRIMARY KEY, note text NOT NULL);", None),
    ("add_nullable", "ALTER TABLE orders ADD COLUMN note text;", None),
    ("add_with_default", "ALTER TABLE orders ADD COLUMN note text NOT NULL DEFAULT '';", None),
    ("add_serial", "ALTER TABLE orders ADD number bigserial NOT NULL;", None),
    ("add_identity", "ALTER TABLE orders ADD number int GENERATED ALWAYS AS IDENTITY NOT NULL;", None),
    ("set_default", "ALTER TABLE orders ALTER note SET DEFAULT '', ALTER note DROP NOT NULL;", None),
    ("create_index", "CREATE INDEX CONCURRENTLY orders_note ON orders (note);", None),
    ("drop_index", "DROP INDEX orders_note;\nALTER INDEX a RENAME TO b;", None),
    ("new_table", "CREATE TABLE a (b int);\nALTER TABLE a ADD c int NOT NULL;\nALTER TABLE a RENAME TO d;", None),
    ("words", "INSERT INTO orders (note) VALUES ('; DROP TABLE orders;'); -- DROP TABLE orders;", None),
]

# The same for Django's operations on the emitted example's model.
OPERATIONS = [
    ("delete_model", 'migrations.DeleteModel("NoteEvent")', "drops the table note_events"),
    ("rename_table", 'migrations.AlterModelTable("note", "memos")', "renames the table notes"),
    ("remove_field", 'migrations.RemoveField("note", "body")', "drops the column notes.body"),
    ("rename_field", 'migrations.RenameField("note", "body", "text")', "renames the column notes.body"),
    ("add_required", 'migrations.AddField("note", "a", models.TextField(default=""))', "adds the column notes.a"),
    (
        "add_required_once",
        'migrations.AddField("note", "a", models.TextField(default=""), preserve_default=False)',
        "no default in the database",
    ),
    (
        "require",
        'migrations.AddField("note", "a", models.TextField(null=True)),\n'
        '        migrations.AlterField("note", "a", models.TextField())',
        "makes the column notes.a NOT NULL",
    ),
    (
        "drop_default",
        'migrations.AddField("note", "a", models.TextField(db_default="")),\n'
        '        migrations.AlterField("note", "a", models.TextField())',
        "drops the default of the column notes.a",
    ),
    ("change_type", 'migrations.AlterField("note", "body", models.IntegerField())', "from text to integer"),
    ("narrow", 'migrations.AlterField("note", "body", models.CharField(max_length=9))', "from text to varchar(9)"),
    (
        "rename_column",
        'migrations.AlterField("note", "body", models.TextField(db_column="text"))',
        "renames the column notes.body",
    ),
    (
        "hidden_by_a_rename",
        'migrations.RenameModel("Note", "Memo"),\n        migrations.RemoveField("memo", "body")',
        "drops the column notes.body",
    ),
    (
        "in_the_database_only",
        'migrations.SeparateDatabaseAndState(database_operations=[migrations.RemoveField("note", "body")])',
        "drops the column notes.body",
    ),
    ("sql", 'migrations.RunSQL("SELECT 1")', UNCLEAR),
    ("python", "migrations.RunPython(migrations.RunPython.noop)", UNCLEAR),
    (
        "sql_inside",
        'migrations.SeparateDatabaseAndState(database_operations=[migrations.RunSQL("SELECT 1")])',
        UNCLEAR,
    ),
    ("contract", f'# {CONTRACT}\nmigrations.RemoveField("note", "body")', None),
    ("contract_sql", f'# {CONTRACT}\nmigrations.RunSQL("DROP TABLE notes")', None),
    ("expand_sql", f'# {EXPAND}\nmigrations.RunSQL("SELECT 1")', None),
    ("expand_that_drops", f'# {EXPAND}\nmigrations.RemoveField("note", "body")', "drops the column notes.body"),
    ("contract_without_reason", '# phase: contract\nmigrations.RemoveField("note", "body")', NO_PHASE),
    ("add_nullable", 'migrations.AddField("note", "a", models.TextField(null=True))', None),
    ("add_with_default", 'migrations.AddField("note", "a", models.TextField(db_default=""))', None),
    ("add_index", 'migrations.AddIndex("note", models.Index(fields=["body"], name="notes_body"))', None),
    ("rename_model", 'migrations.RenameModel("Note", "Memo")', None),
    (
        "rename_field_only",
        'migrations.AlterField("note", "body", models.TextField(db_column="body")),\n'
        '        migrations.RenameField("note", "body", "text")',
        None,
    ),
    (
        "forget",
        'migrations.SeparateDatabaseAndState(state_operations=[migrations.RemoveField("note", "body")])',
        None,
    ),
    (
        "widen",
        'migrations.AddField("note", "a", models.CharField(max_length=9, null=True)),\n'
        '        migrations.AlterField("note", "a", models.CharField(max_length=10, null=True)),\n'
        '        migrations.AlterField("note", "a", models.TextField(null=True))',
        None,
    ),
    (
        "new_model",
        'migrations.CreateModel("New", [("id", models.BigAutoField(primary_key=True))]),\n'
        '        migrations.AddField("new", "note", models.ForeignKey("api.note", models.CASCADE))',
        None,
    ),
]


@dataclass(frozen=True)
class Migration:
    """A migration file of the emitted project, and the error that its lint should print."""

    name: str
    text: str
    line: int
    error: str | None


def migrations(language: str) -> list[Migration]:
    """Return every migration of the tables above as the files of a language."""
    if language == "python":
        return [
            in_python(f"{number:04}_{name}", body, error) for number, (name, body, error) in enumerate(OPERATIONS, 2)
        ]
    up, down = {
        "node": ("-- Up Migration", "-- Down Migration"),
        "go": ("-- +goose Up", "-- +goose Down"),
    }[language]
    return [
        in_sql(f"{number:05}_{name}.sql", body, error, up, down) for number, (name, body, error) in enumerate(SQL, 2)
    ]


def in_sql(name: str, body: str, error: str | None, up: str, down: str) -> Migration:
    text = f"{up}\n{body}\n\n{down}\nDROP TABLE orders;\nALTER TABLE a DROP COLUMN b;\n"
    marker = "TABL " if "syntax" in (error or "") else None
    line = next(
        number
        for number, content in reversed(list(enumerate(text.split(down)[0].splitlines(), 1)))
        if (marker or first_words(body)) in content
    )
    return Migration(f"migrations/{name}", text, line, error)


def first_words(body: str) -> str:
    """Return how the last statement of a migration begins, which is the one that the tables above reject."""
    lines = [line for line in body.splitlines() if line and not line[0].isspace()]
    return next(line for line in reversed(lines) if not line.startswith("--"))


def in_python(name: str, body: str, error: str | None) -> Migration:
    head, _, operations = body.rpartition("\n") if body.startswith("#") else ("", "", body)
    text = f"""{head}
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("api", "0001_initial")]

    operations = [
        {operations},
    ]
"""
    return Migration(f"api/migrations/{name}.py", text, 9 + operations.count("\n"), error)


def check(project: Path) -> subprocess.CompletedProcess[str]:
    """Run the project's own `make test`."""
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "400"}
    environment.pop("FORCE_COLOR", None)
    return subprocess.run(
        ["make", "--silent", "test"],
        cwd=project,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        timeout=900,
    )


@pytest.fixture(scope="module")
def project(render, tmp_path_factory):
    """Return a function that emits and sets up one project per language."""
    projects: dict[str, Path] = {}

    def emit(language: str) -> Path:
        if language not in projects:
            source = render(language=language, services=["postgres"])
            target = tmp_path_factory.mktemp("migrations") / source.name
            projects[language] = Path(shutil.copytree(source, target, symlinks=True))
            subprocess.run(["make", "--silent", "setup"], cwd=target, check=True, timeout=600)
        return projects[language]

    return emit


@pytest.fixture(scope="module")
def verdicts(project):
    """Return a function that checks every migration of a language at once, and returns the completed process."""
    done: dict[str, subprocess.CompletedProcess[str]] = {}

    def verdict(language: str) -> subprocess.CompletedProcess[str]:
        if language not in done:
            done[language] = write_and_check(project(language), migrations(language))
        return done[language]

    return verdict


def write_and_check(project: Path, files: list[Migration]) -> subprocess.CompletedProcess[str]:
    for migration in files:
        (project / migration.name).write_text(migration.text)
    try:
        return check(project)
    finally:
        for migration in files:
            (project / migration.name).unlink()


LANGUAGE = [pytest.param(language, marks=pytest.mark.needs(TOOLCHAINS[language])) for language in LANGUAGES]
CASES = [
    pytest.param(
        language,
        migration,
        marks=pytest.mark.needs(TOOLCHAINS[language]),
        id=f"{language}-{Path(migration.name).stem.partition('_')[2]}",
    )
    for language in LANGUAGES
    for migration in migrations(language)
]


@pytest.mark.parametrize("language", LANGUAGE)
def test_the_example_and_compatible_migrations_pass(project, language):
    compatible = [migration for migration in migrations(language) if not migration.error]
    done = write_and_check(project(language), compatible)
    assert done.returncode == 0, done.stdout[-6000:]


@pytest.mark.parametrize("language", LANGUAGE)
def test_a_migration_that_breaks_fails_the_check(verdicts, language):
    assert verdicts(language).returncode != 0


@pytest.mark.parametrize(("language", "migration"), CASES)
def test_verdict(verdicts, language, migration):
    output = verdicts(language).stdout
    if not migration.error:
        assert migration.name not in output
        return
    where = migration.name if migration.error == NO_PHASE else f"{migration.name}:{migration.line}:"
    assert where in output, output[-6000:]
    finding = output.partition(where)[2].partition("migrations/0")[0]
    assert migration.error in finding
    assert "-- phase: contract, " in finding or "# phase: contract, " in finding
    if migration.error not in (NO_PHASE, UNCLEAR) and "syntax" not in migration.error:
        assert "Expand first: " in finding
        assert "the running version" in finding


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_a_database_there_is_no_migration_lint(render, language):
    project = render(language=language, services=["redis", "external-api"])
    left = [path.name for path in project.rglob("*") if "migration" in path.name.lower() or "breakages" in path.name]
    assert left == []
    manifests = [project / name for name in ("package.json", "go.mod", "pyproject.toml")]
    assert not any(name in path.read_text() for path in manifests if path.exists() for name in ("pgquery", "pg-query"))
