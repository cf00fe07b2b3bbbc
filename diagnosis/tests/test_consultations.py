"""The main job: a case in, a stored and explained consultation out."""

import asyncio
from typing import Any

import msgspec
import pytest
from django.db import OperationalError

from agents.coordinator import Coordinator
from agents.errors import InvalidCase
from agents.types import AgentName, Case, Consultation, Note, StatedFinding, Urgency
from diagnosis import services
from diagnosis.errors import NotAllowed, NotStored, Overloaded, SignInRequired
from diagnosis.events import DiagnosisEvent, EventKind, diagnosis_events
from diagnosis.identifiers import made_at
from diagnosis.models import AuditEvent, DiagnosisSession, Opinion, SessionEvent
from diagnosis.policies import Actor
from diagnosis.services import consultations
from diagnosis.services.journal import Journal

pytestmark = [pytest.mark.services, pytest.mark.usefixtures("tiny_knowledge")]

SECRET_WORDS = "zanzibar"
CASE = Case(
    note=Note(text=f"Fever and a cough since the trip to {SECRET_WORDS}. No rash."), age_years=40
)
EMERGENCY = Case(findings=(StatedFinding("fever"), StatedFinding("neck_stiffness")), age_years=20)


@pytest.fixture
def heard() -> Any:
    """Every event of the process, as observers are told it."""
    events: list[DiagnosisEvent] = []
    kinds: tuple[EventKind, ...] = EventKind.__args__  # type: ignore[attr-defined]
    ends = [diagnosis_events.subscribe(kind, events.append) for kind in kinds]
    yield events
    for end in ends:
        end()


async def test_a_consultation_is_stored_before_it_is_answered(actor: Actor) -> None:
    stored = await services.consult(actor, CASE)

    session = await DiagnosisSession.objects.aget(id=stored.session_id)
    assert session.consultation.encode() == stored.consultation_json
    assert msgspec.json.decode(stored.consultation_json, type=Consultation) == stored.consultation
    assert msgspec.json.decode(session.case, type=Case) == CASE
    assert session.status == "complete"
    assert session.clinician_id == actor.user_id
    assert session.leading_condition == stored.consultation.differential.most_likely[0].condition
    assert session.urgency == stored.consultation.urgency
    assert session.knowledge == stored.consultation.versions.knowledge
    assert session.created_at == stored.created_at
    assert session.finished_at is not None
    assert abs((made_at(session.id) - session.created_at).total_seconds()) < 1


async def test_opinions_events_and_audit_are_stored_with_it(actor: Actor) -> None:
    stored = await services.consult(actor, CASE)

    opinions = [o async for o in Opinion.objects.filter(session_id=stored.session_id)]
    assert {(o.agent, o.status) for o in opinions} == {(a.value, "completed") for a in AgentName}
    events = [e async for e in SessionEvent.objects.filter(session_id=stored.session_id)]
    assert [e.seq for e in events] == list(range(1, len(events) + 1))
    assert [events[0].kind, events[-1].kind] == ["session_started", "diagnosis_complete"]
    audit = await AuditEvent.objects.aget(object_id=str(stored.session_id))
    assert (audit.actor, audit.action) == (actor.label, "session_created")


async def test_observers_hear_of_it_after_the_commit_and_never_read_the_note(
    actor: Actor, heard: list[DiagnosisEvent]
) -> None:
    stored = await services.consult(actor, CASE)

    assert {event.session_id for event in heard} == {stored.session_id}
    complete = next(event for event in heard if event.kind == "diagnosis_complete")
    assert complete.summary["status"] == "complete"
    assert complete.occurred_at >= stored.created_at
    assert SECRET_WORDS not in msgspec.json.encode(heard).decode()


async def test_the_audit_and_the_events_hold_no_words_of_the_note(actor: Actor) -> None:
    await services.consult(actor, CASE)

    rows = [a.detail async for a in AuditEvent.objects.all()]
    rows += [e.detail async for e in SessionEvent.objects.all()]
    assert rows
    assert not any(SECRET_WORDS in row for row in rows)


async def test_an_emergency_is_told_to_observers(actor: Actor, heard: list[DiagnosisEvent]) -> None:
    stored = await services.consult(actor, EMERGENCY)

    assert stored.consultation.urgency is Urgency.EMERGENCY
    told = [event for event in heard if event.kind == "emergency_detected"]
    assert [event.summary["urgency"] for event in told] == ["emergency"]


async def test_many_at_once_are_all_stored(actor: Actor) -> None:
    stored = await asyncio.gather(*(services.consult(actor, CASE) for _ in range(60)))

    assert len({s.session_id for s in stored}) == 60
    assert await DiagnosisSession.objects.acount() == 60
    assert await Opinion.objects.acount() == 60 * len(AgentName)


async def test_an_invalid_case_names_the_field_and_stores_nothing(actor: Actor) -> None:
    with pytest.raises(InvalidCase) as caught:
        await services.consult(actor, Case(findings=CASE.findings, age_years=-1))

    assert "age" in caught.value.field
    assert await DiagnosisSession.objects.acount() == 0


async def test_anonymous_consultation_is_open_on_the_embedded_default() -> None:
    stored = await services.consult(Actor.anonymous(), CASE)

    session = await DiagnosisSession.objects.aget(id=stored.session_id)
    assert session.clinician_id is None


async def test_anonymous_consultation_can_be_closed(settings: Any) -> None:
    settings.OPEN_ANALYZE = False

    with pytest.raises(SignInRequired):
        await services.consult(Actor.anonymous(), CASE)
    with pytest.raises(NotAllowed):
        await services.consult(Actor(user_id=1, label="a visitor"), CASE)
    assert await DiagnosisSession.objects.acount() == 0


async def test_a_failing_database_still_gives_the_emergency(
    actor: Actor, monkeypatch: pytest.MonkeyPatch, heard: list[DiagnosisEvent]
) -> None:
    async def fail(record: object) -> None:
        raise OperationalError("the disk is full")

    monkeypatch.setattr(consultations.journal, "write", fail)
    with pytest.raises(NotStored) as caught:
        await services.consult(actor, EMERGENCY)

    assert caught.value.consultation is not None
    assert caught.value.consultation.urgency is Urgency.EMERGENCY
    assert heard == []


async def test_a_full_journal_refuses_before_any_agent_works(
    actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    async def consult(self: Coordinator, *args: object) -> None:
        asked.append(args)

    monkeypatch.setattr(Coordinator, "consult", consult)
    monkeypatch.setattr(consultations, "journal", Journal(limit=0))
    with pytest.raises(Overloaded) as caught:
        await services.consult(actor, CASE)

    assert caught.value.retry_after_s >= 1
    assert asked == []


async def test_an_agent_that_fails_makes_a_partial_session(
    actor: Actor, monkeypatch: pytest.MonkeyPatch, heard: list[DiagnosisEvent]
) -> None:
    async def fail(*args: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("agents.retriever.TreatmentRetriever.retrieve", fail)
    stored = await services.consult(actor, CASE)

    session = await DiagnosisSession.objects.aget(id=stored.session_id)
    assert session.status == "partial"
    assert stored.consultation.missing_agents == (AgentName.RETRIEVER,)
    failed = next(event for event in heard if event.kind == "agent_failed")
    assert (failed.agent, failed.summary["status"]) == ("treatment_retriever", "failed")
