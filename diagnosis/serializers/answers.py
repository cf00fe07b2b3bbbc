"""Stored consultations as REST answers: the envelope around the consultation's own JSON."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import Struct

from agents.knowledge.schema import SourceEntry
from agents.types import Consultation
from diagnosis.values import StoredAnswer, StoredConsultation

DISCLAIMER: Final = (
    "Decision support for clinicians. It does not replace clinical judgement, and a condition "
    "that is not listed is not excluded."
)
ESTIMATE: Final = "estimate"


class CitedSource(Struct, frozen=True):
    """A source that the answer cites, for the reader to open."""

    title: str
    publisher: str
    year: int
    url: str


class Envelope(Struct, frozen=True):
    """A stored consultation with everything that a reader needs to judge it.

    ``unrecognised`` repeats the structured findings that the knowledge does not have;
    ``sources`` holds every document cited inside by its id.
    """

    session_id: UUID
    created_at: datetime
    status: str
    """'complete', or 'partial' where an agent is missing."""
    unrecognised: tuple[str, ...]
    disclaimer: str
    sources: dict[str, CitedSource]
    consultation: msgspec.Raw


class Accepted(Struct, frozen=True):
    """A session that is being worked on; ``events`` is its WebSocket."""

    session_id: UUID
    status: str
    self: str
    events: str


def session_path(session_id: UUID) -> str:
    return f"/api/v1/sessions/{session_id}/"


def events_path(session_id: UUID) -> str:
    return f"/ws/sessions/{session_id}/"


def analysis_answer(stored: StoredConsultation, sources: dict[str, SourceEntry]) -> StoredAnswer:
    """200 with the whole consultation."""
    return StoredAnswer(
        status=200,
        body=msgspec.json.encode(envelope(stored, sources)),
        headers={"Content-Location": session_path(stored.session_id)},
    )


def session_answer(stored: StoredConsultation, sources: dict[str, SourceEntry]) -> StoredAnswer:
    """201 with the whole consultation and where it stays."""
    return StoredAnswer(
        status=201,
        body=msgspec.json.encode(envelope(stored, sources)),
        headers={"Location": session_path(stored.session_id)},
    )


def accepted_answer(session_id: UUID) -> StoredAnswer:
    """202: the session runs, and where to watch it."""
    accepted = Accepted(session_id, "running", session_path(session_id), events_path(session_id))
    return StoredAnswer(
        status=202,
        body=msgspec.json.encode(accepted),
        headers={"Location": accepted.self, "Preference-Applied": "respond-async"},
    )


def envelope(stored: StoredConsultation, sources: dict[str, SourceEntry]) -> Envelope:
    """The envelope around the JSON that was stored, which is not encoded a second time."""
    consultation = stored.consultation
    return Envelope(
        session_id=stored.session_id,
        created_at=stored.created_at,
        status="complete" if consultation.complete else "partial",
        unrecognised=consultation.reading.unrecognised,
        disclaimer=DISCLAIMER,
        sources=cited(consultation, sources),
        consultation=msgspec.Raw(stored.consultation_json),
    )


def cited(consultation: Consultation, sources: dict[str, SourceEntry]) -> dict[str, CitedSource]:
    """Every source that the consultation names and the knowledge has, by id."""
    named = dict.fromkeys(_named(consultation))
    return {
        source: CitedSource(entry.title, entry.publisher, entry.year, entry.url)
        for source in named
        if (entry := sources.get(source)) is not None
    }


def _named(consultation: Consultation) -> list[str]:
    # flat lists: an answer cites some two hundred times, and generators would cost more than JSON
    differential = consultation.differential
    named: list[str] = []
    for candidate in (*differential.most_likely, *differential.dont_miss):
        named += candidate.sources
        named += [item.source for item in candidate.findings_for]
        named += [item.source for item in candidate.findings_against]
        named += [item.source for item in candidate.not_asked]
        named += [item.source for item in candidate.context]
    citing: tuple[Any, ...] = (*consultation.red_flags, *consultation.scores)
    named += [str(item.source) for item in (*citing, *consultation.recommendations)]
    return named


class OutcomeRow(Struct, frozen=True):
    """What was reported on a session; ``recorded_by`` is a user name, '' where unknown."""

    recorded_at: datetime
    recorded_by: str
    condition: str
    icd10: str
    note: str
    override_reason: str


class SessionDocument(Struct, frozen=True):
    """One stored session; ``consultation`` is null while it runs and where it never finished."""

    session_id: UUID
    created_at: datetime
    finished_at: datetime | None
    status: str
    unrecognised: tuple[str, ...]
    disclaimer: str
    sources: dict[str, CitedSource]
    case: msgspec.Raw
    consultation: msgspec.Raw
    outcomes: tuple[OutcomeRow, ...]
    events: str


class Recorded(Struct, frozen=True):
    """The number of a report that was stored."""

    id: int


def session_document(
    session: Any,
    consultation: Consultation | None,
    outcomes: Iterable[Any],
    sources: dict[str, SourceEntry],
) -> SessionDocument:
    """A stored session for REST; ``case`` and ``consultation`` are the very bytes stored."""
    return SessionDocument(
        session_id=session.id,
        created_at=session.created_at,
        finished_at=session.finished_at,
        status=session.status,
        unrecognised=consultation.reading.unrecognised if consultation else (),
        disclaimer=DISCLAIMER,
        sources=cited(consultation, sources) if consultation else {},
        case=msgspec.Raw(session.case.encode()),
        consultation=msgspec.Raw(session.consultation.encode() or b"null"),
        outcomes=tuple(outcome_row(outcome) for outcome in outcomes),
        events=events_path(session.id),
    )


def outcome_row(outcome: Any) -> OutcomeRow:
    """One reported outcome."""
    return OutcomeRow(
        recorded_at=outcome.recorded_at,
        recorded_by=outcome.recorded_by.get_username() if outcome.recorded_by else "",
        condition=outcome.condition,
        icd10=outcome.icd10,
        note=outcome.note,
        override_reason=outcome.override_reason,
    )


def recorded_answer(report_id: int) -> StoredAnswer:
    """201: the report was stored."""
    return StoredAnswer(status=201, body=msgspec.json.encode(Recorded(report_id)))
