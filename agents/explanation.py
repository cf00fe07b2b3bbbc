"""Why a condition stands where it stands: findings for, against, not asked, and the context."""

from math import exp

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
    "missing": "Hallmarks and causes that the note does not mention",
}


def explained(knowledge: KnowledgeBase, reading: Reading, ranking: Ranking) -> Differential:
    """The most likely conditions and the dangerous ones that are not yet excluded."""
    leading = ranking.order[:60]
    scores = ranking.scores[leading].tolist()
    possible = [c for c, score in zip(leading.tolist(), scores, strict=True) if score > -1e8]
    likely = possible[:MOST_LIKELY]
    dangerous = _not_excluded(knowledge, ranking, possible)
    mentioned = frozenset(ranking.columns)
    shown = list(dict.fromkeys(likely + dangerous))
    evidence = _evidence(knowledge, ranking, shown)
    candidates = {
        row: _candidate(knowledge, ranking, row, evidence[row], mentioned) for row in shown
    }
    return Differential(
        most_likely=tuple(candidates[c] for c in likely),
        dont_miss=tuple(candidates[c] for c in dangerous),
        other_probability=round(ranking.other_probability, 4),
    )


def _not_excluded(knowledge: KnowledgeBase, ranking: Ranking, possible: list[int]) -> list[int]:
    dangerous = [c for c in possible if knowledge.dont_miss[c]]
    support = ranking.weights.sum(axis=1)[dangerous].tolist()
    probabilities = ranking.probabilities[dangerous].tolist()
    kept = [
        c
        for c, own, probability in zip(dangerous, support, probabilities, strict=True)
        if own > 0 and (probability >= _LEAST_DANGER or own >= _LEAST_SUPPORT)
    ]
    return kept[:DONT_MISS]


def _candidate(
    knowledge: KnowledgeBase,
    ranking: Ranking,
    row: int,
    evidence: list[Evidence],
    mentioned: frozenset[int],
) -> Candidate:
    key = knowledge.condition_ids[row]
    entry = knowledge.text.conditions[key]
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
        findings_for=tuple([e for e in evidence if e.weight > 0]),
        findings_against=tuple([e for e in evidence if e.weight < 0]),
        not_asked=_not_asked(knowledge, row, mentioned),
        context=_context(ranking, row),
        exclude_first=entry.exclude_first,
        first_tests=entry.first_tests,
        sources=entry.sources,
    )


def _evidence(
    knowledge: KnowledgeBase, ranking: Ranking, rows: list[int]
) -> dict[int, list[Evidence]]:
    """For each condition every finding that moved it, the strongest first."""
    columns, presences = ranking.columns, ranking.presences
    weights = np.round(ranking.weights[rows], 3).tolist()
    ratios = np.round(np.exp(ranking.ratios[rows]), 3).tolist()
    explained_rows = {}
    for row, own_weights, own_ratios in zip(rows, weights, ratios, strict=True):
        telling = [
            (-abs(weight), position)
            for position, weight in enumerate(own_weights)
            if abs(weight) >= _LEAST_WEIGHT
        ]
        telling.sort()
        explained_rows[row] = [
            knowledge.evidence(
                row,
                columns[p],
                presences[p],
                own_ratios[p],
                own_weights[p],
                past=columns[p] in ranking.past,
            )
            for _, p in telling
        ]
    return explained_rows


def _not_asked(
    knowledge: KnowledgeBase, row: int, mentioned: frozenset[int]
) -> tuple[Evidence, ...]:
    """Listed findings that nobody has mentioned, the most telling first."""
    asked = []
    for column, evidence in knowledge.telling_evidence(row):
        if column not in mentioned:
            asked.append(evidence)
            if len(asked) == NOT_ASKED:
                break
    return tuple(asked)


def _context(ranking: Ranking, row: int) -> tuple[Evidence, ...]:
    parts = [
        (name, _CONTEXT_NAMES[name], Presence.PRESENT, float(values[row]))
        for name, values in ranking.context.items()
        if name != "prevalence"
    ]
    missing = float(ranking.missing[row])
    parts.append(("missing_hallmarks", _CONTEXT_NAMES["missing"], Presence.UNKNOWN, missing))
    return tuple(
        [
            Evidence(key, name, presence, round(exp(weight), 3), round(weight, 3), "estimate")
            for key, name, presence, weight in parts
            if abs(weight) >= _LEAST_WEIGHT
        ]
    )
