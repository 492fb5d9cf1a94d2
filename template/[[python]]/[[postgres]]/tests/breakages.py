"""Finds operations of a migration that break older code."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection, migrations, models
from django.db.migrations.operations.base import Operation
from django.db.migrations.operations.fields import FieldOperation
from django.db.migrations.state import ProjectState
from django.db.models import NOT_PROVIDED
from django.db.models.options import Options

type Field = models.Field[Any, Any]
type Meta = Options[Any]

REPLACE_IT = "add a new one, migrate the code in later releases, then drop the old one"


@dataclass(frozen=True)
class Breakage:
    """What an operation does, what it breaks in the running version, and what to do instead."""

    does: str
    breaks: str
    instead: str


def is_unclear(operation: Operation) -> bool:
    """Whether the lint cannot judge an operation: SQL, Python, and operations of other packages."""
    match operation:
        case migrations.SeparateDatabaseAndState():
            return any(map(is_unclear, operation.database_operations))
        case migrations.RunSQL() | migrations.RunPython():
            return True
    return not type(operation).__module__.startswith("django.")


def breakages(
    operation: Operation, app_label: str, before: ProjectState, created: Collection[str]
) -> Iterator[Breakage]:
    """Yield what an operation breaks; nothing if the previous version can run with it.

    Arguments:
        operation: one of a migration's operations.
        app_label: the migration's app.
        before: the models before the operation.
        created: the lower-case names of models that the same migration creates: no code uses these yet.

    """
    after = before.clone()
    match operation:
        case migrations.SeparateDatabaseAndState():
            for inner in operation.database_operations:
                yield from breakages(inner, app_label, after, created)
                inner.state_forwards(app_label, after)
        case FieldOperation() if operation.model_name_lower not in created:
            operation.state_forwards(app_label, after)
            model = operation.model_name
            yield from of_field(operation, meta(before, app_label, model), meta(after, app_label, model))
        case migrations.DeleteModel() if operation.name_lower not in created:
            old = meta(before, app_label, operation.name)
            if old.managed and not old.proxy:
                yield drops(f"the table {old.db_table}")
        case migrations.RenameModel() | migrations.AlterModelTable() if operation.name_lower not in created:
            operation.state_forwards(app_label, after)
            name = operation.new_name if isinstance(operation, migrations.RenameModel) else operation.name
            table = meta(before, app_label, operation.name).db_table
            if table != meta(after, app_label, name).db_table:
                yield renames(f"the table {table}")


def of_field(operation: FieldOperation, before: Meta, after: Meta) -> Iterator[Breakage]:
    """Yield what an operation on a field breaks, from its model before and after."""
    match operation:
        case migrations.RemoveField():
            yield drops(f"the column {column(before, field_of(before, operation.name))}")
        case migrations.RenameField():
            old = field_of(before, operation.old_name)
            if old.column != field_of(after, operation.new_name).column:
                yield renames(f"the column {column(before, old)}")
        case migrations.AddField():
            added = field_of(after, operation.name)
            if is_required(added):
                yield Breakage(
                    f"adds the column {column(after, added)}, which is NOT NULL and has no default in the database",
                    "inserts rows without it",
                    "add a db_default (Django does not keep a `default` in the database), or use null=True for now",
                )
        case migrations.AlterField():
            old = field_of(before, operation.name)
            yield from of_change(column(before, old), old, field_of(after, operation.name))


def of_change(name: str, old: Field, new: Field) -> Iterator[Breakage]:
    """Yield what the change of a column breaks."""
    old_type, new_type = old.db_type(connection), new.db_type(connection)
    if old.column != new.column:
        yield renames(f"the column {name}")
    if old_type != new_type and not is_wider(old_type, new_type):
        yield Breakage(
            f"changes the type of the column {name} from {old_type} to {new_type}",
            "reads and writes the old type",
            REPLACE_IT,
        )
    if old.null and not new.null:
        yield Breakage(
            f"makes the column {name} NOT NULL",
            "may leave it empty",
            "release code that always sets it, fill existing rows, then do this in the next release",
        )
    if old.db_default is not NOT_PROVIDED and new.db_default is NOT_PROVIDED:
        yield Breakage(
            f"drops the default of the column {name}",
            "may insert rows without it",
            "release code that always sets it, then do this in the next release",
        )


def is_required(added: Field) -> bool:
    """Whether every INSERT must set the column of a new field."""
    has_default = added.generated or isinstance(added, models.AutoField) or added.db_default is not NOT_PROVIDED
    return not (added.many_to_many or added.null or has_default)


def is_wider(old: str | None, new: str | None) -> bool:
    """Whether a column's new type accepts every text of the old type."""
    length = re.fullmatch(r"varchar\((\d+)\)", old or "")
    new_length = re.fullmatch(r"varchar\((\d+)\)", new or "")
    if length and new_length:
        return int(new_length.group(1)) >= int(length.group(1))
    return bool(length) and new in ("text", "varchar")


def drops(what: str) -> Breakage:
    """Return the breakage of dropping something."""
    return Breakage(
        f"drops {what}", "may still use it", "release code that does not use it, then drop it in the next release"
    )


def renames(what: str) -> Breakage:
    """Return the breakage of renaming something."""
    return Breakage(f"renames {what}", "uses the old name", REPLACE_IT)


def meta(state: ProjectState, app_label: str, model: str) -> Meta:
    """Return a model's metadata at some point of the migrations."""
    known: Meta = state.apps.get_model(app_label, model)._meta  # noqa: SLF001  # documented API
    return known


def field_of(model: Meta, name: str) -> Field:
    """Return a model's field."""
    field = model.get_field(name)
    assert isinstance(field, models.Field)
    return field


def column(model: Meta, field: Field) -> str:
    """Return the full name of a field's column."""
    return f"{model.db_table}.{field.column or field.name}"
