"""Clinical scores. Pure; a missing input is named and never imputed.

A score is shown where its question is raised and something of it is known. What is known is a
lower bound while inputs are missing. Adult scores refuse children, pregnancy and an unknown age;
rules with limits of their own use those. An urgency stands only where the source of the score
says what to do, and nothing lowers one.
"""

from agents.scores import circulation, gut, infection, injury, mind, vital_signs
from agents.scores.points import ADULT_YEARS, ScoreRule
from agents.scores.subject import Ancestors, Subject, statements_of
from agents.types import Case, Presence, Reading, Score, Vitals

__all__ = ["ADULT_YEARS", "RULES", "ScoreRule", "Subject", "scores_of"]

RULES: tuple[ScoreRule, ...] = (
    *vital_signs.RULES,
    *infection.RULES,
    *circulation.RULES,
    *gut.RULES,
    *injury.RULES,
    *mind.RULES,
)
_NO_ANCESTORS: Ancestors = {}


def scores_of(
    case: Case,
    vitals: Vitals,
    reading: Reading,
    age: float | None,
    ancestors: Ancestors = _NO_ANCESTORS,
) -> tuple[Score, ...]:
    """Every score whose question is raised; ``ancestors``: what each finding implies."""
    stated = frozenset(reading.present)
    present = stated.union(*(ancestors.get(finding, frozenset()) for finding in stated))
    subject = Subject(
        vitals=vitals,
        present=present,
        absent=frozenset(reading.absent),
        age=age,
        sex=case.sex,
        pregnant=case.pregnant is Presence.PRESENT or "pregnant" in present,
        setting=case.setting,
        statements=statements_of(reading.mentions, ancestors),
        ancestors=ancestors,
    )
    return tuple(score for rule in RULES if (score := rule(subject)) is not None)
