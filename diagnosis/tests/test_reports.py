"""Outcomes and feedback: who may report, on what, and that nothing else slips in."""

from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import async_to_sync
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from agents.types import Case, StatedFinding
from diagnosis import selectors, services
from diagnosis.errors import InvalidReport, NotFound, SignInRequired, StateRefused
from diagnosis.events import DiagnosisEvent, diagnosis_events
from diagnosis.identifiers import uuid7
from diagnosis.models import AuditEvent, DiagnosisSession, Feedback, Outcome, User
from diagnosis.policies import Actor, actor_of
from diagnosis.values import FeedbackReport, OutcomeReport

pytestmark = [pytest.mark.services, pytest.mark.usefixtures("tiny_knowledge")]

CASE = Case(findings=(StatedFinding("fever"), StatedFinding("cough")), age_years=30)


@pytest.fixture
def session_id(actor: Actor) -> UUID:
    return async_to_sync(services.consult)(actor, CASE).session_id


def test_an_outcome_is_stored_audited_and_told(actor: Actor, session_id: UUID) -> None:
    told: list[DiagnosisEvent] = []
    end = diagnosis_events.subscribe("outcome_recorded", told.append)
    report = OutcomeReport(condition="pneumonia", note="on the film", override_reason="crackles")
    services.record_outcome(actor, session_id, report)
    end()

    outcome = Outcome.objects.get()
    assert (outcome.condition, outcome.note) == ("pneumonia", "on the film")
    assert outcome.recorded_by_id == actor.user_id
    audit = AuditEvent.objects.get(action="outcome_recorded")
    assert audit.object_id == str(session_id)
    assert "on the film" not in audit.detail
    assert "crackles" not in audit.detail
    assert [event.session_id for event in told] == [session_id]
    assert told[0].summary["overridden"] is True


def test_a_later_outcome_stands_before_an_earlier_one(actor: Actor, session_id: UUID) -> None:
    services.record_outcome(actor, session_id, OutcomeReport(condition="flu"))
    services.record_outcome(actor, session_id, OutcomeReport(icd10="J18.9"))

    session = selectors.session_for(actor, session_id)
    assert [str(outcome) for outcome in selectors.outcomes_of(session)] == ["J18.9", "flu"]


@pytest.mark.parametrize(
    ("report", "field"),
    [
        (OutcomeReport(), "condition"),
        (OutcomeReport(condition="nowhere"), "condition"),
        (OutcomeReport(icd10="flu"), "icd10"),
        (OutcomeReport(icd10="J18.9; DROP"), "icd10"),
        (OutcomeReport(condition="flu", note="x" * 5001), "note"),
        (OutcomeReport(condition="flu", note="a\0b"), "note"),
        (OutcomeReport(condition="flu", override_reason="\ud800"), "override_reason"),
    ],
)
def test_a_report_that_breaks_a_rule_names_the_field(
    actor: Actor, session_id: UUID, report: OutcomeReport, field: str
) -> None:
    with pytest.raises(InvalidReport) as caught:
        services.record_outcome(actor, session_id, report)

    assert caught.value.field == field
    assert not Outcome.objects.exists()
    assert not AuditEvent.objects.filter(action="outcome_recorded").exists()


@given(note=st.text(st.characters(codec=None), max_size=200))
@hypothesis_settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_note_is_stored_as_it_was_or_refused(actor: Actor, session_id: UUID, note: str) -> None:
    report = OutcomeReport(icd10="A00", note=note)
    if "\0" in note or any("\ud800" <= character <= "\udfff" for character in note):
        with pytest.raises(InvalidReport, match="note"):
            services.record_outcome(actor, session_id, report)
    else:
        key = services.record_outcome(actor, session_id, report)
        assert Outcome.objects.get(pk=key).note == note


def test_feedback_is_stored_and_audited(actor: Actor, session_id: UUID) -> None:
    services.record_feedback(actor, session_id, FeedbackReport(useful=False, comment="too long"))

    feedback = Feedback.objects.get()
    assert (feedback.useful, feedback.comment) == (False, "too long")
    assert "too long" not in AuditEvent.objects.get(action="feedback_recorded").detail


def test_a_session_of_somebody_else_is_not_found(session_id: UUID, other_clinician: User) -> None:
    other = actor_of(other_clinician)
    with pytest.raises(NotFound):
        services.record_outcome(other, session_id, OutcomeReport(condition="flu"))
    with pytest.raises(NotFound):
        services.record_feedback(other, session_id, FeedbackReport(useful=True))


def test_nobody_in_particular_may_not_report_where_it_is_closed(
    session_id: UUID, settings: Any
) -> None:
    settings.OPEN_ANALYZE = False
    with pytest.raises(SignInRequired):
        services.record_outcome(Actor.anonymous(), session_id, OutcomeReport(condition="flu"))


def test_a_running_session_has_no_outcome_yet(actor: Actor) -> None:
    session = DiagnosisSession.objects.create(
        status="running", case="{}", clinician_id=actor.user_id
    )
    with pytest.raises(StateRefused):
        services.record_outcome(actor, session.pk, OutcomeReport(condition="flu"))


def test_a_session_that_never_was_is_not_found(actor: Actor) -> None:
    with pytest.raises(NotFound):
        services.record_outcome(actor, uuid7(), OutcomeReport(condition="flu"))
