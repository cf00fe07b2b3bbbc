"""Findings that follow from measured vitals, by age where the knowledge says so."""

from collections.abc import Iterator
from typing import get_args

from agents.knowledge.schema import FindingEntry, VitalRule
from agents.paediatric import ADULT_FROM_YEARS, normal_range
from agents.types import FindingMention, Presence, Span


class VitalRules:
    """All findings with a vital rule, by vital."""

    names: tuple[str, ...] = get_args(VitalRule.__annotations__["name"])

    def __init__(self, findings: dict[str, FindingEntry]) -> None:
        self._rules: dict[str, list[tuple[str, VitalRule]]] = {name: [] for name in self.names}
        for key, entry in findings.items():
            if entry.vital is not None:
                self._rules[entry.vital.name].append((key, entry.vital))

    def mentions(
        self, vital: str, value: float, age: float | None, span: Span | None, text: str
    ) -> Iterator[FindingMention]:
        """Present or absent for every finding that the value decides."""
        for key, rule in self._rules[vital]:
            presence = Presence.PRESENT if _holds(rule, value, age) else Presence.ABSENT
            yield FindingMention(key, presence, "vital", span, text or f"{vital} {value:g}")


def _holds(rule: VitalRule, value: float, age: float | None) -> bool:
    child = rule.age_bands is not None and age is not None and age < ADULT_FROM_YEARS
    if child and (rule.name == "heart_rate" or rule.name == "respiratory_rate"):
        low, high = normal_range(rule.name, age or 0.0)
        return value > high if rule.age_bands == "high" else value < low
    at_least = rule.at_least is None or value >= rule.at_least
    return at_least and (rule.below is None or value < rule.below)
