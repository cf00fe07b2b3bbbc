"""Months of sessions, opinions and events as partitions on PostgreSQL (see migration 0006).

A session's id is a UUIDv7, so a range of ids is a span of time: a look-up by id goes to one
partition by itself, and the newest stand in the last ones.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from diagnosis.identifiers import first_at, made_at
from diagnosis.models import DiagnosisSession, Opinion, SessionEvent
from diagnosis.values import SessionSpan

SESSIONS = DiagnosisSession._meta.db_table
KEYS = {
    SESSIONS: "id",
    Opinion._meta.db_table: "session_id",
    SessionEvent._meta.db_table: "session_id",
}
"""Partitioned tables with the column that places a row."""
LOCK_TIMEOUT = "SET LOCAL lock_timeout = '2s'"
_OURS = 0x5E55_1075
"""Advisory lock: one process at a time makes or drops months."""

_SPANS = """
SELECT c.relname, pg_get_expr(c.relpartbound, c.oid), c.reltuples::bigint,
       pg_total_relation_size(c.oid)
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = to_regclass(%s)
"""
_BOUNDS = re.compile(r"FROM \((?:MINVALUE|'(?P<low>[^']+)')\) TO \('(?P<high>[^']+)'\)")


@dataclass(frozen=True)
class Month:
    """A calendar month in UTC."""

    first: datetime

    @classmethod
    def of(cls, moment: datetime) -> "Month":
        return cls(datetime(moment.year, moment.month, 1, tzinfo=UTC))

    def plus(self, months: int) -> "Month":
        year, month = divmod(self.first.year * 12 + self.first.month - 1 + months, 12)
        return Month(datetime(year, month + 1, 1, tzinfo=UTC))

    @property
    def suffix(self) -> str:
        return f"{self.first:%Y_%m}"


def is_partitioned() -> bool:
    """False on SQLite, and on PostgreSQL before the migration."""
    if connection.vendor != "postgresql":
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT relkind FROM pg_class WHERE oid = to_regclass(%s)", [SESSIONS])
        row = cursor.fetchone()
    return row is not None and row[0] == "p"


def session_spans() -> list[SessionSpan]:
    """The partitions of sessions, oldest first and the default one last; none on SQLite."""
    if connection.vendor != "postgresql":
        return []
    with connection.cursor() as cursor:
        cursor.execute(_SPANS, [SESSIONS])
        spans = [_span(*row) for row in cursor.fetchall()]
    return sorted(spans, key=lambda span: (span.until is None, span.until or datetime.now(UTC)))


def _span(name: str, bounds: str, rows: int, size: int) -> SessionSpan:
    found = _BOUNDS.search(bounds)
    low, high = (found["low"], found["high"]) if found else (None, None)
    return SessionSpan(name, _moment(low), _moment(high), max(rows, 0), size)


def _moment(bound: str | None) -> datetime | None:
    return made_at(UUID(bound)) if bound else None


def ensure_months(now: datetime | None = None) -> list[str]:
    """Makes this month and those ahead where they are missing; the names of what was made."""
    if not is_partitioned():
        return []
    month = Month.of(now or datetime.now(UTC))
    wanted = [month.plus(ahead) for ahead in range(settings.SESSION_MONTHS_AHEAD + 1)]
    return [month.suffix for month in _missing(wanted) if _made(month)]


def _missing(months: list[Month]) -> Iterator[Month]:
    spans = [span for span in session_spans() if span.until is not None]
    for month in months:
        if not any(_covers(span, month.first) for span in spans):
            yield month


def _covers(span: SessionSpan, moment: datetime) -> bool:
    assert span.until is not None
    return (span.since is None or span.since <= moment) and moment < span.until


def _made(month: Month) -> bool:
    """One transaction; False where another process was quicker."""
    low, high = first_at(month.first), first_at(month.plus(1).first)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(LOCK_TIMEOUT)
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_OURS])
        if not list(_missing([month])):
            return False
        strays = _has_strays(cursor, low, high)
        loosened = _loosened(cursor) if strays else []
        for table, key in KEYS.items():
            leaf = f"{table}_{month.suffix}"
            # made apart and attached: PARTITION OF would hold up every reader of the table
            cursor.execute(
                f"CREATE TABLE {leaf} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS"
                " INCLUDING COMPRESSION)"
            )
            if strays:
                _move_strays(cursor, table, key, leaf, (low, high))
            cursor.execute(
                f"ALTER TABLE {table} ATTACH PARTITION {leaf}"
                f" FOR VALUES FROM ('{low}') TO ('{high}')"
            )
            if table != SESSIONS:
                cursor.execute(
                    f"ALTER TABLE {leaf} ADD FOREIGN KEY (session_id)"
                    f" REFERENCES {SESSIONS}_{month.suffix} (id) DEFERRABLE INITIALLY DEFERRED"
                )
        for table, name, definition in loosened:
            cursor.execute(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}')
    return True


# --- sessions that came before their month was made -----------------------------------------------
# names are those of our own tables, bounds are UUIDs that we made


def _has_strays(cursor: Any, low: UUID, high: UUID) -> bool:
    cursor.execute(
        f"SELECT EXISTS (SELECT 1 FROM {SESSIONS}_default WHERE id >= %s AND id < %s)",  # noqa: S608
        [low, high],
    )
    return bool(cursor.fetchone()[0])


def _move_strays(cursor: Any, table: str, key: str, leaf: str, span: tuple[UUID, UUID]) -> None:
    cursor.execute(
        f"WITH moved AS (DELETE FROM {table}_default"  # noqa: S608
        f" WHERE {key} >= %s AND {key} < %s RETURNING *) INSERT INTO {leaf} SELECT * FROM moved",
        span,
    )


def _loosened(cursor: Any) -> list[tuple[str, str, str]]:
    """Takes off the foreign keys that rows leaving the default partition would break; gives
    them back to be put on again in the same transaction."""
    cursor.execute(
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE contype = 'f' AND conparentid = 0"
        " AND confrelid IN (to_regclass(%s), to_regclass(%s))",
        [SESSIONS, f"{SESSIONS}_default"],
    )
    found = list(cursor.fetchall())
    for table, name, _ in found:
        cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
    return found
