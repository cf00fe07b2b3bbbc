"""What happens in one session, numbered as it happens, and the rows that it becomes."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import msgspec

from agents.coordinator import AgentEvent
from agents.types import Case, Consultation, Opinion
from diagnosis.actors import Actor
from diagnosis.events import DiagnosisEvent, EventKind, Scalar
from diagnosis.identifiers import uuid7
from diagnosis.models import DiagnosisSession
from diagnosis.services.bulk import EVENTS, OPINIONS, Row, Table
from diagnosis.values import SessionMoment

_TOLD = frozenset({"status", "urgency"})
"""Text that observers are told: words of an enumeration. Other text stays in the session."""


class Story:
    """The moments of one session. ``heard`` takes an agent's event, as the coordinator emits it."""

    def __init__(self, session_id: UUID | None = None) -> None:
        self.session_id: UUID = session_id or uuid7()
        self.started_at = datetime.now(UTC)
        self.moments: list[SessionMoment] = []

    def tell(self, kind: EventKind, offset_ms: float = 0.0, **detail: Any) -> SessionMoment:
        """Adds a moment of the session itself."""
        return self._add(kind, None, offset_ms, detail)

    def heard(self, event: AgentEvent) -> SessionMoment:
        """Adds a moment of an agent."""
        agent = event.agent.value if event.agent is not None else None
        return self._add(cast(EventKind, event.kind), agent, event.offset_ms, event.detail)

    def finish(self, consultation: Consultation) -> SessionMoment:
        """Adds the last moment: what came out, in counts."""
        offset_ms = (datetime.now(UTC) - self.started_at).total_seconds() * 1000
        return self.tell("diagnosis_complete", round(offset_ms, 3), **summary_of(consultation))

    def _add(
        self, kind: EventKind, agent: str | None, offset_ms: float, detail: dict[str, Any]
    ) -> SessionMoment:
        moment = SessionMoment(
            session_id=self.session_id,
            seq=len(self.moments) + 1,
            kind=kind,
            at=self.started_at + timedelta(milliseconds=offset_ms),
            offset_ms=offset_ms,
            agent=agent,
            detail=detail,
        )
        self.moments.append(moment)
        return moment


def summary_of(consultation: Consultation) -> dict[str, Any]:
    """Counts and enum words of an answer."""
    return {
        "status": status_of(consultation),
        "complete": consultation.complete,
        "urgency": consultation.urgency,
        "duration_ms": duration_of(consultation),
        "missing_agents": list(consultation.missing_agents),
        "candidates": len(consultation.differential.most_likely),
        "red_flags": len(consultation.red_flags),
        "recommendations": len(consultation.recommendations),
    }


def status_of(consultation: Consultation) -> str:
    return DiagnosisSession.COMPLETE if consultation.complete else DiagnosisSession.PARTIAL


def duration_of(consultation: Consultation) -> float:
    """The slowest agent's time in ms: they run together."""
    return max((opinion.duration_ms for opinion in consultation.opinions), default=0.0)


def columns_of(consultation: Consultation) -> dict[str, Any]:
    """What a session row says of its answer."""
    ranked = consultation.differential.most_likely
    return {
        "status": status_of(consultation),
        "urgency": consultation.urgency.value if consultation.urgency else "",
        "leading_condition": ranked[0].condition if ranked else "",
        "leading_name": ranked[0].name if ranked else "",
        "duration_ms": duration_of(consultation),
        "knowledge": consultation.versions.knowledge,
        "engine": consultation.versions.engine,
    }


def session_row(
    table: Table, story: Story, actor: Actor, case: Case, worker: str, **columns: Any
) -> Row:
    """A row for ``bulk.SESSIONS``; ``columns`` are those that the answer decides."""
    values: dict[str, Any] = {
        "id": story.session_id,
        "created_at": story.started_at,
        "finished_at": None,
        "clinician": actor.user_id,
        "urgency": "",
        "leading_condition": "",
        "leading_name": "",
        "duration_ms": None,
        "knowledge": "",
        "engine": "",
        "worker": worker,
        "case": msgspec.json.encode(case).decode(),
        "consultation": "",
        **columns,
    }
    return tuple(values[name] for name in table.fields)


def opinion_rows(session_id: UUID, opinions: tuple[Opinion, ...]) -> tuple[Table, list[Row]]:
    return OPINIONS, [
        (session_id, o.agent.value, o.status, o.duration_ms, o.detail) for o in opinions
    ]


def moment_rows(moments: list[SessionMoment]) -> tuple[Table, list[Row]]:
    return EVENTS, [
        (
            m.session_id,
            m.seq,
            m.kind,
            m.agent or "",
            m.at,
            m.offset_ms,
            msgspec.json.encode(m.detail).decode(),
        )
        for m in moments
    ]


def observed(moment: SessionMoment) -> DiagnosisEvent:
    """The moment as observers are told it: ids, numbers and enum words."""
    return DiagnosisEvent(
        kind=moment.kind,
        occurred_at=moment.at,
        session_id=moment.session_id,
        agent=moment.agent,
        summary=_scalars(moment.detail),
    )


def _scalars(detail: dict[str, Any]) -> dict[str, Scalar]:
    told: dict[str, Scalar] = {}
    for name, value in detail.items():
        if isinstance(value, (bool, int, float)):
            told[name] = value
        elif name in _TOLD and isinstance(value, str):
            told[name] = str(value)
    return told
