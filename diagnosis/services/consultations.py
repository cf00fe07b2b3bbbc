"""The main job: a case goes in, an explained and stored consultation comes out."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
import structlog
from django.db import DatabaseError, InterfaceError

from agents.cases import checked_case
from agents.coordinator import AgentEvent
from agents.types import Case, Consultation
from diagnosis import live
from diagnosis.actors import Actor
from diagnosis.errors import NotStored, StateRefused
from diagnosis.events import diagnosis_events
from diagnosis.models import DiagnosisSession
from diagnosis.policies import check_consult
from diagnosis.selectors import current_knowledge_async
from diagnosis.services.audit import audit_row
from diagnosis.services.bulk import AUDIT, SESSIONS
from diagnosis.services.engine import coordinator
from diagnosis.services.interruptions import interrupt
from diagnosis.services.journal import Record, journal
from diagnosis.services.story import (
    Story,
    columns_of,
    moment_rows,
    observed,
    opinion_rows,
    session_row,
    summary_of,
)
from diagnosis.services.workers import this_worker
from diagnosis.threads import in_database
from diagnosis.values import SessionMoment, StoredConsultation

STORE_FAILED = (DatabaseError, InterfaceError)

log = structlog.get_logger(__name__)
_running: set[asyncio.Task[None]] = set()


async def consult(
    actor: Actor,
    case: Case,
    *,
    session_id: UUID | None = None,
    step: Callable[[StoredConsultation], None] | None = None,
) -> StoredConsultation:
    """Runs the agents and stores the session; returns after the commit.

    ``session_id`` is for who needs the same one when trying again; ``step`` is done in the
    session's transaction, and an error of it leaves no session. Raises NotAllowed, InvalidCase,
    Overloaded, and NotStored where the database fails.
    """
    check_consult(actor)
    case = checked_case(case)
    journal.check_room()
    story = Story(session_id)
    story.tell("session_started")
    consultation = await _consulted(case, story.heard)
    story.finish(consultation)
    encoded = msgspec.json.encode(consultation)
    record = _whole_session(actor, case, story, consultation, encoded)
    stored = StoredConsultation(story.session_id, story.started_at, consultation, encoded)
    if step is not None:
        record = replace(record, step=partial(step, stored))
    try:
        await journal.write(record)
    except STORE_FAILED as error:
        log.error("session_not_stored", error=type(error).__name__)
        raise NotStored(consultation) from None
    _publish(story.moments)
    return stored


async def start_session(
    actor: Actor, case: Case, *, step: Callable[[UUID], None] | None = None
) -> UUID:
    """Stores the session as running and answers at once; it goes on as a task of this loop.

    Each of its moments is a row before it is broadcast. Takes ``step`` and raises as ``consult``.
    """
    check_consult(actor)
    case = checked_case(case)
    story = Story()
    story.tell("session_started")
    record = _begun_session(actor, case, story)
    if step is not None:
        record = replace(record, step=partial(step, story.session_id))
    try:
        await journal.write(record)
    except STORE_FAILED as error:
        log.error("session_not_stored", error=type(error).__name__)
        raise NotStored from None
    _publish(story.moments)
    _keep(_run_session(actor, case, story))
    return story.session_id


async def consult_unstored(case: Case) -> Consultation:
    """Runs the agents and keeps nothing: for a shell on the machine. Raises InvalidCase."""
    return await _consulted(checked_case(case), lambda event: None)


async def running_sessions_ended(patience_s: float) -> None:
    """Waits for the sessions that run in this process; gives up on the rest."""
    if _running:
        await asyncio.wait(_running, timeout=patience_s)
    for task in tuple(_running):
        task.cancel()


async def _consulted(case: Case, emit: Any) -> Consultation:
    knowledge = await current_knowledge_async()
    return await coordinator().consult(case, knowledge, emit)


def _publish(moments: list[SessionMoment]) -> None:
    """Tells live streams and observers; both only hear of what is committed."""
    live.tell(moments)
    for moment in moments:
        if diagnosis_events.wanted(moment.kind):
            diagnosis_events.publish(observed(moment))


# --- a session that outlives its request ----------------------------------------------------------


def _keep(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.get_running_loop().create_task(work)
    # the loop holds only a weak reference
    _running.add(task)
    task.add_done_callback(_running.discard)


async def _run_session(actor: Actor, case: Case, story: Story) -> None:
    recorder = _Recorder(story)
    writing = asyncio.create_task(recorder.write_until_closed())
    try:
        consultation = await _consulted(case, recorder.heard)
        recorder.close()
        await writing
        last = story.finish(consultation)
        await journal.write(_ended_session(actor, story, last, consultation))
        _publish([last])
    except Exception as error:
        log.error("session_broke_off", session_id=str(story.session_id), error=type(error).__name__)
        await _break_off(writing, recorder, story.session_id)
    finally:
        writing.cancel()


async def _break_off(writing: "asyncio.Task[None]", recorder: "_Recorder", session: UUID) -> None:
    """Ends the session as failed; where the database fails too, the next sweep does."""
    recorder.close()
    with suppress(Exception):
        await writing
    try:
        await in_database(interrupt, session, DiagnosisSession.FAILED)
    except STORE_FAILED as error:
        log.error("session_not_ended", session_id=str(session), error=type(error).__name__)


class _Recorder:
    """Writes the moments of a running session in order, all that gathered in one commit."""

    def __init__(self, story: Story) -> None:
        self._story = story
        self._pending: list[SessionMoment] = []
        self._woken = asyncio.Event()
        self._closed = False

    def heard(self, event: AgentEvent) -> None:
        self._pending.append(self._story.heard(event))
        self._woken.set()

    def close(self) -> None:
        self._closed = True
        self._woken.set()

    async def write_until_closed(self) -> None:
        while self._pending or not self._closed:
            await self._woken.wait()
            self._woken.clear()
            moments, self._pending = self._pending, []
            if moments:
                await journal.write(Record(rows=(moment_rows(moments),)))
                _publish(moments)


# --- what is written ------------------------------------------------------------------------------


def _whole_session(
    actor: Actor, case: Case, story: Story, consultation: Consultation, encoded: bytes
) -> Record:
    now = datetime.now(UTC)
    row = session_row(
        SESSIONS,
        story,
        actor,
        case,
        this_worker(),
        finished_at=now,
        consultation=encoded.decode(),
        **columns_of(consultation),
    )
    return Record(
        rows=(
            (SESSIONS, [row]),
            opinion_rows(story.session_id, consultation.opinions),
            moment_rows(story.moments),
            (AUDIT, [_audit(actor, now, "session_created", story, summary_of(consultation))]),
        )
    )


def _begun_session(actor: Actor, case: Case, story: Story) -> Record:
    row = session_row(SESSIONS, story, actor, case, this_worker(), status=DiagnosisSession.RUNNING)
    return Record(
        rows=(
            (SESSIONS, [row]),
            moment_rows(story.moments),
            (AUDIT, [_audit(actor, story.started_at, "session_started", story, {})]),
        )
    )


def _ended_session(
    actor: Actor, story: Story, last: SessionMoment, consultation: Consultation
) -> Record:
    now = datetime.now(UTC)
    encoded = msgspec.json.encode(consultation).decode()

    def end() -> None:
        running = DiagnosisSession.objects.filter(
            id=story.session_id, status=DiagnosisSession.RUNNING
        )
        if not running.update(finished_at=now, consultation=encoded, **columns_of(consultation)):
            raise StateRefused("The session is no longer running.")

    return Record(
        rows=(
            opinion_rows(story.session_id, consultation.opinions),
            moment_rows([last]),
            (AUDIT, [_audit(actor, now, "session_completed", story, summary_of(consultation))]),
        ),
        step=end,
    )


def _audit(
    actor: Actor, at: datetime, action: str, story: Story, summary: dict[str, Any]
) -> tuple[Any, ...]:
    return audit_row(actor, at, action, "session", str(story.session_id), summary)
