"""Reads the database directly and says which promises were not kept."""

import time
from collections import Counter
from typing import Any, Final

import psycopg

from faults.client import Entry, Ledger

READY_S: Final = 30.0
SESSIONS: Final = """
    SELECT id::text, substring("case" FROM 'Reference ([0-9a-f]{16})')
    FROM diagnosis_diagnosissession"""
_AUDITED: Final = """
    SELECT s.id::text, count(a.id) FROM diagnosis_diagnosissession s
    LEFT JOIN diagnosis_auditevent a
      ON a.object_id = s.id::text AND a.object_type = 'session'
      AND a.action IN ('session_created', 'session_started')
    GROUP BY s.id HAVING count(a.id) <> 1"""
_AUDIT_OF_NOTHING: Final = """
    SELECT a.object_id FROM diagnosis_auditevent a
    WHERE a.object_type = 'session' AND NOT EXISTS
      (SELECT 1 FROM diagnosis_diagnosissession s WHERE s.id::text = a.object_id)"""
_GAPS: Final = """
    SELECT s.id::text, count(e.seq), max(e.seq) FROM diagnosis_diagnosissession s
    LEFT JOIN diagnosis_sessionevent e ON e.session_id = s.id
    GROUP BY s.id HAVING count(e.seq) = 0 OR count(e.seq) <> max(e.seq) OR min(e.seq) <> 1"""


def read(database_url: str, statement: str) -> list[tuple[Any, ...]]:
    """Waits for a database that is just coming back."""
    until = time.monotonic() + READY_S
    while True:
        try:
            with psycopg.connect(database_url, connect_timeout=5) as connection:
                return connection.execute(statement.encode()).fetchall()
        except psycopg.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


def broken_promises(ledger: Ledger, database_url: str) -> list[str]:
    """Sentences; none where everything was kept. Replay what is unknown first."""
    rows = read(database_url, SESSIONS)
    stored = dict(rows)
    times = Counter(reference for _, reference in rows if reference)
    said = [sentence for entry in ledger.entries for sentence in _of_entry(entry, stored, times)]
    said += _about("sessions without exactly one audit row", read(database_url, _AUDITED))
    said += _about("audit rows of no session", read(database_url, _AUDIT_OF_NOTHING))
    said += _about("sessions whose events have a gap", read(database_url, _GAPS))
    return said


def _of_entry(entry: Entry, stored: dict[str, str], times: Counter[str]) -> list[str]:
    count = times[entry.reference]
    said = []
    if entry.promise == "acknowledged" and stored.get(entry.session) != entry.reference:
        said.append(f"acknowledged and missing: {entry.reference}")
    if entry.promise == "refused" and count:
        said.append(f"refused with {entry.status} and stored: {entry.reference}")
    if entry.promise == "unknown" and entry.key:
        said.append(f"repeated without an answer ({entry.status}): {entry.reference}")
    if count > 1:
        said.append(f"stored {count} times: {entry.reference}")
    return said


def _about(what: str, rows: list[tuple[Any, ...]]) -> list[str]:
    return [f"{len(rows)} {what}, such as {rows[0][0]}"] if rows else []


def lost(said: list[str]) -> int:
    return sum(sentence.startswith("acknowledged and missing") for sentence in said)


def doubled(said: list[str]) -> int:
    return sum(sentence.startswith("stored ") for sentence in said)
