"""Operations that change a big table while it is in use.

A migration that uses them has ``atomic = False``: PostgreSQL builds an index beside the writers
only outside a transaction.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import AddIndex, RemoveIndex
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import Index, Model


class AddIndexOnline(AddIndex):
    """Adds an index without holding up writers, on a partitioned table one partition at a time."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        model = to_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            build_online(schema_editor, model, self.index)


class RemoveIndexOnline(RemoveIndex):
    """Removes an index; on a plain PostgreSQL table without holding up writers."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        model = from_state.apps.get_model(app_label, self.model_name)
        if _is_plain(schema_editor, model):
            drop_online(schema_editor, self.name)
        else:
            super().database_forwards(app_label, schema_editor, from_state, to_state)


class DropFieldIndex(Operation):
    """Drops the index that Django makes for a foreign key, where another index begins with it.

    In the database only: pair it with an AlterField in the state.
    """

    reduces_to_sql = True
    reversible = True

    def __init__(self, model_name: str, field: str) -> None:
        self.model_name, self.field = model_name, field

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        pass

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        model = from_state.apps.get_model(app_label, self.model_name)
        name = self._name(schema_editor, model)
        if _is_plain(schema_editor, model):
            drop_online(schema_editor, name)
        else:
            schema_editor.execute(f"DROP INDEX IF EXISTS {schema_editor.quote_name(name)}")

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        model = from_state.apps.get_model(app_label, self.model_name)
        index = Index(fields=[self.field], name=self._name(schema_editor, model))
        schema_editor.add_index(model, index)

    def _name(self, schema_editor: Any, model: type[Model]) -> str:
        column = model._meta.get_field(self.field).column  # type: ignore[union-attr]
        return str(schema_editor._create_index_name(model._meta.db_table, [column]))

    def describe(self) -> str:
        return f"Drop the index of {self.model_name}.{self.field}"


def build_online(schema_editor: Any, model: type[Model], index: Index) -> None:
    """PostgreSQL only."""
    table = model._meta.db_table
    statement = str(index.create_sql(model, schema_editor))
    leaves = leaves_of(schema_editor.connection, table)
    if not leaves:
        _build(schema_editor, statement, table, index.name, table, index.name)
        return
    # the parent's index stands first, empty and not valid: partitions made from now on have it
    quote = schema_editor.quote_name
    head = f"CREATE INDEX {quote(index.name)} ON "
    schema_editor.execute(statement.replace(head, f"{head}ONLY ", 1))
    for leaf in leaves:
        name = f"{index.name}_{leaf.removeprefix(table)}"[:63]
        _build(schema_editor, statement, table, index.name, leaf, name)
        schema_editor.execute(f"ALTER INDEX {quote(index.name)} ATTACH PARTITION {quote(name)}")


def _build(
    schema_editor: Any, statement: str, table: str, index: str, leaf: str, name: str
) -> None:
    quote = schema_editor.quote_name
    head = f"CREATE INDEX {quote(index)} ON {quote(table)}"
    if not statement.startswith(head):
        raise ValueError(f"Not the statement of a plain index: {statement}")
    with no_lock_timeout(schema_editor.connection):
        # an earlier try that broke off leaves an index that is not valid
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {quote(name)}")
        schema_editor.execute(
            f"CREATE INDEX CONCURRENTLY {quote(name)} ON {quote(leaf)}{statement[len(head):]}"
        )


def drop_online(schema_editor: Any, name: str) -> None:
    with no_lock_timeout(schema_editor.connection):
        schema_editor.execute(
            f"DROP INDEX CONCURRENTLY IF EXISTS {schema_editor.quote_name(name)}"
        )


@contextmanager
def no_lock_timeout(connection: Any) -> Iterator[None]:
    """What is done CONCURRENTLY waits for others and makes nobody wait."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('lock_timeout')")
        (before,) = cursor.fetchone()
        cursor.execute("SET lock_timeout = 0")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, false)", [before])


def leaves_of(connection: Any, table: str) -> list[str]:
    """The partitions of a table; none of one that is not partitioned."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relid::regclass::text FROM pg_partition_tree(%s::regclass) WHERE isleaf",
            [f'"{table}"'],
        )
        names = [row[0].strip('"') for row in cursor.fetchall()]
    return [name for name in names if name != table]


def _is_plain(schema_editor: Any, model: type[Model]) -> bool:
    connection = schema_editor.connection
    table = model._meta.db_table
    return connection.vendor == "postgresql" and not leaves_of(connection, table)
