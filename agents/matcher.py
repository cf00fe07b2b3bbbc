"""Condition matcher: coded findings to an explained differential and the next questions."""

from msgspec import Struct

from agents.explanation import explained
from agents.inference import Parameters, not_enough, rank
from agents.knowledge.base import KnowledgeBase
from agents.questions import next_questions
from agents.types import Case, Differential, Question, Reading


class Match(Struct, frozen=True):
    differential: Differential
    questions: tuple[Question, ...] = ()


class ConditionMatcher:
    def __init__(self, parameters: Parameters = Parameters()) -> None:
        self._parameters = parameters

    async def match(self, case: Case, reading: Reading, knowledge: KnowledgeBase) -> Match:
        """Ranks only where there is a complaint; otherwise it says what is missing."""
        if reason := not_enough(knowledge, reading):
            return Match(Differential(enough=False, reason=reason))
        ranking = rank(knowledge, case, reading, self._parameters)
        return Match(
            explained(knowledge, reading, ranking),
            next_questions(knowledge, ranking, reading, self._parameters.temperature),
        )
