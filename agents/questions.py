"""The next best question: largest expected change of the differential, dangers weighted. Pure."""

import numpy as np
from numpy.typing import NDArray

from agents.inference import Ranking
from agents.knowledge.base import KnowledgeBase
from agents.types import Answer, Presence, Question, Reading

Floats = NDArray[np.float64]

ASKED = 5
_CANDIDATES = 12
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
    likelihood = knowledge.tables.probability[np.ix_(rows, columns)]
    yes = (prior[:, None] * likelihood).sum(axis=0)
    gains = _entropy(prior) - (
        yes * _entropy(_updated(prior, likelihood))
        + (1 - yes) * _entropy(_updated(prior, 1 - likelihood))
    )
    best = np.argsort(-gains, kind="stable")[:ASKED]
    return tuple(
        _question(knowledge, ranking, rows, columns[i], float(gains[i]), temperature)
        for i in best
        if gains[i] > 1e-3
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


def _question(
    knowledge: KnowledgeBase,
    ranking: Ranking,
    rows: list[int],
    column: int,
    gain: float,
    temperature: float,
) -> Question:
    key = knowledge.finding_ids[column]
    entry = knowledge.text.findings[key]
    text = entry.question or f"{entry.name}?"
    answers = tuple(
        _answer(knowledge, ranking, presence, table[:, column], temperature)
        for presence, table in (
            (Presence.PRESENT, knowledge.tables.present),
            (Presence.ABSENT, knowledge.tables.absent),
        )
    )
    return Question(finding=key, text=text, information=round(gain, 4), answers=answers)


def _answer(
    knowledge: KnowledgeBase,
    ranking: Ranking,
    presence: Presence,
    ratios: Floats,
    temperature: float,
) -> Answer:
    """The leader and its probability after this answer."""
    mass = ranking.probabilities * np.exp(ratios / temperature)
    total = float(mass.sum()) + ranking.other_probability
    leader = int(np.argmax(mass))
    return Answer(
        presence=presence,
        leading=knowledge.text.conditions[knowledge.condition_ids[leader]].name,
        probability=round(float(mass[leader]) / total, 4),
    )
