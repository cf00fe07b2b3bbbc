"""What both baselines share with the product: the request, the engine call and the answer body."""

from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID, uuid4

import msgspec

from agents.coordinator import Coordinator
from agents.knowledge.base import KnowledgeBase, compile_knowledge
from agents.knowledge.loader import read_shipped
from agents.types import Case, Consultation, Note, Sex, StatedFinding
from diagnosis.serializers.answers import Envelope, envelope
from diagnosis.values import StoredConsultation


@cache
def knowledge() -> KnowledgeBase:
    base = compile_knowledge(read_shipped())
    _ = base.reader, base.raw_flags
    return base


@cache
def coordinator() -> Coordinator:
    return Coordinator()


def case_of(body: dict[str, Any]) -> Case:
    """A validated body as the engine's case."""
    patient = body.get("patient_info") or {}
    return Case(
        note=Note(text=body.get("note") or ""),
        findings=tuple(StatedFinding(symptom["name"]) for symptom in body.get("symptoms") or ()),
        age_years=patient.get("age"),
        sex=Sex(patient["gender"]) if patient.get("gender") else None,
    )


async def consult(case: Case) -> Consultation:
    return await coordinator().consult(case, knowledge(), lambda event: None)


def answer(consultation: Consultation) -> tuple[UUID, bytes, Envelope]:
    """A new session's id, the consultation as JSON, and the body of the answer."""
    session_id = uuid4()
    encoded = msgspec.json.encode(consultation)
    stored = StoredConsultation(session_id, datetime.now(UTC), consultation, encoded)
    return session_id, encoded, envelope(stored, knowledge().text.sources)
