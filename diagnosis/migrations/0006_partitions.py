"""Sessions, their opinions and their events by month, on PostgreSQL.

No row is copied: the table as it stands becomes the partition of everything before this month
ends (or, while it is empty, before this month begins). Its rows are checked against that bound
without holding up writers; the swap itself is catalogue work of some milliseconds. Later months
are made by ``diagnosis.services.partitions``. On SQLite nothing changes.

Between a table and its partition of the same range the foreign keys go from leaf to leaf, so
that a write asks one index, and a month can be dropped without a look at the others.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import migrations, transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from diagnosis.identifiers import first_at

SESSIONS = "diagnosis_diagnosissession"
KEYS = {SESSIONS: "id", "diagnosis_opinion": "session_id", "diagnosis_sessionevent": "session_id"}
CHECK = "before_partitions"


def partition(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    connection = schema_editor.connection
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        if _one(cursor, "SELECT relkind FROM pg_class WHERE oid = %s::regclass", SESSIONS) == "p":
            return
        bound = _bound(cursor)
        for table, key in KEYS.items():
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {CHECK}")
            cursor.execute(
                f"ALTER TABLE {table} ADD CONSTRAINT {CHECK} CHECK ({key} < '{bound}') NOT VALID"
            )
            # reads the table once, beside readers and writers
            cursor.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {CHECK}")
        with transaction.atomic(using=connection.alias):
            cursor.execute("SET LOCAL lock_timeout = '2s'")
            outside = _foreign_keys_to_sessions(cursor)
            tables = sorted({*KEYS, *(table for table, _, _ in outside)})
            cursor.execute(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE")
            for table, name, _ in outside:
                cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
            for table, key in KEYS.items():
                _swap(cursor, table, key, bound)
            for table, name, definition in outside:
                cursor.execute(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition} NOT VALID')
        for table, name, _ in outside:
            cursor.execute(f'ALTER TABLE {table} VALIDATE CONSTRAINT "{name}"')


def _bound(cursor: Any) -> str:
    """Where the table as it stands ends: a first of a month that is at least a day away."""
    now = datetime.now(UTC)
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    if _one(cursor, f"SELECT EXISTS (SELECT 1 FROM {SESSIONS})"):
        while first < now + timedelta(days=1):
            first = (first + timedelta(days=32)).replace(day=1)
    return str(first_at(first))


def _foreign_keys_to_sessions(cursor: Any) -> list[tuple[str, str, str]]:
    """Those of tables that are not partitioned themselves."""
    cursor.execute(
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE contype = 'f' AND confrelid = %s::regclass AND conrelid::regclass::text <> ALL(%s)",
        [SESSIONS, list(KEYS)],
    )
    return list(cursor.fetchall())


def _swap(cursor: Any, table: str, key: str, bound: str) -> None:
    """Puts a partitioned table in the place of ``table``, which becomes its first partition."""
    constraints = _constraints(cursor, table, key)
    indexes = _indexes(cursor, table)
    triggers = _triggers(cursor, table)
    old = f"{table}_before"
    for name, definition in constraints:
        # names of indexes are the schema's; checks have to keep theirs to be the same
        if definition.startswith(("PRIMARY", "UNIQUE")):
            cursor.execute(
                f'ALTER TABLE {table} RENAME CONSTRAINT "{name}" TO "{_renamed(name)}"'
            )
    for name, _ in indexes:
        cursor.execute(f'ALTER INDEX "{name}" RENAME TO "{_renamed(name)}"')
    for name, _ in triggers:
        cursor.execute(f'DROP TRIGGER "{name}" ON {table}')
    cursor.execute(f"ALTER TABLE {table} RENAME TO {old}")
    cursor.execute(
        f"CREATE TABLE {table} (LIKE {old} INCLUDING DEFAULTS INCLUDING COMPRESSION) PARTITION BY RANGE ({key})"
    )
    if table != SESSIONS:
        _number(cursor, table, old)
    for name, definition in constraints:
        cursor.execute(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}')
    for _, definition in [*indexes, *triggers]:
        cursor.execute(definition)
    cursor.execute(
        f"ALTER TABLE {table} ATTACH PARTITION {old} FOR VALUES FROM (MINVALUE) TO ('{bound}')"
    )
    cursor.execute(f"ALTER TABLE {old} DROP CONSTRAINT {CHECK}")
    # nobody should land here; a month that was not made in time must not lose a session
    cursor.execute(f"CREATE TABLE {table}_default PARTITION OF {table} DEFAULT")
    if table != SESSIONS:
        cursor.execute(
            f"ALTER TABLE {table}_default ADD FOREIGN KEY (session_id)"
            f" REFERENCES {SESSIONS}_default (id) DEFERRABLE INITIALLY DEFERRED"
        )


def _renamed(name: str) -> str:
    return f"{name[:56]}_before"


def _number(cursor: Any, table: str, old: str) -> None:
    """Numbers go on where they were: a partitioned table has no identity columns before 17."""
    highest = _one(cursor, f"SELECT coalesce(max(id), 0) FROM {old}")
    cursor.execute(f"ALTER TABLE {old} ALTER COLUMN id DROP IDENTITY")
    cursor.execute(f"CREATE SEQUENCE {table}_number START {highest + 1} OWNED BY {table}.id")
    for each in (table, old):
        cursor.execute(f"ALTER TABLE {each} ALTER COLUMN id SET DEFAULT nextval('{table}_number')")


def _constraints(cursor: Any, table: str, key: str) -> list[tuple[str, str]]:
    """What the partitioned table has too: no primary key that leaves out the partition's key,
    and no foreign key to sessions, which leads from leaf to leaf."""
    cursor.execute(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid = %s::regclass AND conname <> %s"
        " AND NOT (contype = 'p' AND %s <> 'id')"
        " AND NOT (contype = 'f' AND confrelid IN"
        "  (%s::regclass, coalesce(to_regclass(%s), %s::regclass)))"
        " ORDER BY contype = 'f'",
        [table, CHECK, key, SESSIONS, f"{SESSIONS}_before", SESSIONS],
    )
    return list(cursor.fetchall())


def _indexes(cursor: Any, table: str) -> list[tuple[str, str]]:
    """Those that belong to no constraint, with the statements that make them."""
    cursor.execute(
        "SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i"
        " WHERE i.indrelid = %s::regclass"
        " AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid)",
        [table],
    )
    return list(cursor.fetchall())


def _triggers(cursor: Any, table: str) -> list[tuple[str, str]]:
    cursor.execute(
        "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger"
        " WHERE tgrelid = %s::regclass AND NOT tgisinternal",
        [table],
    )
    return list(cursor.fetchall())


def _one(cursor: Any, statement: str, *parameters: Any) -> Any:
    cursor.execute(statement, parameters)
    return cursor.fetchone()[0]


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("diagnosis", "0005_compression")]
    # backwards nothing: an earlier release works on partitioned tables as well
    operations = [migrations.RunPython(partition, migrations.RunPython.noop)]
