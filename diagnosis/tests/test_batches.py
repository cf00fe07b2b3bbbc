"""Batches: handed in, worked on, watched, cancelled, deleted."""

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User

from agents.types import Case
from diagnosis import live, selectors, services
from diagnosis.errors import (
    IdempotencyConflict,
    NotAllowed,
    NotFound,
    SignInRequired,
    StateRefused,
)
from diagnosis.identifiers import uuid7
from diagnosis.models import AuditEvent, Batch, BatchCase, BatchEvent, DiagnosisSession
from diagnosis.policies import Actor, actor_of
from diagnosis.services import background, batch_work, batches
from diagnosis.services.batch_work import (
    work_on_batch,
)
from diagnosis.services.tasks import TASKS
from diagnosis.tests.batches import CASES, assert_each_answered_once, statuses, submitted
from diagnosis.threads import in_database
from diagnosis.values import BatchMoment

pytestmark = [pytest.mark.services, pytest.mark.usefixtures("tiny_knowledge")]


@pytest.fixture
def batch(actor: Actor) -> Batch:
    return submitted(actor)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(background, "send", lambda *job, copies=1: calls.append((*job, copies)))
    return calls


# --- handing in -----------------------------------------------------------------------------------


def test_a_batch_is_stored_whole_with_its_audit_and_workers_are_called(
    actor: Actor, sent: list[tuple[Any, ...]]
) -> None:
    batch = submitted(actor)
    assert (batch.status, batch.total, statuses(batch)) == ("queued", 25, {"queued": 25})
    assert list(batch.cases.values_list("position", "row", "reference"))[:2] == [
        (1, 2, "r1"),
        (2, 3, "r2"),
    ]
    audit = AuditEvent.objects.get(action="batch_submitted")
    assert (audit.object_id, audit.actor) == (str(batch.pk), "dr")
    # an id, and nothing of a patient's
    assert sent == [("consult_batch", str(batch.pk), 3)]


def test_nobody_and_staff_without_the_right_hand_in_nothing(administrator: User) -> None:
    for actor, error in [
        (Actor.anonymous(), SignInRequired),
        (Actor(user_id=administrator.pk, label="root", is_staff=True), NotAllowed),
    ]:
        with pytest.raises(error):
            submitted(actor)
    assert not Batch.objects.exists()


def test_the_same_key_gives_the_same_batch_and_another_body_is_refused(
    actor: Actor, other_clinician: User
) -> None:
    first = submitted(actor, key="k")
    again, is_new = services.submit_batch(actor, "csv", CASES, repr(CASES).encode(), key="k")
    assert (again.pk, is_new) == (first.pk, False)
    with pytest.raises(IdempotencyConflict):
        submitted(actor, CASES[:3], key="k")
    # keys are one's own
    assert submitted(actor_of(other_clinician), key="k").pk != first.pk


def test_duplicates_in_parallel_are_one_batch(actor: Actor) -> None:
    given: list[UUID] = []

    def hand_in() -> None:
        try:
            given.append(submitted(actor, key="k").pk)
        finally:
            from django.db import connection

            connection.close()

    threads = [threading.Thread(target=hand_in) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(given), len(set(given)), Batch.objects.count()) == (6, 1, 1)
    assert BatchCase.objects.count() == len(CASES)


def test_a_queue_that_is_away_fails_no_request(actor: Actor, settings: Any) -> None:
    settings.BACKGROUND_SENDER = "diagnosis.tests.test_batches.broken_sender"
    assert submitted(actor).status == "queued"


def broken_sender(name: str, ids: tuple[str, ...]) -> None:
    raise ConnectionError("no Redis")


# --- working --------------------------------------------------------------------------------------


async def test_every_case_becomes_one_session_of_its_owner(batch: Batch, actor: Actor) -> None:
    assert await work_on_batch(batch.pk)
    await in_database(assert_each_answered_once, batch)
    session = await DiagnosisSession.objects.afirst()
    assert session is not None
    assert session.clinician_id == actor.user_id


async def test_work_on_a_batch_that_has_ended_does_nothing(batch: Batch) -> None:
    await work_on_batch(batch.pk)
    events = await BatchEvent.objects.acount()
    assert await work_on_batch(batch.pk)
    assert await work_on_batch(uuid7())
    assert await BatchEvent.objects.acount() == events
    await in_database(assert_each_answered_once, batch)


async def test_workers_share_a_batch(batch: Batch) -> None:
    await asyncio.gather(*(work_on_batch(batch.pk) for _ in range(4)))
    await in_database(assert_each_answered_once, batch)


async def test_after_its_turn_a_batch_goes_to_the_end_of_the_queue(
    batch: Batch, sent: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diagnosis.services.tasks.TURN_S", 0.0)
    for _ in range(3):
        await TASKS["consult_batch"].work(str(batch.pk))
    assert sent == [("consult_batch", str(batch.pk), 1)] * 3
    await TASKS["consult_batch"].work(str(batch.pk))
    await in_database(assert_each_answered_once, batch)


async def test_events_hold_counts_and_no_patient_text(batch: Batch) -> None:
    await work_on_batch(batch.pk)
    moments = await in_database(selectors.batch_moments_after, batch.pk, 0)
    kinds = [moment.kind for moment in moments]
    assert kinds[:2] == ["batch_queued", "batch_started"]
    assert kinds[-1] == "batch_completed"
    assert set(kinds[2:-1]) == {"batch_progress"}
    assert [m.detail["left"] for m in moments][::-1] == sorted(m.detail["left"] for m in moments)
    assert "zanzibar" not in str(moments)


async def test_a_partial_answer_is_counted_as_partial(
    batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*args: object) -> None:
        raise RuntimeError("gone")

    monkeypatch.setattr("agents.retriever.TreatmentRetriever.retrieve", broken)
    await work_on_batch(batch.pk)
    await batch.arefresh_from_db()
    assert (batch.status, batch.partial, batch.complete) == ("completed", len(CASES), 0)


# --- cases that cannot be answered ----------------------------------------------------------------


async def test_a_fault_in_the_engine_fails_its_case_alone_and_says_nothing_of_it(
    batch: Batch, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    consult = batch_work.consult

    async def broken(actor: Actor, case: Case, **kwargs: Any) -> Any:
        if "day 3." in case.note.text:
            raise RuntimeError(f"cannot read {case.note.text}")
        return await consult(actor, case, **kwargs)

    monkeypatch.setattr(batch_work, "consult", broken)
    await work_on_batch(batch.pk)
    await batch.arefresh_from_db()
    assert (batch.status, batch.failed, batch.complete) == ("completed", 1, len(CASES) - 1)
    case = await batch.cases.aget(position=3)
    assert (case.status, case.session_id) == ("failed", None)
    assert "zanzibar" not in case.problem + caplog.text
    assert "RuntimeError" in caplog.text


async def test_whoever_lost_the_right_has_no_more_cases_answered(
    batch: Batch, clinician: User, settings: Any
) -> None:
    settings.OPEN_ANALYZE = False
    clinician.is_active = False
    await clinician.asave()
    await work_on_batch(batch.pk)
    await batch.arefresh_from_db()
    assert (batch.status, batch.failed) == ("failed", len(CASES))
    assert await DiagnosisSession.objects.acount() == 0


async def test_a_batch_of_a_deleted_account_is_nobodys(
    batch: Batch, clinician: User, settings: Any
) -> None:
    settings.OPEN_ANALYZE = False
    await clinician.adelete()
    await work_on_batch(batch.pk)
    assert await DiagnosisSession.objects.acount() == 0


# --- cancelling -----------------------------------------------------------------------------------


async def test_cancelling_in_the_middle_keeps_what_is_answered_and_stops_the_rest(
    batch: Batch, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    consult = batch_work.consult
    calls = 0

    async def cancelling(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 13:
            await in_database(services.cancel_batch, actor, batch.pk)
        return await consult(*args, **kwargs)

    monkeypatch.setattr(batch_work, "consult", cancelling)
    await work_on_batch(batch.pk)
    assert calls == 13
    assert await in_database(statuses, batch) == {"complete": 12, "cancelled": 13}
    assert await DiagnosisSession.objects.acount() == 12
    last = (await in_database(selectors.batch_moments_after, batch.pk, 0))[-1]
    assert (last.kind, last.detail["cancelled"]) == ("batch_cancelled", 13)
    await work_on_batch(batch.pk)
    assert await DiagnosisSession.objects.acount() == 12


async def test_cancelling_twice_is_one_act_and_too_late_is_refused(
    actor: Actor, batch: Batch
) -> None:
    for _ in range(2):
        cancelled = await in_database(services.cancel_batch, actor, batch.pk)
        assert cancelled.status == "cancelled"
    assert await AuditEvent.objects.filter(action="batch_cancelled").acount() == 1
    other = await in_database(submitted, actor, CASES[:1])
    await work_on_batch(other.pk)
    with pytest.raises(StateRefused):
        await in_database(services.cancel_batch, actor, other.pk)


def test_a_batch_of_somebody_else_is_not_there(
    batch: Batch, other_clinician: User, administrator: User
) -> None:
    other = actor_of(other_clinician)
    for ask in (selectors.batch_for, services.cancel_batch):
        with pytest.raises(NotFound):
            ask(other, batch.pk)
        with pytest.raises(SignInRequired):
            ask(Actor.anonymous(), batch.pk)
    assert list(selectors.batches_for(other)) == []
    assert selectors.batch_for(actor_of(administrator), batch.pk) == batch


# --- watching, retention --------------------------------------------------------------------------


async def test_a_stream_tells_every_row_once_while_it_happens(batch: Batch) -> None:
    seen: list[BatchMoment] = []

    async def watch() -> None:
        seen.extend([moment async for moment in live.stream_of_batch(batch.pk)])

    async with asyncio.timeout(20):
        watching = asyncio.create_task(watch())
        await work_on_batch(batch.pk)
        await watching
    assert seen == await in_database(selectors.batch_moments_after, batch.pk, 0)
    assert seen[-1].kind == "batch_completed"


def test_old_batches_are_deleted_and_their_sessions_stay(batch: Batch, settings: Any) -> None:
    asyncio.run(work_on_batch(batch.pk))
    now = datetime.now(UTC)
    assert services.delete_old_batches(now) == 0
    later = now + timedelta(days=settings.BATCH_KEEP_DAYS + 1)
    assert services.delete_old_batches(later) == 1
    assert not Batch.objects.exists()
    assert not BatchCase.objects.exists()
    assert not BatchEvent.objects.exists()
    assert DiagnosisSession.objects.count() == len(CASES)
    assert AuditEvent.objects.filter(action="batch_deleted").count() == 1


def test_open_batches_are_never_too_old(batch: Batch) -> None:
    assert services.delete_old_batches(datetime.now(UTC) + timedelta(days=9999)) == 0


def test_the_periodic_tasks_are_those_that_nobody_sends() -> None:
    assert {t.name for t in TASKS.values() if t.every_s} == {
        "resume_batches",
        "delete_old_batches",
        "drop_past_sessions",
    }
    assert batches.CONSULT_BATCH in TASKS
