"""The next best question: largest expected change of the differential, dangers weighted. Pure."""

import numpy as np
from numpy.typing import NDArray

from agents.inference import Ranking
from agents.knowledge.base import KnowledgeBase
from agents.types import Answer, Presence, Question, Reading

Floats = NDArray[np.float64]

ASKED = 5
_CANDIDATES = 12
_LEAST_GAIN = 1e-3
_DANGER_WEIGHT = 2.0
_ASKABLE = frozenset({"symptom", "history", "exposure", "drug", "family_history", "sign"})


def next_questions(
    knowledge: KnowledgeBase, ranking: Ranking, reading: Reading, temperature: float
) -> tuple[Question, ...]:
    """Findings not yet mentioned, by expected information in bits about the leading conditions."""
    rows = [int(c) for c in ranking.order[:_CANDIDATES] if ranking.scores[c] > -1e8]
    columns = _askable(knowledge, rows, reading)
    if not rows or not columns:
        return ()
    prior = _normalised(ranking.probabilities[rows] * _danger(knowledge, rows))
    likelihood = knowledge.tables.probability(rows, columns)
    yes = (prior[:, None] * likelihood).sum(axis=0)
    gains = _entropy(prior) - (
        yes * _entropy(_updated(prior, likelihood))
        + (1 - yes) * _entropy(_updated(prior, 1 - likelihood))
    )
    best = [int(i) for i in np.argsort(-gains, kind="stable")[:ASKED] if gains[i] > _LEAST_GAIN]
    if not best:
        return ()
    return _questions(
        knowledge, ranking, [columns[i] for i in best], gains[best].tolist(), temperature
    )


def _askable(knowledge: KnowledgeBase, rows: list[int], reading: Reading) -> list[int]:
    """Telling findings of the leading conditions that the case neither states nor implies."""
    settled = set(reading.present) | set(reading.absent)
    for finding in reading.present:
        settled |= knowledge.ancestors[finding]
    columns = dict.fromkeys(c for row in rows[:6] for c in knowledge.telling[row][:15])
    return [
        column
        for column in columns
        if (key := knowledge.finding_ids[column]) not in settled
        and knowledge.text.findings[key].kind in _ASKABLE
        and knowledge.ancestors[key].isdisjoint(reading.absent)
    ]


def _danger(knowledge: KnowledgeBase, rows: list[int]) -> Floats:
    return np.where(knowledge.dont_miss[rows], _DANGER_WEIGHT, 1.0)


def _normalised(values: Floats) -> Floats:
    total: float = values.sum()
    if total > 0:
        return np.asarray(values / total)
    return np.full(len(values), 1 / max(len(values), 1))


def _updated(prior: Floats, likelihood: Floats) -> Floats:
    joint = prior[:, None] * likelihood
    return np.asarray(joint / np.maximum(joint.sum(axis=0), 1e-12))


def _entropy(p: Floats) -> Floats:
    """Bits, down the first axis."""
    result: Floats = -(p * np.log2(np.maximum(p, 1e-12))).sum(axis=0)
    return result


def _questions(
    knowledge: KnowledgeBase,
    ranking: Ranking,
    columns: list[int],
    gains: list[float],
    temperature: float,
) -> tuple[Question, ...]:
    yes = _leaders(knowledge, ranking, knowledge.tables.present(columns), temperature)
    no = _leaders(knowledge, ranking, knowledge.tables.absent(columns), temperature)
    questions = []
    for position, column in enumerate(columns):
        key = knowledge.finding_ids[column]
        entry = knowledge.text.findings[key]
        questions.append(
            Question(
                finding=key,
                text=entry.question or f"{entry.name}?",
                information=round(gains[position], 4),
                answers=(
                    Answer(Presence.PRESENT, *yes[position]),
                    Answer(Presence.ABSENT, *no[position]),
                ),
            )
        )
    return tuple(questions)


def _leaders(
    knowledge: KnowledgeBase, ranking: Ranking, ratios: Floats, temperature: float
) -> list[tuple[str, float]]:
    """For each column the leading condition and its probability after that answer."""
    mass = ranking.probabilities[:, None] * np.exp(ratios / temperature)
    totals = mass.sum(axis=0) + ranking.other_probability
    rows = mass.argmax(axis=0).tolist()
    shares = np.round(mass.max(axis=0) / totals, 4).tolist()
    names = [knowledge.text.conditions[knowledge.condition_ids[row]].name for row in rows]
    return list(zip(names, shares, strict=True))
