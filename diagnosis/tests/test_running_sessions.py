"""Sessions that outlive their request, watched live, and what becomes of them when a worker dies."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from agents.errors import InvalidCase, InvalidKnowledge
from agents.types import Case, Note
from diagnosis import live, selectors, services
from diagnosis.errors import SignInRequired
from diagnosis.identifiers import uuid7
from diagnosis.models import AuditEvent, DiagnosisSession, Opinion, SessionEvent
from diagnosis.policies import Actor
from diagnosis.services import consultations, lifetime
from diagnosis.services.interruptions import interrupt_abandoned
from diagnosis.services.workers import is_dead, this_worker
from diagnosis.threads import in_database
from diagnosis.values import SessionMoment

pytestmark = [pytest.mark.services, pytest.mark.usefixtures("tiny_knowledge")]

CASE = Case(note=Note(text="Fever and a cough for two days."), age_years=40)


@pytest.fixture
async def ended() -> AsyncIterator[None]:
    """Nothing of this test's loop goes on after it."""
    yield
    await services.shutdown()


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """The retriever waits until the test lets it go on."""
    go_on = asyncio.Event()

    async def retrieve(*args: object) -> tuple[()]:
        await go_on.wait()
        return ()

    monkeypatch.setattr("agents.retriever.TreatmentRetriever.retrieve", retrieve)
    return go_on


async def watched(session_id: UUID, after: int = 0) -> list[SessionMoment]:
    async with asyncio.timeout(20):
        return [moment async for moment in live.stream(session_id, after)]


async def rows_of(session_id: UUID) -> list[SessionMoment]:
    return await in_database(selectors.moments_after, session_id, 0)


def as_told(moments: list[SessionMoment]) -> Any:
    return msgspec.to_builtins(moments)


async def test_it_answers_while_the_session_runs(
    actor: Actor, held: asyncio.Event, ended: None
) -> None:
    session_id = await services.start_session(actor, CASE)

    session = await DiagnosisSession.objects.aget(id=session_id)
    assert (session.status, session.consultation) == ("running", "")
    assert session.worker == this_worker()
    held.set()
    await watched(session_id)
    session = await DiagnosisSession.objects.aget(id=session_id)
    assert session.status == "complete"
    consultation = selectors.consultation_of(session)
    assert consultation is not None
    assert session.leading_condition == consultation.differential.most_likely[0].condition
    assert await Opinion.objects.filter(session_id=session_id).acount() == 4


async def test_a_stream_tells_every_row_once_and_in_order(
    actor: Actor, held: asyncio.Event, ended: None
) -> None:
    session_id = await services.start_session(actor, CASE)
    watching = asyncio.create_task(watched(session_id))
    await asyncio.sleep(0.05)
    held.set()
    moments = await watching

    assert [m.seq for m in moments] == list(range(1, len(moments) + 1))
    assert moments[-1].kind == "diagnosis_complete"
    assert as_told(moments) == as_told(await rows_of(session_id))


async def test_a_client_that_comes_back_misses_nothing(
    actor: Actor, held: asyncio.Event, ended: None
) -> None:
    session_id = await services.start_session(actor, CASE)
    seen: list[SessionMoment] = []
    async for moment in live.stream(session_id):
        seen.append(moment)
        if moment.seq == 3:
            break
    held.set()
    seen += await watched(session_id, after=3)

    assert as_told(seen) == as_told(await rows_of(session_id))


async def test_a_finished_session_is_replayed_from_rows(actor: Actor) -> None:
    stored = await services.consult(actor, CASE)

    assert as_told(await watched(stored.session_id)) == as_told(await rows_of(stored.session_id))


async def test_a_client_that_has_seen_all_is_told_nothing_more(actor: Actor) -> None:
    stored = await services.consult(actor, CASE)
    last = (await rows_of(stored.session_id))[-1].seq

    assert await watched(stored.session_id, after=last) == []
    assert await watched(stored.session_id, after=last + 100) == []


async def test_a_moment_that_was_not_told_is_found_in_the_rows(
    actor: Actor, held: asyncio.Event, ended: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "LOOK_AGAIN_S", 0.05)
    monkeypatch.setattr(live.LiveFeed, "tell", lambda self, moments: None)
    session_id = await services.start_session(actor, CASE)
    held.set()

    assert as_told(await watched(session_id)) == as_told(await rows_of(session_id))


async def test_who_watches_a_silent_session_asks_ever_less_often(
    actor: Actor, held: asyncio.Event, ended: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0
    rows_after = live._rows_after

    def counted(session_id: UUID, seq: int) -> tuple[list[SessionMoment], bool]:
        nonlocal looks
        looks += 1
        return rows_after(session_id, seq)

    monkeypatch.setattr(live, "LOOK_AGAIN_S", 0.02)
    monkeypatch.setattr(live, "_rows_after", counted)
    session_id = await services.start_session(actor, CASE)
    watching = asyncio.create_task(watched(session_id))
    await asyncio.sleep(0.6)
    held.set()
    await watching

    # thirty, if each silence were as long as the first
    assert looks <= 10


async def test_a_row_is_there_before_it_is_told(
    actor: Actor, ended: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell = live.LiveFeed.tell

    def check(self: live.LiveFeed, moments: list[SessionMoment]) -> None:
        told.extend(moments)
        tell(self, moments)

    told: list[SessionMoment] = []
    monkeypatch.setattr(live.LiveFeed, "tell", check)
    session_id = await services.start_session(actor, CASE)
    known = {row.seq for row in await rows_of(session_id)}
    missing = [moment.seq for moment in told if moment.seq not in known]
    await watched(session_id)

    assert missing == []


async def test_what_cannot_start_leaves_nothing(actor: Actor, settings: Any) -> None:
    with pytest.raises(InvalidCase):
        await services.start_session(actor, Case())
    settings.OPEN_ANALYZE = False
    with pytest.raises(SignInRequired):
        await services.start_session(Actor.anonymous(), CASE)

    assert await DiagnosisSession.objects.acount() == 0
    assert await AuditEvent.objects.filter(object_type="session").acount() == 0


async def test_stopping_waits_for_running_sessions(actor: Actor, held: asyncio.Event) -> None:
    session_id = await services.start_session(actor, CASE)
    asyncio.get_running_loop().call_later(0.05, held.set)
    await services.shutdown(patience_s=10)

    session = await DiagnosisSession.objects.aget(id=session_id)
    assert session.status == "complete"


async def test_stopping_gives_up_on_what_hangs_and_the_next_start_says_so(
    actor: Actor, held: asyncio.Event
) -> None:
    session_id = await services.start_session(actor, CASE)
    await services.shutdown(patience_s=0.01)
    await DiagnosisSession.objects.filter(id=session_id).aupdate(worker=dead_worker())
    await services.startup()
    moments = await watched(session_id)
    await services.shutdown()

    assert moments[-1].kind == "session_interrupted"
    session = await DiagnosisSession.objects.aget(id=session_id)
    assert (session.status, selectors.consultation_of(session)) == ("interrupted", None)


async def test_a_server_does_not_start_on_bad_knowledge(
    ended: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bad() -> None:
        raise InvalidKnowledge(["finding rash: is broken"])

    monkeypatch.setattr(lifetime, "read_shipped", bad)
    with pytest.raises(InvalidKnowledge):
        await services.startup()


async def test_a_session_whose_engine_breaks_is_ended_as_failed(
    actor: Actor, ended: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(case: Case, emit: object) -> None:
        raise RuntimeError("a fault in the engine")

    monkeypatch.setattr(consultations, "_consulted", broken)
    session_id = await services.start_session(actor, CASE)
    moments = await watched(session_id)

    assert [(m.kind, m.detail) for m in moments[-1:]] == [
        ("session_interrupted", {"status": "failed"})
    ]
    session = await DiagnosisSession.objects.aget(id=session_id)
    assert (session.status, session.consultation) == ("failed", "")


# --- whose worker is gone -------------------------------------------------------------------------


def dead_worker() -> str:
    return f"{socket.gethostname()}:{os.getpid()}:1.00"


def running(**changes: Any) -> DiagnosisSession:
    return DiagnosisSession.objects.create(
        **{"status": "running", "worker": this_worker(), "case": "{}", **changes}
    )


def test_a_session_of_this_process_goes_on() -> None:
    running()

    assert interrupt_abandoned() == 0


def test_a_session_of_a_dead_process_is_interrupted_at_once_and_audited() -> None:
    session = running(worker=dead_worker())
    SessionEvent.objects.create(
        session=session, seq=1, kind="session_started", at=session.created_at, offset_ms=0
    )
    assert interrupt_abandoned() == 1
    assert interrupt_abandoned() == 0

    session.refresh_from_db()
    assert session.status == "interrupted"
    assert session.finished_at is not None
    events = session.events.values_list("seq", "kind")
    assert list(events) == [(1, "session_started"), (2, "session_interrupted")]
    assert AuditEvent.objects.filter(action="session_interrupted").count() == 1


def test_a_session_of_another_host_is_left_alone_until_the_limit(settings: Any) -> None:
    session = running(worker="elsewhere:1:1.00")

    assert interrupt_abandoned() == 0
    later = session.created_at + timedelta(seconds=settings.SESSION_LIMIT_S + 1)
    assert interrupt_abandoned(later) == 1


@pytest.mark.parametrize("worker", ["", "nonsense", "host:pid:x", "a:b"])
def test_a_worker_without_a_proper_name_is_not_known_to_be_dead(worker: str) -> None:
    assert not is_dead(worker)


def test_identifiers_sort_by_time() -> None:
    made = [uuid7() for _ in range(3)]
    assert {i.version for i in made} == {7}
    assert len(set(made)) == 3
