"""Likelihood tables: from bands, figures and the hierarchy to log likelihood ratios.

For a condition c and a finding f, P(f|c) is

1. the listed figure; raised, for a general finding, to the largest of its listed children;
2. for a child of a listed finding, the parent's likelihood ratio to a power below 1: a parent is
   weaker evidence for each of its children, and weaker still where the condition names others;
3. else the background, times ``UNLISTED`` for complaints that the condition does not explain.

``against`` findings carry their likelihood ratio as written.
"""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from agents.knowledge.bands import AGAINST, BACKGROUND, FREQUENCY
from agents.knowledge.schema import (
    ConditionEntry,
    FindingEntry,
    FrequencyBand,
    KnowledgeText,
    Likelihood,
    OddsRatio,
)

Floats = NDArray[np.float64]

UNLISTED = 0.7
"""How often, against the background, an unlisted complaint occurs beside a condition."""
CHILD_POWER = 0.6
CHILD_POWER_BESIDE_LISTED = 0.25
LARGEST_LOG_RATIO = 5.5
_KIND_BACKGROUND = {"symptom": "occasional"}
_COMPLAINTS = frozenset({"symptom", "sign"})


class Figure(Struct, frozen=True):
    """Where a table entry comes from, for the explanation."""

    source: str
    note: str = ""


ESTIMATE = Figure("estimate")


class LikelihoodTables(Struct, frozen=True):
    """(C, F) tables; ``listed`` marks pairs that the knowledge states itself.

    ``present_ratio`` and ``absent_ratio`` are the likelihood ratios as they are shown, to three
    places.
    """

    present: Floats
    absent: Floats
    present_ratio: Floats
    absent_ratio: Floats
    probability: Floats
    background: Floats
    listed: NDArray[np.bool_]
    figures: dict[tuple[int, int], Figure]


def likelihood_tables(
    text: KnowledgeText, ancestors: dict[str, frozenset[str]], index: dict[str, int]
) -> LikelihoodTables:
    background = np.array([background_of(entry) for entry in text.findings.values()])
    unlisted = np.array(
        [UNLISTED if e.kind in _COMPLAINTS else 1.0 for e in text.findings.values()]
    )
    descendants = _descendants(ancestors)
    count = len(text.conditions)
    ratios = np.tile(unlisted, (count, 1))
    listed = np.zeros((count, len(index)), dtype=bool)
    figures: dict[tuple[int, int], Figure] = {}
    for row, condition in enumerate(text.conditions.values()):
        stated = _stated_ratios(condition, index, background, row, figures)
        whole = _with_hierarchy(stated, ancestors, descendants, index, background)
        for key, ratio in whole.items():
            ratios[row, index[key]] = ratio
        listed[row, [index[key] for key in stated]] = True
    probability = np.clip(ratios * background, 1e-5, 0.985)
    present = np.clip(np.log(ratios), -LARGEST_LOG_RATIO, LARGEST_LOG_RATIO)
    absent = np.log((1 - probability) / (1 - background))
    _apply_published_absent(text, index, absent)
    return LikelihoodTables(
        present=present,
        absent=absent,
        present_ratio=np.round(np.exp(present), 3),
        absent_ratio=np.round(np.exp(absent), 3),
        probability=probability,
        background=background,
        listed=listed,
        figures=figures,
    )


def background_of(entry: FindingEntry) -> float:
    """How often people who are seen for something else have the finding."""
    if isinstance(entry.background, float):
        return entry.background
    return BACKGROUND[entry.background or _KIND_BACKGROUND.get(entry.kind, "seldom")]


def _stated_ratios(
    condition: ConditionEntry,
    index: dict[str, int],
    background: Floats,
    row: int,
    figures: dict[tuple[int, int], Figure],
) -> dict[str, float]:
    """Likelihood ratio of each finding that the condition states."""
    ratios: dict[str, float] = {}
    for key, figure in condition.findings.items():
        base = float(background[index[key]])
        ratios[key] = _finding_ratio(figure, base)
        if isinstance(figure, Likelihood):
            figures[row, index[key]] = Figure(figure.source, figure.note)
    for key, risk in condition.risks.items():
        base = float(background[index[key]])
        odds = risk.odds if isinstance(risk, OddsRatio) else risk
        ratios[key] = odds / (1 - base + odds * base)
        if isinstance(risk, OddsRatio):
            figures[row, index[key]] = Figure(risk.source, risk.note)
    for key, band in condition.against.items():
        ratios[key] = AGAINST[band]
    return ratios


def _finding_ratio(figure: FrequencyBand | Likelihood, base: float) -> float:
    if isinstance(figure, str):
        return FREQUENCY[figure] / base
    if figure.lr_pos is not None:
        return figure.lr_pos
    return (figure.p or base) / base


def _with_hierarchy(
    stated: dict[str, float],
    ancestors: dict[str, frozenset[str]],
    descendants: dict[str, frozenset[str]],
    index: dict[str, int],
    background: Floats,
) -> dict[str, float]:
    """Adds what the stated findings say about more general and more specific ones."""
    raised = dict(stated)
    for key, ratio in stated.items():
        share = ratio * background[index[key]]
        for above in ancestors[key]:
            general = float(share / background[index[above]])
            if general > raised.get(above, UNLISTED):
                raised[above] = general
    derived: dict[str, float] = {}
    for key, ratio in raised.items():
        if ratio <= 1:
            continue
        below = descendants.get(key, frozenset())
        beside = not below.isdisjoint(stated)
        power = CHILD_POWER_BESIDE_LISTED if beside else CHILD_POWER
        for child in below:
            derived[child] = max(derived.get(child, 0.0), ratio**power)
    for key, ratio in stated.items():
        if ratio < UNLISTED:  # what speaks against it, speaks so in every special form
            for child in descendants.get(key, frozenset()):
                derived[child] = min(derived.get(child, ratio), ratio)
    return {**derived, **raised}


def _descendants(ancestors: dict[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    below: dict[str, set[str]] = {}
    for key, above in ancestors.items():
        for ancestor in above:
            below.setdefault(ancestor, set()).add(key)
    return {key: frozenset(keys) for key, keys in below.items()}


def _apply_published_absent(text: KnowledgeText, index: dict[str, int], absent: Floats) -> None:
    for row, condition in enumerate(text.conditions.values()):
        for key, figure in condition.findings.items():
            if isinstance(figure, Likelihood) and figure.lr_neg is not None:
                absent[row, index[key]] = np.log(figure.lr_neg)
