"""Red flags, scores and conditions to one urgency. Every step can only raise it. Pure."""

from collections.abc import Iterable, Iterator

from agents.knowledge.base import KnowledgeBase
from agents.knowledge.schema import RedFlagEntry
from agents.types import (
    Candidate,
    Case,
    Differential,
    Presence,
    RedFlag,
    Score,
    Span,
    Urgency,
    UrgencyReason,
)

EMERGENCY_FROM = 0.2
"""Share of probability on emergencies from which the whole case is one."""
URGENT_FROM = 0.4
ROUTINE_FROM = 0.7


def red_flags_in(
    knowledge: KnowledgeBase,
    case: Case,
    present: Iterable[str],
    age_years: float | None,
    spans: dict[str, Span] | None = None,
) -> list[RedFlag]:
    """Rules that fire on these findings, most urgent first. ``spans``: where a finding stands."""
    held = set(present)
    held.update(*(knowledge.ancestors[f] for f in tuple(held) if f in knowledge.ancestors))
    rules = knowledge.text.red_flags
    touched = {key for finding in held for key in knowledge.rules_of.get(finding, ())}
    fired = [
        _flag(key, rules[key], held, spans or {})
        for key in touched
        if _fires(rules[key], held) and _concerns(rules[key], case, held, age_years)
    ]
    return sorted(fired, key=lambda f: (-f.urgency.rank, f.rule))


def _fires(rule: RedFlagEntry, held: set[str]) -> bool:
    if not (rule.all or rule.any):
        return False
    if not held.issuperset(rule.all) or not held.isdisjoint(rule.none):
        return False
    return not rule.any or sum(f in held for f in rule.any) >= rule.at_least


def _concerns(rule: RedFlagEntry, case: Case, held: set[str], age: float | None) -> bool:
    """Age, sex and pregnancy; what is not known does not keep a rule from firing."""
    if age is not None:
        if rule.min_age is not None and age < rule.min_age:
            return False
        if rule.below_age is not None and age >= rule.below_age:
            return False
    elif rule.below_age is not None and rule.below_age <= 18:
        return False  # a rule for children needs a known age
    if rule.sex is not None and case.sex is not None and case.sex is not rule.sex:
        return False
    return not rule.pregnant or "pregnant" in held or case.pregnant is Presence.PRESENT


def _flag(key: str, rule: RedFlagEntry, held: set[str], spans: dict[str, Span]) -> RedFlag:
    findings = tuple(f for f in (*rule.all, *rule.any) if f in held)
    return RedFlag(
        rule=key,
        title=rule.name,
        urgency=rule.urgency,
        reason=rule.reason,
        source=rule.source,
        findings=findings,
        suspects=rule.suspects,
        span=next((spans[f] for f in findings if f in spans), None),
    )


def urgency_of(
    red_flags: Iterable[RedFlag], scores: Iterable[Score], differential: Differential
) -> tuple[Urgency | None, tuple[UrgencyReason, ...]]:
    """The highest of all, with every reason that reaches it; None where nothing says anything."""
    reasons = [
        *(UrgencyReason(f.urgency, f.reason, f"red_flag:{f.rule}") for f in red_flags),
        *(
            UrgencyReason(s.urgency, f"{s.name}: {s.interpretation}", f"score:{s.score}")
            for s in scores
            if s.urgency is not None
        ),
        *_condition_reasons(differential),
    ]
    if not reasons:
        return None, ()
    reasons.sort(key=lambda r: (-r.urgency.rank, r.origin))
    return reasons[0].urgency, tuple(reasons)


def _condition_reasons(differential: Differential) -> Iterator[UrgencyReason]:
    """The level that enough of the probability calls for, and the condition that stands for it."""
    candidates = differential.most_likely
    if not differential.enough or not candidates:
        return
    total = sum(c.probability for c in candidates) or 1.0
    for urgency, least in (
        (Urgency.EMERGENCY, EMERGENCY_FROM),
        (Urgency.URGENT, URGENT_FROM),
        (Urgency.ROUTINE, ROUTINE_FROM),
        (Urgency.SELF_CARE, 0.0),
    ):
        at_least = [c for c in candidates if c.urgency.rank >= urgency.rank]
        if at_least and sum(c.probability for c in at_least) / total >= least:
            yield _reason(urgency, at_least[0])
            return


def _reason(urgency: Urgency, candidate: Candidate) -> UrgencyReason:
    return UrgencyReason(
        urgency,
        f"{candidate.name} is among the likely conditions: {candidate.urgency_reason}",
        f"condition:{candidate.condition}",
    )
