"""What every score may look at, with three answers to each question: yes, no, nobody said."""

from collections.abc import Mapping
from typing import NamedTuple

from agents.types import FindingMention, Presence, Setting, Sex, Vitals

Ancestors = Mapping[str, frozenset[str]]

_ALTERED = frozenset({"confusion", "voice", "pain", "unresponsive"})
_FULL_GCS = 15
_CONFUSED = ("altered_consciousness", "confusion")


class Subject(NamedTuple):
    """A patient as read; ``present`` holds what findings imply as well."""

    vitals: Vitals
    present: frozenset[str]
    absent: frozenset[str]
    age: float | None
    sex: Sex | None
    pregnant: bool
    setting: Setting
    statements: Mapping[str, list[FindingMention]]
    """Mentions of each finding, or of one that implies it, of this patient now."""
    ancestors: Ancestors

    def states(self, finding: str) -> bool | None:
        """Whether a finding holds; it does not where a more general one is denied."""
        if finding in self.present:
            return True
        if finding in self.absent:
            return False
        above = self.ancestors.get(finding)
        return None if above is None or above.isdisjoint(self.absent) else False

    def any_of(self, *findings: str) -> bool | None:
        """Whether one of the findings holds; only where all are denied does none."""
        return either(*map(self.states, findings))

    def has(self, *findings: str) -> bool:
        """Whether one of the findings is known to hold."""
        return not self.present.isdisjoint(findings)

    def worded(self, finding: str, *words: str) -> bool:
        """Whether the note puts the finding in one of these words."""
        return any(word in mention.text.lower() for mention in self.said(finding) for word in words)

    def said(self, finding: str) -> list[FindingMention]:
        """Where the finding, or one that implies it, is stated of this patient now."""
        return self.statements.get(finding, [])

    @property
    def altered(self) -> bool | None:
        """Any new alteration of consciousness."""
        alert, gcs = self.vitals.consciousness, self.vitals.gcs
        if alert in _ALTERED or (gcs is not None and gcs < _FULL_GCS) or self.has(*_CONFUSED):
            return True
        measured = alert is not None or gcs is not None
        return False if measured or not self.absent.isdisjoint(_CONFUSED) else None

    def pulse_from(self, rate: float, *, above: bool = False) -> bool | None:
        """Whether the pulse reaches (or exceeds) a rate near 100 a minute; else what was said."""
        pulse = self.vitals.heart_rate
        if pulse is None:
            return self.states("tachycardia")
        return pulse > rate if above else pulse >= rate


def statements_of(
    mentions: tuple[FindingMention, ...], ancestors: Ancestors
) -> dict[str, list[FindingMention]]:
    """Mentions that are evidence of presence, by every finding that they imply."""
    found: dict[str, list[FindingMention]] = {}
    for mention in mentions:
        if mention.presence is Presence.PRESENT and mention.is_evidence:
            for finding in (mention.finding, *ancestors.get(mention.finding, ())):
                found.setdefault(finding, []).append(mention)
    return found


def either(*answers: bool | None) -> bool | None:
    """Or of three values: unknown unless one is true or all are false."""
    if any(answers):
        return True
    return None if None in answers else False


def both(*answers: bool | None) -> bool | None:
    """And of three values: unknown unless one is false or all are true."""
    return negated(either(*map(negated, answers)))


def negated(answer: bool | None) -> bool | None:
    return None if answer is None else not answer


def first_known(*answers: bool | None) -> bool | None:
    return next((answer for answer in answers if answer is not None), None)


def from_limit(value: float | None, limit: float) -> bool | None:
    """Whether a value reaches a limit."""
    return None if value is None else value >= limit


def below(value: float | None, limit: float) -> bool | None:
    return None if value is None else value < limit
