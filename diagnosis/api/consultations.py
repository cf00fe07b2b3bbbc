"""Having a case analysed over REST, apart from the framework that received the request.

The lean entry and the DRF views both call these, so that there is one way to be answered.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias
from uuid import UUID

from msgspec import Struct

from agents.knowledge.schema import SourceEntry
from diagnosis import selectors, services
from diagnosis.policies import Actor
from diagnosis.problems import UNSUPPORTED_MEDIA_TYPE, Problem, Refusal
from diagnosis.serializers.answers import accepted_answer, analysis_answer, session_answer
from diagnosis.serializers.faults import refused_field
from diagnosis.serializers.requests import case_from_body
from diagnosis.services import Claim
from diagnosis.values import StoredAnswer, StoredConsultation

_KEY: Final = re.compile(r"[!-~]{1,200}")


class Asked(Struct, frozen=True):
    """One POST; ``path`` is that of the resource without version, so that a key spans both."""

    actor: Actor
    path: str
    body: bytes
    content_type: str = "application/json"
    idempotency_key: str = ""
    prefer: str = ""

    @property
    def respond_async(self) -> bool:
        return any(
            preference.split(";")[0].strip().lower() == "respond-async"
            for preference in self.prefer.split(",")
        )


async def analyze(asked: Asked) -> StoredAnswer:
    """200 with the whole consultation."""
    return await once(asked, _analyzed)


async def create_session(asked: Asked) -> StoredAnswer:
    """201 with the whole consultation, or 202 at once with ``Prefer: respond-async``."""
    return await once(asked, _started if asked.respond_async else _created)


Work: TypeAlias = Callable[[Asked, Claim | None], Awaitable[StoredAnswer]]


async def once(asked: Asked, work: Work) -> StoredAnswer:
    """Runs ``work``, or gives the earlier answer to the same Idempotency-Key."""
    check_json(asked.content_type)
    check_key(asked.idempotency_key)
    if not asked.idempotency_key:
        return await work(asked, None)
    return await services.idempotent(
        asked.actor,
        asked.idempotency_key,
        asked.path,
        asked.body,
        lambda claim: work(asked, claim),
    )


def check_key(key: str) -> None:
    """Raises Refusal unless the Idempotency-Key is none or a sound one."""
    if key and not _KEY.fullmatch(key):
        raise refused_field("Idempotency-Key", "has to be 1 to 200 visible ASCII characters.")


def check_json(content_type: str) -> None:
    """Raises Refusal (415) unless the body is announced as JSON."""
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise Refusal(Problem(UNSUPPORTED_MEDIA_TYPE))


async def _analyzed(asked: Asked, claim: Claim | None) -> StoredAnswer:
    return await _consulted(asked, claim, analysis_answer)


async def _created(asked: Asked, claim: Claim | None) -> StoredAnswer:
    return await _consulted(asked, claim, session_answer)


async def _consulted(
    asked: Asked,
    claim: Claim | None,
    answer: Callable[[StoredConsultation, dict[str, SourceEntry]], StoredAnswer],
) -> StoredAnswer:
    case = case_from_body(asked.body)
    sources = await _sources()

    def keep(stored: StoredConsultation) -> None:
        if claim is not None:
            claim.keep(answer(stored, sources))

    stored = await services.consult(asked.actor, case, step=keep if claim else None)
    return answer(stored, sources)


async def _started(asked: Asked, claim: Claim | None) -> StoredAnswer:
    case = case_from_body(asked.body)

    def keep(session_id: UUID) -> None:
        if claim is not None:
            claim.keep(accepted_answer(session_id))

    session_id = await services.start_session(asked.actor, case, step=keep if claim else None)
    return accepted_answer(session_id)


async def _sources() -> dict[str, SourceEntry]:
    return (await selectors.current_knowledge_async()).text.sources
