"""Group commit: what gathered is one transaction, and a record that fails fails alone."""

import asyncio
import threading
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError, OperationalError, connection

from diagnosis.errors import Overloaded
from diagnosis.identifiers import uuid7
from diagnosis.models import AuditEvent, DiagnosisSession
from diagnosis.services import journal as journal_module
from diagnosis.services.bulk import AUDIT, SESSIONS, insert
from diagnosis.services.journal import Journal, Record

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def audit(action: str = "tested", identifier: UUID | None = None) -> tuple[Any, ...]:
    return (identifier or uuid7(), NOW, 7, "somebody", action, "thing", "1", "{}")


def record(*rows: tuple[Any, ...]) -> Record:
    return Record(rows=((AUDIT, list(rows)),))


@pytest.fixture
def journal() -> Any:
    journal = Journal(limit=1000)
    yield journal
    journal.close()


async def test_a_record_is_committed_when_write_returns(journal: Journal) -> None:
    await journal.write(record(audit()))

    row = await AuditEvent.objects.aget()
    assert (row.at, row.actor_id, row.actor, row.action) == (NOW, 7, "somebody", "tested")


async def test_what_gathers_while_a_commit_runs_is_one_commit(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    begun, go_on = threading.Event(), threading.Event()
    write_all = journal_module._write_all

    def slow(records: Any, **kwargs: Any) -> None:
        sizes.append(len(records))
        begun.set()
        go_on.wait(10)
        write_all(records, **kwargs)

    monkeypatch.setattr(journal_module, "_write_all", slow)
    writes = [asyncio.create_task(journal.write(record(audit()))) for _ in range(20)]
    await asyncio.to_thread(begun.wait, 10)
    go_on.set()
    await asyncio.gather(*writes)

    assert sum(sizes) == 20
    assert len(sizes) <= 3
    assert await AuditEvent.objects.acount() == 20


async def test_a_record_that_cannot_be_written_fails_alone(journal: Journal) -> None:
    same = uuid7()
    await journal.write(record(audit("first", same)))
    answers = await asyncio.gather(
        journal.write(record(audit("good"))),
        journal.write(record(audit("half"), audit("bad", same))),
        journal.write(record(audit("good too"))),
        return_exceptions=True,
    )

    assert [(a is None) for a in answers] == [True, False, True]
    assert isinstance(answers[1], DatabaseError)
    actions = {a.action async for a in AuditEvent.objects.all()}
    assert actions == {"first", "good", "good too"}


async def test_a_step_is_in_the_same_transaction(journal: Journal) -> None:
    def refuse() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await journal.write(Record(rows=((AUDIT, [audit()]),), step=refuse))

    assert await AuditEvent.objects.acount() == 0


async def test_a_lost_connection_is_tried_again_without_writing_twice(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_all = journal_module._write_all
    tries: list[bool] = []

    def committed_and_lost(records: Any, *, again: bool = False) -> None:
        tries.append(again)
        write_all(records, again=again)
        if len(tries) == 1:
            raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(journal_module, "_write_all", committed_and_lost)
    await journal.write(record(audit()))

    assert tries == [False, True]
    assert await AuditEvent.objects.acount() == 1


async def test_without_a_connection_all_who_wait_are_told_after_one_wait(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[int] = []
    first_waits, go_on = threading.Event(), threading.Event()

    def away() -> DatabaseError | None:
        waits.append(1)
        first_waits.set()
        go_on.wait(10)
        return OperationalError("couldn't get a connection")

    monkeypatch.setattr(journal_module, "_no_connection", away)
    writes = [asyncio.create_task(journal.write(record(audit()))) for _ in range(300)]
    await asyncio.to_thread(first_waits.wait, 10)
    go_on.set()
    answers = await asyncio.gather(*writes, return_exceptions=True)

    assert {type(answer) for answer in answers} == {OperationalError}
    assert len(waits) <= 2


async def test_a_full_journal_refuses_at_once() -> None:
    with pytest.raises(Overloaded):
        await Journal(limit=0).write(record(audit()))


async def test_closing_writes_what_waits_and_a_later_write_starts_anew(journal: Journal) -> None:
    writes = [asyncio.create_task(journal.write(record(audit()))) for _ in range(5)]
    await asyncio.sleep(0)
    await asyncio.to_thread(journal.close)
    await asyncio.gather(*writes)
    await journal.write(record(audit()))

    assert await AuditEvent.objects.acount() == 6


async def test_a_writer_that_gave_up_does_not_stop_the_others(journal: Journal) -> None:
    given_up = asyncio.create_task(journal.write(record(audit())))
    await asyncio.sleep(0)
    given_up.cancel()
    await journal.write(record(audit()))

    with pytest.raises(asyncio.CancelledError):
        await given_up
    assert await AuditEvent.objects.acount() == 2


# --- rows as they come back -----------------------------------------------------------------------


def session_row(**changes: Any) -> tuple[Any, ...]:
    values = {
        "id": uuid7(),
        "created_at": NOW,
        "finished_at": None,
        "status": "complete",
        "clinician": None,
        "urgency": "",
        "leading_condition": "flu",
        "leading_name": "Grippe “été” 流感",
        "duration_ms": 1.25,
        "knowledge": "",
        "engine": "1",
        "worker": "",
        "case": '{"note":{"text":"it\'s 38.5 °C\\nand \\"more\\""}}',
        "consultation": "",
        **changes,
    }
    return tuple(values[name] for name in SESSIONS.fields)


def test_rows_come_back_as_they_were_given() -> None:
    first, second = session_row(finished_at=NOW), session_row(finished_at=NOW, duration_ms=None)
    third = session_row()
    insert(SESSIONS, [first, second])
    insert(SESSIONS, [third])

    columns = [f if f != "clinician" else "clinician_id" for f in SESSIONS.fields]
    stored = list(DiagnosisSession.objects.order_by("id").values_list(*columns))
    assert sorted(stored, key=str) == sorted([first, second, third], key=str)


def test_a_column_of_nothing_is_nothing() -> None:
    insert(SESSIONS, [session_row(duration_ms=None), session_row(duration_ms=None)])

    assert set(DiagnosisSession.objects.values_list("duration_ms", "finished_at")) == {(None, None)}


def test_no_rows_are_no_statement(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        insert(SESSIONS, [])


def test_rows_that_are_there_already_can_be_left_alone() -> None:
    row = session_row()
    insert(SESSIONS, [row])
    insert(SESSIONS, [row, session_row()], again=True)

    assert DiagnosisSession.objects.count() == 2


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite does not limit text")
def test_a_text_that_is_too_long_is_refused_and_not_cut() -> None:
    assert connection.vendor == "postgresql"
    with pytest.raises(DatabaseError):
        insert(SESSIONS, [session_row(status="x" * 40)])
