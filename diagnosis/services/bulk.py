"""Many rows in one statement: ``unnest`` on PostgreSQL, ``executemany`` on SQLite.

``bulk_create`` costs several times as much a row, and this is the hot path. Values are bound as
they are given: text columns that hold JSON take text that is already encoded.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

import psycopg
from django.db import connection, models
from django.db.backends.base.base import BaseDatabaseWrapper

from diagnosis.models import AuditEvent, BatchCase, DiagnosisSession, Opinion, SessionEvent

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Table:
    """A model with the fields that its rows give, in order."""

    model: type[models.Model]
    fields: tuple[str, ...]


SESSIONS = Table(
    DiagnosisSession,
    (
        "id",
        "created_at",
        "finished_at",
        "status",
        "clinician",
        "urgency",
        "leading_condition",
        "leading_name",
        "duration_ms",
        "knowledge",
        "engine",
        "worker",
        "case",
        "consultation",
    ),
)
OPINIONS = Table(Opinion, ("session", "agent", "status", "duration_ms", "detail"))
EVENTS = Table(SessionEvent, ("session", "seq", "kind", "agent", "at", "offset_ms", "detail"))
AUDIT = Table(
    AuditEvent,
    ("id", "at", "actor_id", "actor", "action", "object_type", "object_id", "detail"),
)

BATCH_CASES = Table(
    BatchCase,
    ("batch", "position", "row", "reference", "case", "status", "problem", "worker", "attempts"),
)


def insert(table: Table, rows: Sequence[Row], *, again: bool = False) -> None:
    """Writes the rows. With ``again``, rows that are there already are left alone."""
    if not rows:
        return
    statement = _statement(table, connection.vendor, again)
    converters = _converters(table, connection.vendor)
    if connection.vendor == "postgresql":
        _unnest(statement, [list(column) for column in zip(*rows, strict=True)])
        return
    converted = [_converted(row, converters) for row in rows]
    with connection.cursor() as cursor:
        cursor.executemany(statement, converted)


def _unnest(statement: str, columns: list[list[Any]]) -> None:
    # a cursor that binds on the server, in binary: Django's own writes every value into the
    # statement, which for an answer of 40 kB costs forty times as much
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(statement, columns)


def _converted(row: Row, converters: tuple[tuple[int, Callable[[Any], Any]], ...]) -> Row:
    values = list(row)
    for index, convert in converters:
        if values[index] is not None:
            values[index] = convert(values[index])
    return tuple(values)


@lru_cache(maxsize=32)
def _statement(table: Table, vendor: str, again: bool) -> str:
    quote = connection.ops.quote_name
    fields: list[Any] = [table.model._meta.get_field(name) for name in table.fields]
    columns = ", ".join(quote(field.column) for field in fields)
    # every name and type below is that of a field of our own models
    if vendor == "postgresql":
        arrays = ", ".join(f"%b::{_array_type(field, connection)}[]" for field in fields)
        values = f"SELECT * FROM unnest({arrays})"  # noqa: S608
    else:
        values = f"VALUES ({', '.join(['%s'] * len(fields))})"
    tail = " ON CONFLICT DO NOTHING" if again else ""
    return f"INSERT INTO {quote(table.model._meta.db_table)} ({columns}) {values}{tail}"


def _array_type(field: Any, connection: BaseDatabaseWrapper) -> str:
    # text for varchar(n): the cast to varchar(n) would cut silently, the assignment refuses
    kind = str(field.rel_db_type(connection) if field.remote_field else field.db_type(connection))
    return "text" if kind.startswith("varchar") else kind


@lru_cache(maxsize=32)
def _converters(table: Table, vendor: str) -> tuple[tuple[int, Callable[[Any], Any]], ...]:
    """What SQLite stores in another form than Python has it, by position."""
    converters: list[tuple[int, Callable[[Any], Any]]] = []
    for index, name in enumerate(table.fields):
        field = table.model._meta.get_field(name)
        target = getattr(field, "target_field", field)
        if isinstance(target, models.UUIDField):
            converters.append((index, _hex))
        elif isinstance(target, models.DateTimeField):
            converters.append((index, connection.ops.adapt_datetimefield_value))
    return tuple(converters)


def _hex(identifier: UUID) -> str:
    return identifier.hex
