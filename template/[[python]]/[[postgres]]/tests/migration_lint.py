"""Finds migrations that break the running version, during a release or after a rollback: see MIGRATIONS.md."""

import ast
import inspect
import re
from pathlib import Path

from django.db.migrations import CreateModel, Migration
from django.db.migrations.loader import MigrationLoader

from tests.breakages import breakages, is_unclear

ROOT = Path(__file__).parent.parent
MARK_EXAMPLE = "# phase: contract, since release 1.4 nothing reads orders.note"


def own_migrations() -> list[Migration]:
    """Return the migrations of this repository, without those of installed packages."""
    migrations = MigrationLoader(None).disk_migrations
    return [
        migration
        for _, migration in sorted(migrations.items())
        if path_of(migration).is_relative_to(ROOT) and "site-packages" not in path_of(migration).parts
    ]


def lint(migration: Migration) -> list[str]:
    """Return the findings about a migration, each with its place and a fix."""
    path = path_of(migration)
    file = path.relative_to(ROOT)
    text = path.read_text()

    head = re.match(r"(?:\s*#.*)*", text)
    mark = re.search(r"^\s*#\s*phase:(.*)$", head.group() if head else "", re.MULTILINE | re.IGNORECASE)
    words = mark.group(1).strip() if mark else ""
    declared = re.match(r"(expand|contract)\W+\w", words)
    if mark and not declared:
        return [f'{file}: "phase: {words}" is not a phase with a reason. Write:\n  {MARK_EXAMPLE}']
    phase = declared.group(1) if declared else None

    lines = lines_of_operations(text)
    state = MigrationLoader(None).project_state((migration.app_label, migration.name), at_end=False)
    created: set[str] = set()
    findings = []
    for index, operation in enumerate(migration.operations):
        place = f"{file}:{lines[index] if index < len(lines) else 1}"
        quoted = f"{type(operation).__name__}: {operation.describe()}"
        if is_unclear(operation) and not phase:
            findings.append(
                f"{place}: {quoted}\n"
                "  The lint cannot judge whether the running version is compatible with it.\n"
                "  Declare the phase in the first lines of the file, expand or contract, with a reason:\n"
                f"  {MARK_EXAMPLE}"
            )
        if phase != "contract":
            findings += [
                f"{place}: {quoted}\n"
                f"  It {found.does}, but the running version {found.breaks}.\n"
                f"  Expand first: {found.instead} (MIGRATIONS.md).\n"
                "  If that is done, declare in the first lines of the file since which release nothing uses it:\n"
                f"  {MARK_EXAMPLE}"
                for found in breakages(operation, migration.app_label, state, created)
            ]
        operation.state_forwards(migration.app_label, state)
        if isinstance(operation, CreateModel):
            created.add(operation.name_lower)
    return findings


def path_of(migration: Migration) -> Path:
    """Return the file of a migration."""
    return Path(inspect.getfile(type(migration)))


def lines_of_operations(text: str) -> list[int]:
    """Return the line of each operation of a migration file; nothing if they are not a literal list."""
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Assign(targets=[ast.Name(id="operations")], value=ast.List(elts=operations)):
                return [operation.lineno for operation in operations]
    return []
