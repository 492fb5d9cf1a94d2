"""What a migration's operation takes away from code that was written before it."""

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

BESIDES = "add the new one beside it, move the code over in later releases, then drop the old one"


@dataclass(frozen=True)
class Breakage:
    """What an operation does, how the version that still runs suffers, and what to do instead."""

    does: str
    breaks: str
    instead: str


def is_unclear(operation: Operation) -> bool:
    """Tell whether only its author knows what an operation does: SQL, Python, and operations that are not Django's."""
    match operation:
        case migrations.SeparateDatabaseAndState():
            return any(map(is_unclear, operation.database_operations))
        case migrations.RunSQL() | migrations.RunPython():
            return True
    return not type(operation).__module__.startswith("django.")


def breakages(
    operation: Operation, app_label: str, before: ProjectState, created: Collection[str]
) -> Iterator[Breakage]:
    """Yield what an operation breaks, nothing where the version before can live with it.

    Arguments:
        operation: one of a migration's operations.
        app_label: the migration's app.
        before: the models as the operation finds them.
        created: the lower-case names of the models that the same migration creates before: no code knows these yet.

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
    """Yield what an operation on a field breaks, told from its model before and after."""
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
                    "give it a db_default (Django takes a `default` out of the database again), or null=True for now",
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
            "reads and writes the old one",
            BESIDES,
        )
    if old.null and not new.null:
        yield Breakage(
            f"makes the column {name} NOT NULL",
            "may leave it empty",
            "release code that always fills it, fill the rows that are there, then do this in the release after",
        )
    if old.db_default is not NOT_PROVIDED and new.db_default is NOT_PROVIDED:
        yield Breakage(
            f"drops the default of the column {name}",
            "may insert rows without it",
            "release code that always fills it, then do this in the release after",
        )


def is_required(added: Field) -> bool:
    """Tell whether a new field's column has to be named in every INSERT."""
    fills_itself = added.generated or isinstance(added, models.AutoField) or added.db_default is not NOT_PROVIDED
    return not (added.many_to_many or added.null or fills_itself)


def is_wider(old: str | None, new: str | None) -> bool:
    """Tell whether a column's new type takes and gives whatever text the old one did."""
    length = re.fullmatch(r"varchar\((\d+)\)", old or "")
    new_length = re.fullmatch(r"varchar\((\d+)\)", new or "")
    if length and new_length:
        return int(new_length.group(1)) >= int(length.group(1))
    return bool(length) and new in ("text", "varchar")


def drops(what: str) -> Breakage:
    """Return what it means that something is gone."""
    return Breakage(
        f"drops {what}", "may still use it", "release code that does without it, then drop it in the release after"
    )


def renames(what: str) -> Breakage:
    """Return what it means that something has another name."""
    return Breakage(f"renames {what}", "knows the old name only", BESIDES)


def meta(state: ProjectState, app_label: str, model: str) -> Meta:
    """Return what Django knows of a model at some point of the migrations."""
    known: Meta = state.apps.get_model(app_label, model)._meta  # noqa: SLF001  # documented, in spite of its name
    return known


def field_of(model: Meta, name: str) -> Field:
    """Return a model's field."""
    field = model.get_field(name)
    assert isinstance(field, models.Field)
    return field


def column(model: Meta, field: Field) -> str:
    """Return the full name of a field's column."""
    return f"{model.db_table}.{field.column or field.name}"
