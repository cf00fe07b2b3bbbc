"""What clinicians report on a session: what it turned out to be, and whether it helped."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

from django.db import transaction

from diagnosis.actors import Actor
from diagnosis.errors import InvalidReport, StateRefused
from diagnosis.events import DiagnosisEvent, diagnosis_events
from diagnosis.models import DiagnosisSession, Feedback, Outcome
from diagnosis.policies import check_report_on_session
from diagnosis.selectors import current_knowledge, session_for
from diagnosis.services.audit import write_audit
from diagnosis.values import FeedbackReport, OutcomeReport

ICD10 = re.compile(r"[A-Z][0-9][0-9A-Z](\.[0-9A-Z]{1,4})?")
LONGEST = 5000
"""Characters in a remark."""


def record_outcome(
    actor: Actor,
    session_id: UUID,
    report: OutcomeReport,
    *,
    step: Callable[[int], None] | None = None,
) -> int:
    """Stores what it turned out to be; a later report corrects an earlier one.

    Answers with the row's id, which ``step`` is given in the same transaction. Raises NotAllowed,
    NotFound, StateRefused, InvalidReport.
    """
    check_report_on_session(actor)
    _check_outcome(report)
    with transaction.atomic():
        session = _finished_session(actor, session_id)
        outcome = Outcome.objects.create(
            session=session,
            recorded_by_id=actor.user_id,
            condition=report.condition,
            icd10=report.icd10,
            note=report.note,
            override_reason=report.override_reason,
        )
        agreed = bool(report.condition) and report.condition == session.leading_condition
        detail = {
            "condition": report.condition,
            "icd10": report.icd10,
            "agrees_with_leading": agreed,
            "overridden": bool(report.override_reason),
        }
        write_audit(actor, "outcome_recorded", "session", str(session_id), detail)
        if step is not None:
            step(outcome.pk)
    diagnosis_events.publish(
        DiagnosisEvent(
            kind="outcome_recorded",
            occurred_at=datetime.now(UTC),
            session_id=session_id,
            summary={"agrees_with_leading": agreed, "overridden": bool(report.override_reason)},
        )
    )
    return outcome.pk


def record_feedback(
    actor: Actor,
    session_id: UUID,
    report: FeedbackReport,
    *,
    step: Callable[[int], None] | None = None,
) -> int:
    """Stores whether the answer was of use. Answers and raises as ``record_outcome``."""
    check_report_on_session(actor)
    _check_text("comment", report.comment)
    with transaction.atomic():
        session = _finished_session(actor, session_id)
        feedback = Feedback.objects.create(
            session=session,
            recorded_by_id=actor.user_id,
            useful=report.useful,
            comment=report.comment,
        )
        detail = {"useful": report.useful}
        write_audit(actor, "feedback_recorded", "session", str(session_id), detail)
        if step is not None:
            step(feedback.pk)
    return feedback.pk


def _finished_session(actor: Actor, session_id: UUID) -> DiagnosisSession:
    session = session_for(actor, session_id)
    if session.status == DiagnosisSession.RUNNING:
        raise StateRefused("The session is still running.")
    return session


def _check_outcome(report: OutcomeReport) -> None:
    if not report.condition and not report.icd10:
        raise InvalidReport("condition", "Give a condition or an ICD-10 code.")
    if report.condition and report.condition not in current_knowledge().text.conditions:
        raise InvalidReport("condition", "This is no condition of the knowledge in use.")
    if report.icd10 and not ICD10.fullmatch(report.icd10):
        raise InvalidReport("icd10", "Write an ICD-10 code such as J18 or J18.9.")
    _check_text("note", report.note)
    _check_text("override_reason", report.override_reason)


def _check_text(field: str, text: str) -> None:
    if len(text) > LONGEST:
        raise InvalidReport(field, f"At most {LONGEST} characters.")
    try:
        encoded = text.encode()
    except UnicodeEncodeError:
        raise InvalidReport(field, "It holds half a character (a lone surrogate).") from None
    if b"\0" in encoded:
        raise InvalidReport(field, "It holds a NUL character.")
