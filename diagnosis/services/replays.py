"""A stored case answered again by today's engine and knowledge, and what is different."""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from agents.types import Candidate, Case, Consultation, Versions
from diagnosis.actors import Actor
from diagnosis.errors import StateRefused
from diagnosis.policies import check_consult
from diagnosis.selectors import case_of, consultation_of, current_knowledge_async, session_for
from diagnosis.services.audit import audit_row
from diagnosis.services.bulk import AUDIT
from diagnosis.services.engine import coordinator
from diagnosis.services.journal import Record, journal
from diagnosis.threads import in_database
from diagnosis.values import RankChange, ReplayDiff, VersionChange


async def replay(actor: Actor, session_id: UUID) -> ReplayDiff:
    """Runs the stored case again; the answer is compared and not stored, the act is audited.

    Raises NotAllowed, NotFound, and StateRefused where the session has no answer.
    """
    check_consult(actor)
    case, then = await in_database(_stored, actor, session_id)
    knowledge = await current_knowledge_async()
    now = await coordinator().consult(case, knowledge, lambda event: None)
    diff = difference(session_id, then, now)
    detail = {"identical": diff.identical, "rank_changes": len(diff.ranks)}
    at = datetime.now(UTC)
    row = audit_row(actor, at, "session_replayed", "session", str(session_id), detail)
    await journal.write(Record(rows=((AUDIT, [row]),)))
    return diff


def _stored(actor: Actor, session_id: UUID) -> tuple[Case, Consultation]:
    session = session_for(actor, session_id)
    consultation = consultation_of(session)
    if consultation is None:
        raise StateRefused("The session has no answer to compare with.")
    return case_of(session), consultation


def difference(session_id: UUID, then: Consultation, now: Consultation) -> ReplayDiff:
    """What changed between two answers to the same case (pure)."""
    rules_then = {flag.rule for flag in then.red_flags}
    rules_now = {flag.rule for flag in now.red_flags}
    return ReplayDiff(
        session_id=session_id,
        identical=_timeless(then) == _timeless(now),
        urgency_then=then.urgency,
        urgency_now=now.urgency,
        ranks=tuple(_rank_changes(then, now)),
        red_flags_gained=tuple(sorted(rules_now - rules_then)),
        red_flags_lost=tuple(sorted(rules_then - rules_now)),
        versions=tuple(_version_changes(then.versions, now.versions)),
        now=now,
    )


def _timeless(consultation: Consultation) -> bytes:
    """Its bytes without how long things took."""
    opinions = tuple(
        msgspec.structs.replace(opinion, duration_ms=0.0) for opinion in consultation.opinions
    )
    return msgspec.json.encode(msgspec.structs.replace(consultation, opinions=opinions))


def _rank_changes(then: Consultation, now: Consultation) -> Iterator[RankChange]:
    before, after = _ranked(then), _ranked(now)
    for condition in dict.fromkeys([*after, *before]):
        rank_then, candidate_then = before.get(condition, (None, None))
        rank_now, candidate_now = after.get(condition, (None, None))
        change = RankChange(
            condition=condition,
            name=(candidate_now or candidate_then).name,  # type: ignore[union-attr]
            rank_then=rank_then,
            rank_now=rank_now,
            probability_then=candidate_then.probability if candidate_then else None,
            probability_now=candidate_now.probability if candidate_now else None,
        )
        if (change.rank_then, change.probability_then) != (change.rank_now, change.probability_now):
            yield change


def _ranked(consultation: Consultation) -> dict[str, tuple[int | None, Candidate | None]]:
    ranked = enumerate(consultation.differential.most_likely, start=1)
    return {candidate.condition: (rank, candidate) for rank, candidate in ranked}


def _version_changes(then: Versions, now: Versions) -> Iterator[VersionChange]:
    before, after = _flat(then), _flat(now)
    for what in sorted({*before, *after}):
        if before.get(what) != after.get(what):
            yield VersionChange(what, before.get(what), after.get(what))


def _flat(versions: Versions) -> dict[str, str]:
    guidelines = {f"guideline:{key}": value for key, value in versions.guidelines.items()}
    return {"engine": versions.engine, "knowledge": versions.knowledge, **guidelines}
