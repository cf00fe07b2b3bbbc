"""Scores of a made-up patient: findings by id, separated by spaces."""

from agents.scores import scores_of
from agents.scores.subject import Ancestors
from agents.types import (
    Case,
    FindingMention,
    Presence,
    Reading,
    Score,
    Setting,
    Severity,
    Sex,
    Urgency,
    Vitals,
)

Result = tuple[float | None, Urgency | None]


def scored(
    age: float | None = 50,
    present: str = "",
    absent: str = "",
    *,
    sex: Sex | None = None,
    pregnant: Presence = Presence.UNKNOWN,
    setting: Setting = Setting.PRIMARY_CARE,
    mentions: tuple[FindingMention, ...] = (),
    ancestors: Ancestors | None = None,
    **vitals: object,
) -> dict[str, Score]:
    """By id of the score; what is mentioned is present as well."""
    measured = Vitals(**vitals)  # type: ignore[arg-type]
    held = {*present.split(), *(m.finding for m in mentions if m.is_evidence)}
    reading = Reading(mentions=mentions, present=tuple(sorted(held)), absent=tuple(absent.split()))
    case = Case(vitals=measured, sex=sex, pregnant=pregnant, setting=setting)
    return {s.score: s for s in scores_of(case, measured, reading, age, ancestors or {})}


def outcome(score: Score) -> Result:
    """Value and urgency of a score that is complete."""
    assert score.missing == ()
    assert score.not_applicable == ""
    assert score.source
    return score.value, score.urgency


def mention(
    finding: str,
    text: str = "",
    *,
    hours: float | None = None,
    severity: Severity | None = None,
    stated: bool = False,
) -> FindingMention:
    return FindingMention(
        finding,
        Presence.PRESENT,
        "stated" if stated else "text",
        text=text,
        severity=severity,
        duration_hours=hours,
    )


def without(findings: str, *taken: str) -> str:
    """The findings but those taken out."""
    return " ".join(f for f in findings.split() if f not in taken)
