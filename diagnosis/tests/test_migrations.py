"""Migrations of a database in use: no big table is rewritten, nothing is lost on the way."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connection, migrations, models

from diagnosis.identifiers import uuid7
from diagnosis.migrations._online import AddIndexOnline
from scripts.check_migrations import BIG, faults
from scripts.check_migrations import main as check_all

ROOT = Path(__file__).resolve().parent.parent.parent


def migration(*operations: Any, **attributes: Any) -> Any:
    return SimpleNamespace(name="0099_new", operations=list(operations), **attributes)


# --- what a migration says ------------------------------------------------------------------------


def test_our_migrations_are_fit_for_big_tables() -> None:
    assert check_all() == 0


@pytest.mark.parametrize(
    "operation",
    [
        migrations.AddIndex("DiagnosisSession", models.Index(fields=["engine"], name="i")),
        migrations.AlterField("auditevent", "actor", models.TextField()),
        migrations.AddField("outcome", "kind", models.CharField(max_length=5)),
        migrations.AddConstraint(
            "opinion", models.UniqueConstraint(fields=["detail"], name="unique_detail")
        ),
        migrations.RenameField("sessionevent", "at", "moment"),
        migrations.RunSQL("UPDATE diagnosis_outcome SET note = ''"),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RemoveField("feedback", "comment")]
        ),
    ],
)
def test_what_locks_or_rewrites_a_big_table_is_found(operation: Any) -> None:
    assert len(list(faults(migration(operation)))) == 1
    assert not list(faults(migration(operation, safe_on_big_tables="it is empty")))


@pytest.mark.parametrize(
    "operation",
    [
        AddIndexOnline("diagnosissession", models.Index(fields=["engine"], name="i")),
        migrations.AddField("outcome", "kind", models.CharField(max_length=5, default="")),
        migrations.AddField("outcome", "kind", models.IntegerField(null=True)),
        migrations.AlterField("condition", "name", models.TextField()),
        migrations.CreateModel("new", [("id", models.BigAutoField(primary_key=True))]),
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.AlterField("outcome", "note", models.CharField())]
        ),
    ],
)
def test_what_is_harmless_is_let_through(operation: Any) -> None:
    assert not list(faults(migration(operation)))


# --- what PostgreSQL does -------------------------------------------------------------------------


@pytest.fixture
def scratch(transactional_db: None) -> Iterator[str]:
    """A database of its own, by its address."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite rewrites tables as it likes")
    known, name = connection.settings_dict, f"scratch_{os.getpid()}"
    secret = f":{known['PASSWORD']}" if known["PASSWORD"] else ""
    where = f"{known['HOST']}:{known['PORT']}" if str(known["HOST"])[:1] != "/" else ""
    tail = "" if where else f"?host={known['HOST']}"
    at = f"postgres://{known['USER']}{secret}@{where}"
    with psycopg.connect(f"{at}/postgres{tail}", autocommit=True) as maintenance:
        maintenance.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]
        try:
            yield f"{at}/{name}{tail}"
        finally:
            maintenance.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[call-overload]


def manage(place: str, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": place, "ENV_FILE": ""},
        check=True,
        timeout=120,
        capture_output=True,
    )


def fill(place: str) -> UUID:
    """One row in each table of sessions, as the first release left them."""
    session = uuid7()
    with psycopg.connect(place) as database:
        database.execute(
            "INSERT INTO diagnosis_diagnosissession (id, created_at, status, urgency,"
            ' leading_condition, leading_name, knowledge, engine, worker, "case", consultation)'
            " VALUES (%s, now(), 'complete', '', '', '', '', '', '', '{}', '')",
            [session],
        )
        database.execute(
            "INSERT INTO diagnosis_sessionevent (session_id, seq, kind, agent, at, offset_ms,"
            " detail) VALUES (%s, 1, 'session_started', '', now(), 0, '{}')",
            [session],
        )
        database.execute(
            "INSERT INTO diagnosis_outcome (session_id, recorded_at, condition, icd10, note,"
            " override_reason) VALUES (%s, now(), 'flu', '', '', '')",
            [session],
        )
    return session


FILES = """
SELECT c.oid, c.relname, pg_relation_filenode(c.oid) FROM pg_class c
WHERE c.relkind = 'r' AND c.relname ~ ANY(%s)
"""


def files_of(place: str) -> dict[int, tuple[str, int]]:
    """The file of every big table and partition, by the number that survives a renaming."""
    with psycopg.connect(place) as database:
        rows = database.execute(FILES, [[f"^diagnosis_{model}" for model in BIG]])
        return {oid: (name, file) for oid, name, file in rows}


@pytest.mark.services
def test_no_migration_rewrites_a_big_table(scratch: str) -> None:
    manage(scratch, "migrate", "diagnosis", "0003", "-v0")
    session = fill(scratch)
    names = sorted(path.stem for path in (ROOT / "diagnosis/migrations").glob("0*.py"))
    for name in names[3:]:
        before = files_of(scratch)
        manage(scratch, "migrate", "diagnosis", name, "-v0")
        after = files_of(scratch)
        rewritten = [was[0] for oid, was in before.items() if after.get(oid, was)[1] != was[1]]
        assert not rewritten, f"{name} rewrites {rewritten}"
        assert before.keys() <= after.keys(), f"{name} replaces a table"

    with psycopg.connect(scratch) as database:
        for table in ("sessionevent", "outcome"):
            rows = database.execute(f"SELECT session_id FROM diagnosis_{table}")  # type: ignore[call-overload]
            assert rows.fetchall() == [(session,)]
        partition, kind = database.execute(
            "SELECT tableoid::regclass::text, status FROM diagnosis_diagnosissession"
        ).fetchone() or ("", "")
        assert (partition, kind) == ("diagnosis_diagnosissession_before", "complete")
        # every partition has every index, and no more: none was built a second time
        counted = database.execute(
            "SELECT c.relname, count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid"
            " WHERE c.relname LIKE 'diagnosis_diagnosissession%' GROUP BY 1"
        ).fetchall()
        assert len(counted) > 4
        assert len({number for _, number in counted}) == 1, counted
        # numbers go on
        assert database.execute(
            "SELECT nextval('diagnosis_sessionevent_number') > max(id) FROM diagnosis_sessionevent"
        ).fetchone() == (True,)
        assert database.execute(
            "SELECT count(*) FROM pg_constraint WHERE NOT convalidated AND conparentid = 0"
        ).fetchone() == (0,)


@pytest.mark.services
def test_a_migration_that_meets_a_reader_tries_again(scratch: str) -> None:
    manage(scratch, "migrate", "diagnosis", "0005", "-v0")
    session = fill(scratch)
    with psycopg.connect(scratch) as reader:
        # the transaction stays open, as that of a long report would
        reader.execute("SELECT count(*) FROM diagnosis_diagnosissession")
        migrating = subprocess.Popen(
            [sys.executable, "manage.py", "migrate", "-v0"],
            cwd=ROOT,
            env=os.environ | {"DATABASE_URL": scratch, "ENV_FILE": ""},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert migrating.stderr is not None
        said = next(line for line in migrating.stderr if "trying again" in line)
        reader.commit()
        assert (migrating.communicate(timeout=120), migrating.returncode)[1] == 0
        rows = reader.execute("SELECT id FROM diagnosis_diagnosissession").fetchall()
    assert said
    assert rows == [(session,)]


@pytest.mark.services
def test_an_index_is_built_on_every_partition_without_holding_up_writers(scratch: str) -> None:
    manage(scratch, "migrate", "-v0")
    fill(scratch)
    with psycopg.connect(scratch) as writer:
        # a writer in the midst of a transaction: an ordinary CREATE INDEX would wait for it and
        # make everybody else wait
        manage(scratch, "shell", "-c", BUILD)
        writer.execute("SELECT 1")
        row = writer.execute(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = 'by_engine'::regclass"
        ).fetchone()
        leaves = writer.execute(
            "SELECT count(*) FROM pg_inherits WHERE inhparent = 'by_engine'::regclass"
        ).fetchone()
        spans = writer.execute(
            "SELECT count(*) FROM pg_inherits"
            " WHERE inhparent = 'diagnosis_diagnosissession'::regclass"
        ).fetchone()
    assert row == (True,)
    assert leaves == spans


BUILD = """
from django.db import connection, models
from diagnosis.migrations._online import build_online
from diagnosis.models import DiagnosisSession
with connection.schema_editor(atomic=False) as editor:
    build_online(editor, DiagnosisSession, models.Index(fields=["engine"], name="by_engine"))
"""
