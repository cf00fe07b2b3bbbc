"""Why a condition stands where it stands: findings for, against, not asked, and the context."""

import numpy as np

from agents.inference import Ranking
from agents.knowledge.base import KnowledgeBase
from agents.types import Candidate, Differential, Evidence, Presence, Reading

MOST_LIKELY = 10
DONT_MISS = 5
NOT_ASKED = 6
_LEAST_WEIGHT = 0.02
_LEAST_DANGER = 0.004
"""A dangerous condition stays on the don't-miss list above this probability ..."""
_LEAST_SUPPORT = 1.0
"""... or while its findings support it by more than this weight."""
_CONTEXT_NAMES = {
    "prevalence": "How common it is in this setting",
    "age": "Age",
    "sex": "Sex",
    "pregnancy": "Pregnancy",
    "tempo": "Onset, duration and course",
}


def explained(knowledge: KnowledgeBase, reading: Reading, ranking: Ranking) -> Differential:
    """The most likely conditions and the dangerous ones that are not yet excluded."""
    possible = [int(c) for c in ranking.order[:60] if ranking.scores[c] > -1e8]
    likely = possible[:MOST_LIKELY]
    dangerous = _not_excluded(knowledge, ranking, possible)
    candidates = {c: _candidate(knowledge, ranking, c) for c in dict.fromkeys(likely + dangerous)}
    return Differential(
        most_likely=tuple(candidates[c] for c in likely),
        dont_miss=tuple(candidates[c] for c in dangerous),
        other_probability=round(ranking.other_probability, 4),
    )


def _not_excluded(knowledge: KnowledgeBase, ranking: Ranking, possible: list[int]) -> list[int]:
    dangerous = [c for c in possible if knowledge.dont_miss[c]]
    support = ranking.weights.sum(axis=1)
    kept = [
        c
        for c in dangerous
        if support[c] > 0
        and (ranking.probabilities[c] >= _LEAST_DANGER or support[c] >= _LEAST_SUPPORT)
    ]
    return kept[:DONT_MISS]


def _candidate(knowledge: KnowledgeBase, ranking: Ranking, row: int) -> Candidate:
    key = knowledge.condition_ids[row]
    entry = knowledge.text.conditions[key]
    evidence = _evidence(knowledge, ranking, row)
    return Candidate(
        condition=key,
        name=entry.name,
        icd10=entry.icd10,
        prior=round(float(ranking.prior[row]), 6),
        probability=round(float(ranking.probabilities[row]), 4),
        urgency=entry.urgency,
        urgency_reason=entry.urgency_reason,
        dont_miss=entry.dont_miss,
        status=entry.status,
        findings_for=tuple(e for e in evidence if e.weight > 0),
        findings_against=tuple(e for e in evidence if e.weight < 0),
        not_asked=_not_asked(knowledge, ranking, row),
        context=_context(ranking, row),
        exclude_first=entry.exclude_first,
        first_tests=entry.first_tests,
        sources=entry.sources,
    )


def _evidence(knowledge: KnowledgeBase, ranking: Ranking, row: int) -> list[Evidence]:
    weights = ranking.weights[row].tolist()
    tables = knowledge.tables
    evidence = []
    for position in sorted(range(len(weights)), key=lambda p: (-abs(weights[p]), p)):
        weight = weights[position]
        if abs(weight) < _LEAST_WEIGHT:
            break
        column = ranking.columns[position]
        presence = ranking.presences[position]
        table = tables.present if presence is Presence.PRESENT else tables.absent
        evidence.append(_item(knowledge, row, column, presence, float(table[row, column]), weight))
    return evidence


def _item(
    knowledge: KnowledgeBase,
    row: int,
    column: int,
    presence: Presence,
    log_ratio: float,
    weight: float,
) -> Evidence:
    key = knowledge.finding_ids[column]
    figure = knowledge.tables.figures.get((row, column))
    return Evidence(
        finding=key,
        name=knowledge.text.findings[key].name,
        presence=presence,
        likelihood_ratio=round(float(np.exp(log_ratio)), 3),
        weight=round(weight, 3),
        source=figure.source if figure else "estimate",
        note=figure.note if figure else "",
    )


def _not_asked(knowledge: KnowledgeBase, ranking: Ranking, row: int) -> tuple[Evidence, ...]:
    """Listed findings that nobody has mentioned, the most telling first."""
    mentioned = set(ranking.columns)
    asked = []
    for column in knowledge.telling[row]:
        if column not in mentioned:
            ratio = float(knowledge.tables.present[row, column])
            asked.append(_item(knowledge, row, column, Presence.UNKNOWN, ratio, 0.0))
            if len(asked) == NOT_ASKED:
                break
    return tuple(asked)


def _context(ranking: Ranking, row: int) -> tuple[Evidence, ...]:
    items = []
    for name, values in ranking.context.items():
        weight = float(values[row])
        if name == "prevalence" or abs(weight) < _LEAST_WEIGHT:
            continue
        items.append(
            Evidence(
                finding=name,
                name=_CONTEXT_NAMES[name],
                presence=Presence.PRESENT,
                likelihood_ratio=round(float(np.exp(weight)), 3),
                weight=round(weight, 3),
                source="estimate",
            )
        )
    if ranking.missing[row] < -_LEAST_WEIGHT:
        items.append(
            Evidence(
                finding="missing_hallmarks",
                name="Hallmarks that the note does not mention",
                presence=Presence.UNKNOWN,
                likelihood_ratio=round(float(np.exp(ranking.missing[row])), 3),
                weight=round(float(ranking.missing[row]), 3),
                source="estimate",
            )
        )
    return tuple(items)
