"""Workers that die, are too slow or are stopped: each case is answered exactly once."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError

from agents.coordinator import Coordinator
from diagnosis import live
from diagnosis.errors import (
    NotStored,
)
from diagnosis.identifiers import made_at, uuid7, uuid7_for
from diagnosis.models import Batch, BatchCase
from diagnosis.policies import Actor
from diagnosis.services import background, batch_work, consultations
from diagnosis.services.batch_work import (
    release_lost,
    resume_batches,
    work_on_batch,
)
from diagnosis.services.journal import journal
from diagnosis.services.local_worker import start_local_worker, stop_local_worker
from diagnosis.tests.batches import CASES, assert_each_answered_once, statuses, submitted
from diagnosis.tests.test_running_sessions import dead_worker
from diagnosis.threads import in_database

pytestmark = [pytest.mark.services, pytest.mark.usefixtures("tiny_knowledge")]


@pytest.fixture
def batch(actor: Actor) -> Batch:
    return submitted(actor)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(background, "send", lambda *job, copies=1: calls.append((*job, copies)))
    return calls


# --- workers that die -----------------------------------------------------------------------------


class Killed(BaseException):
    """The end of a process, as far as a test can tell."""


async def killed_while_working(
    batch: Batch, monkeypatch: pytest.MonkeyPatch, target: Any, name: str, at_call: int
) -> None:
    """Works until ``name`` is called so often; nothing is tidied up, and its process is gone."""
    original = getattr(target, name)
    calls = 0

    def dying(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == at_call:
            raise Killed
        return original(*args, **kwargs)

    async def not_tidied(token: UUID) -> None: ...

    with monkeypatch.context() as patched:
        patched.setattr(target, name, dying)
        patched.setattr(batch_work, "_let_go", not_tidied)
        with pytest.raises(Killed):
            await work_on_batch(batch.pk)
    await batch.cases.filter(status="running").aupdate(worker=dead_worker())


@pytest.mark.parametrize(
    ("target", "name", "at_call"),
    [
        # before the agents, between the answer and storing it, between storing and telling
        (Coordinator, "consult", 3),
        (consultations, "_whole_session", 3),
        (consultations, "_publish", 3),
        # between the last case of a claim and telling of it, and before closing the batch
        (batch_work, "advance", 1),
        (batch_work, "advance", 3),
    ],
)
async def test_a_worker_killed_between_two_steps_leaves_nothing_undone_or_done_twice(
    batch: Batch,
    monkeypatch: pytest.MonkeyPatch,
    sent: list[tuple[Any, ...]],
    target: Any,
    name: str,
    at_call: int,
) -> None:
    await killed_while_working(batch, monkeypatch, target, name, at_call)
    soon = datetime.now(UTC) + timedelta(seconds=batch_work.QUIET_S + 1)
    await in_database(resume_batches, soon)
    while await Batch.objects.filter(pk=batch.pk, status="running").aexists():
        assert sent.pop()[:2] == ("consult_batch", str(batch.pk))
        await work_on_batch(batch.pk)
    await in_database(assert_each_answered_once, batch)


async def test_an_answer_that_was_committed_before_the_connection_broke_is_not_doubled(
    batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    from diagnosis.services import journal as module

    write_all = module._write_all
    broken: list[int] = []

    def written_and_lost(records: Any, *, again: bool = False) -> None:
        write_all(records, again=again)
        if not again and len(broken) < 5:
            broken.append(1)
            raise OperationalError("the connection broke after the commit")

    monkeypatch.setattr(module, "_write_all", written_and_lost)
    await work_on_batch(batch.pk)
    assert len(broken) == 5
    await in_database(assert_each_answered_once, batch)


async def test_who_lost_the_claim_stores_nothing(
    batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker was slow, was taken for dead, and another was quicker."""
    original = batch_work.consult
    first = True

    async def slow(*args: Any, **kwargs: Any) -> Any:
        nonlocal first
        if first:
            first = False
            await BatchCase.objects.filter(status="running").aupdate(worker=dead_worker())
            await work_on_batch(batch.pk)
        return await original(*args, **kwargs)

    monkeypatch.setattr(batch_work, "consult", slow)
    assert await work_on_batch(batch.pk)
    await in_database(assert_each_answered_once, batch)


async def test_a_database_that_is_away_stops_the_work_and_gives_the_cases_back(
    batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refusing(*args: object) -> None:
        raise OperationalError("away")

    with monkeypatch.context() as patched:
        patched.setattr(journal, "write", refusing)
        with pytest.raises(NotStored):
            await work_on_batch(batch.pk)
    assert await in_database(statuses, batch) == {"queued": len(CASES)}
    assert await batch.cases.filter(attempts__gt=0).acount() == 0
    assert await work_on_batch(batch.pk)
    await in_database(assert_each_answered_once, batch)


def test_a_case_that_kills_every_worker_is_given_up(batch: Batch) -> None:
    mine = {"status": "running", "worker": dead_worker(), "claimed_at": datetime.now(UTC)}
    batch.cases.filter(position=1).update(**mine, attempts=3)
    batch.cases.filter(position=2).update(**mine, attempts=2)
    assert release_lost(batch.pk) == 2
    assert [c.status for c in batch.cases.all()[:2]] == ["failed", "queued"]
    assert "3 workers" in batch.cases.get(position=1).problem


def test_claims_of_other_machines_run_out(batch: Batch, settings: Any) -> None:
    now = datetime.now(UTC)
    batch.cases.filter(position=1).update(
        status="running", worker="elsewhere:1:1.00", claimed_at=now
    )
    assert release_lost(batch.pk, now) == 0
    assert release_lost(batch.pk, now + timedelta(seconds=settings.BATCH_CLAIM_S + 1)) == 1


def test_workers_are_called_to_a_batch_only_where_nobody_gets_on_with_it(
    batch: Batch, sent: list[tuple[Any, ...]]
) -> None:
    now = datetime.now(UTC)
    assert resume_batches(now) == 0
    later = now + timedelta(seconds=batch_work.QUIET_S + 1)
    assert resume_batches(later) == 1
    # whoever was called has not come yet
    assert resume_batches(now + timedelta(seconds=1)) == 0
    assert sent == [("consult_batch", str(batch.pk), 3)]


def test_the_id_of_a_session_follows_from_batch_and_position(batch: Batch) -> None:
    made = {uuid7_for(batch.pk, n) for n in range(1000)}
    assert len(made) == 1000
    assert {i.version for i in made} == {7}
    assert {made_at(i) for i in made} == {made_at(batch.pk)}
    assert uuid7_for(batch.pk, 7) == uuid7_for(batch.pk, 7) != uuid7_for(uuid7(), 7)


# --- the worker inside a server -------------------------------------------------------------------


async def test_the_worker_inside_a_server_takes_up_what_it_finds_and_what_comes(
    batch: Batch, actor: Actor
) -> None:
    """The first was handed in before the start: nobody was called to it."""
    await Batch.objects.aupdate(woken_at=datetime.now(UTC) - timedelta(hours=1))
    start_local_worker()
    try:
        async with asyncio.timeout(20):
            assert [m.kind async for m in live.stream_of_batch(batch.pk)][-1] == "batch_completed"
            second = await in_database(submitted, actor, CASES[:2])
            assert [m.kind async for m in live.stream_of_batch(second.pk)][-1] == "batch_completed"
    finally:
        await stop_local_worker()
    assert background.inbox is None


async def test_the_worker_inside_gives_its_cases_back_when_it_is_stopped(
    batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = asyncio.Event()

    async def held(*args: object, **kwargs: object) -> None:
        began.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(batch_work, "consult", held)
    await Batch.objects.aupdate(woken_at=datetime.now(UTC) - timedelta(hours=1))
    start_local_worker()
    async with asyncio.timeout(20):
        await began.wait()
        await stop_local_worker()
    assert await in_database(statuses, batch) == {"queued": len(CASES)}


async def test_a_task_that_fails_is_logged_without_its_words_and_the_worker_goes_on(
    batch: Batch, actor: Actor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failed = asyncio.Event()

    def broken(*args: object) -> None:
        failed.set()
        raise RuntimeError("zanzibar")

    with monkeypatch.context() as patched:
        patched.setattr(batch_work, "_opened", broken)
        start_local_worker()
        background.send("consult_batch", str(batch.pk))
        async with asyncio.timeout(20):
            await failed.wait()
    background.send("consult_batch", str(batch.pk))
    try:
        async with asyncio.timeout(20):
            async for _ in live.stream_of_batch(batch.pk):
                pass
    finally:
        await stop_local_worker()
    assert "task_failed" in caplog.text
    assert "zanzibar" not in caplog.text
    await in_database(assert_each_answered_once, batch)
