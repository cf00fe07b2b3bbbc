"""Ranking: prior, tempered likelihood ratios, posterior and its explanation. Pure and vectorised.

score(c) = PRIOR * [log prevalence + AGE * log age + log sex] + EVIDENCE * sum of weights, where the
weights of correlated findings fall off (1, r, r^2, ...) from the strongest, findings in favour and
against apart; then a softmax with one further hypothesis, 'other': something that explains nothing.
"""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from agents.knowledge.base import KnowledgeBase
from agents.language.attributes import duration_band
from agents.language.summary import age_is_doubtful
from agents.types import Case, Presence, Reading, Tempo

Floats = NDArray[np.float64]

NOT_ENOUGH = (
    "The case does not say enough to rank conditions: no finding of the knowledge is present."
)


ONLY_BACKGROUND = (
    "The case names only earlier disease, family history or drugs ({}), and no complaint to rank"
    " conditions by."
)
_BACKGROUND_KINDS = frozenset({"history", "family_history", "drug"})


def not_enough(knowledge: KnowledgeBase, reading: Reading) -> str:
    """Why the case cannot be ranked; empty where it can.

    Earlier disease alone is no complaint ('migraine' as the whole note), but what passes is:
    pregnancy, the weeks after a birth.
    """
    if not reading.present:
        return NOT_ENOUGH
    entries = [knowledge.text.findings[f] for f in reading.present]
    if any(e.kind not in _BACKGROUND_KINDS or e.passing for e in entries):
        return ""
    return ONLY_BACKGROUND.format(", ".join(e.name for e in entries))


class Parameters(Struct, frozen=True):
    """Few, and fitted by ``manage.py fit``, never by hand per condition."""

    prior: float = 0.3
    age: float = 1.0
    sex: float = 0.5
    evidence: float = 1.0
    absent: float = 1.2
    correlated: float = 0.85
    """Weight of each further correlated finding, relative to the one before."""
    missing: float = 0.2
    """Weight of a hallmark that a long enough note does not mention."""
    missing_cause: float = 0.8
    """The same for an exposure, drug or history without which the condition hardly occurs."""
    tempo: float = 0.45
    temperature: float = 1.25
    other: float = 0.005
    """Prior of 'other, or not in the knowledge'."""
    other_fit: float = 0.2
    """How well 'other' explains each complaint, in units of the best condition's evidence."""
    chief: float = 1.4
    """Factor on the weight of the chief complaint: what a condition has to explain first."""
    past: float = 0.6
    """Share of its weight that a complaint of the past still has for what it supports."""
    full_note_words: float = 60.0


class Ranking(Struct, frozen=True):
    """All conditions of a case, before they are explained.

    ``ratios`` and ``weights`` are (C, n) for the n findings of ``columns``: the log likelihood
    ratio of each alone, and as it entered the score. ``past`` are columns stated of the past.
    """

    scores: Floats
    probabilities: Floats
    other_probability: float
    prior: Floats
    columns: tuple[int, ...]
    presences: tuple[Presence, ...]
    past: frozenset[int]
    ratios: Floats
    weights: Floats
    context: dict[str, Floats]
    missing: Floats
    order: NDArray[np.intp]


def rank(
    knowledge: KnowledgeBase, case: Case, reading: Reading, parameters: Parameters = Parameters()
) -> Ranking:
    """Scores every condition; the order of findings never matters."""
    present, past, absent = _columns(knowledge, reading)
    context = _context(knowledge, case, reading.tempo, parameters)
    tables = knowledge.tables
    held = tables.present([*present, *past])
    denied = tables.absent(absent)
    emphasised = held * _emphasis(knowledge, reading, len(present) + len(past), parameters)
    np.maximum(emphasised[:, len(present) :], 0.0, out=emphasised[:, len(present) :])
    weights = parameters.evidence * np.hstack(
        [
            _tempered(emphasised, [*present, *past], knowledge, parameters),
            parameters.absent * _tempered(denied, absent, knowledge, parameters),
        ]
    )
    missing = _not_mentioned(knowledge, [*present, *absent], reading.word_count, parameters)
    base = np.zeros(len(knowledge.condition_ids))
    for part in context.values():
        base = base + part
    evidence = weights.sum(axis=1) + missing
    scores = base + evidence
    probabilities, other = _posterior(scores, evidence, parameters)
    order = np.lexsort((np.arange(len(scores)), -scores))
    return Ranking(
        scores=scores,
        probabilities=probabilities,
        other_probability=other,
        prior=np.exp(knowledge.log_prevalence(case.setting)),
        columns=(*present, *past, *absent),
        presences=(
            *[Presence.PRESENT] * (len(present) + len(past)),
            *[Presence.ABSENT] * len(absent),
        ),
        past=frozenset(past),
        ratios=np.hstack([held, denied]),
        weights=weights,
        context=context,
        missing=missing,
        order=order,
    )


def _columns(knowledge: KnowledgeBase, reading: Reading) -> tuple[list[int], list[int], list[int]]:
    """Columns of what is present, what was only in the past, and what is absent."""
    known = knowledge.finding_index
    return (
        [known[f] for f in reading.present if f in known],
        [known[f] for f in reading.past if f in known],
        [known[f] for f in reading.absent if f in known],
    )


def _emphasis(
    knowledge: KnowledgeBase, reading: Reading, count: int, parameters: Parameters
) -> Floats:
    """(count,) factors of the present and then the past findings."""
    known = knowledge.finding_index
    chief = frozenset(reading.chief)
    present = [parameters.chief if f in chief else 1.0 for f in reading.present if f in known]
    return np.array(present + [parameters.past] * (count - len(present)))


def _context(
    knowledge: KnowledgeBase, case: Case, tempo: Tempo, parameters: Parameters
) -> dict[str, Floats]:
    """(C,) weights of prevalence, age, sex, pregnancy and tempo."""
    context = {"prevalence": parameters.prior * knowledge.log_prevalence(case.setting)}
    if case.age_years is not None and not age_is_doubtful(case):
        context["age"] = parameters.age * knowledge.log_age(case.age_years)
    if case.sex is not None:
        context["sex"] = parameters.sex * knowledge.log_sex(case.sex)
    if case.pregnant is not Presence.UNKNOWN:
        excluded = knowledge.pregnancy_excluded(case.pregnant is Presence.PRESENT)
        context["pregnancy"] = np.where(excluded, -1e9, 0.0)
    tables = knowledge.tempo
    parts = [tables.onset.get(tempo.onset or "")]
    if tempo.duration_hours is not None:
        parts.append(tables.duration[duration_band(tempo.duration_hours)])
    parts.extend(tables.course[c] for c in tempo.courses)
    stated = [p for p in parts if p is not None]
    if stated:
        context["tempo"] = parameters.tempo * np.sum(stated, axis=0)
    return context


def _tempered(
    ratios: Floats, columns: Sequence[int], knowledge: KnowledgeBase, parameters: Parameters
) -> Floats:
    """(C, n) weights: within a correlated group each further finding counts less."""
    weights = ratios.copy()
    groups: dict[str, list[int]] = {}
    for position, column in enumerate(columns):
        groups.setdefault(knowledge.group_of[column], []).append(position)
    for members in groups.values():
        if len(members) > 1:
            block = weights[:, members]
            weights[:, members] = block * _decay(block, parameters.correlated)
    return weights


def _decay(block: Floats, factor: float) -> Floats:
    """(C, k) factors: 1 for the strongest of a sign, then falling, by size within its sign."""
    size = block.shape[1]
    places = np.argsort(np.argsort(block, axis=1), axis=1)  # the most negative first
    ranks = np.where(block < 0, places, size - 1 - places)
    return np.asarray((factor ** np.arange(size))[ranks])


def _not_mentioned(
    knowledge: KnowledgeBase,
    mentioned: Sequence[int],
    words: int,
    parameters: Parameters,
) -> Floats:
    """(C,) small penalty for hallmarks and causes that the note could have mentioned."""
    penalty = np.zeros(len(knowledge.condition_ids))
    share = min(1.0, words / parameters.full_note_words)
    if not share:
        return penalty
    for weight, expected in (
        (parameters.missing, knowledge.hallmarks),
        (parameters.missing_cause, knowledge.causes),
    ):
        if weight:
            penalty += weight * share * expected.unmentioned(mentioned)
    return penalty


def _posterior(scores: Floats, evidence: Floats, parameters: Parameters) -> tuple[Floats, float]:
    """Calibrated probabilities and the mass of 'other'."""
    best = float(evidence[scores > -1e8].max(initial=0.0))
    other = parameters.prior * np.log(parameters.other) + parameters.other_fit * max(best, 0.0)
    logits = np.append(scores, other) / parameters.temperature
    logits -= logits.max()
    mass = np.exp(logits)
    mass /= mass.sum()
    return mass[:-1], float(mass[-1])
