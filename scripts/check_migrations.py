"""Whether a migration could hold up or rewrite a table of millions: ``python -m
scripts.check_migrations``. See docs/operations.md, 'Migrations under load'.

A migration that does and may all the same says why in ``safe_on_big_tables = "..."``.
``diagnosis/tests/test_migrations.py`` looks at what PostgreSQL then really does.
"""

import os
import sys
from collections.abc import Iterator
from typing import Any, Final

import django
from django.db.migrations import Migration, operations
from django.db.migrations.loader import MigrationLoader

BIG: Final = frozenset(
    {"diagnosissession", "opinion", "sessionevent", "auditevent", "idempotencykey"}
    | {"outcome", "feedback", "batchcase", "batchevent"}
)
BEGINNING: Final = frozenset({"0001_initial", "0002_written_once", "0003_batches"})
"""Made the tables."""
_REASONS: Final = {
    operations.AddIndex: "builds an index under a lock: use AddIndexOnline",
    operations.AddConstraint: "reads the whole table under a lock: add it NOT VALID, then validate",
    operations.AlterField: "may rewrite the table: add a column, fill it in steps, swap",
    operations.AlterUniqueTogether: "builds an index under a lock",
    operations.RenameModel: "the previous release no longer finds its table",
    operations.RenameField: "the previous release no longer finds its column",
    operations.RemoveField: "the previous release no longer finds its column",
    operations.DeleteModel: "the previous release no longer finds its table",
}


def faults(migration: Migration) -> Iterator[str]:
    """A sentence for each operation that is not fit for a big table in use."""
    if getattr(migration, "safe_on_big_tables", ""):
        return
    for operation in _in_database(migration.operations):
        reason = _reason(operation)
        if reason and _model_of(operation) in BIG:
            yield f"{migration.name}: {operation.describe()}: {reason}."
        if isinstance(operation, operations.RunSQL):
            yield f"{migration.name}: SQL of its own: say in safe_on_big_tables what it locks."


def _in_database(given: Any) -> Iterator[Any]:
    for operation in given:
        if isinstance(operation, operations.SeparateDatabaseAndState):
            yield from _in_database(operation.database_operations)
        else:
            yield operation


def _reason(operation: Any) -> str:
    if isinstance(operation, operations.AddField):
        return _reason_of_new_column(operation.field)
    # exactly these: what is derived from them knows how
    return _REASONS.get(type(operation), "")


def _reason_of_new_column(field: Any) -> str:
    if getattr(field, "generated", False):
        return "a generated column is computed for every row"
    if field.null or field.has_default() or field.has_db_default() or field.many_to_many:
        return ""
    return "a column that has to be filled for every row"


def _model_of(operation: Any) -> str:
    name = getattr(operation, "model_name", "") or getattr(operation, "name", "")
    return str(name).lower()


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "healthcare.settings")
    django.setup()
    loader = MigrationLoader(None, ignore_no_migrations=True)
    found = [
        fault
        for (app, name), migration in sorted(loader.disk_migrations.items())
        if app == "diagnosis" and name not in BEGINNING
        for fault in faults(migration)
    ]
    for fault in found:
        print(fault, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
