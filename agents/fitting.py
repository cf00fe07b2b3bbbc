"""Fits the few parameters of the ranking: coordinate search, judged by cross-validation.

The aim is the mean log probability of the right condition (a proper score), so that ranking and
calibration are fitted together and no single case can dominate. Readings are made once.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from msgspec import Struct, structs
from numpy.typing import NDArray

from agents.evaluation import Vignette, case_of, matches
from agents.inference import Parameters, rank
from agents.knowledge.base import KnowledgeBase
from agents.types import Case, Reading

GRID: dict[str, tuple[float, ...]] = {
    "prior": (0.3, 0.45, 0.55, 0.7, 0.85),
    "age": (0.5, 0.75, 1.0),
    "sex": (0.5, 0.75, 1.0),
    "absent": (0.45, 0.6, 0.8, 1.0, 1.2),
    "correlated": (0.35, 0.45, 0.6, 0.75, 0.85),
    "chief": (1.0, 1.2, 1.4, 1.6),
    "past": (0.0, 0.2, 0.4, 0.6),
    "missing": (0.0, 0.05, 0.1, 0.2),
    "missing_cause": (0.0, 0.15, 0.3, 0.5, 0.8),
    "tempo": (0.3, 0.45, 0.6, 0.8),
    "temperature": (0.9, 1.0, 1.1, 1.25, 1.4, 1.6),
    "other": (0.005, 0.02, 0.08),
    "other_fit": (0.2, 0.35, 0.5),
}
_FLOOR = 1e-6
_ROUNDS = 2


class Prepared(Struct, frozen=True):
    """A vignette that is read, with the rows of the conditions that match it."""

    case: Case
    reading: Reading
    rows: NDArray[np.intp]


class Fit(Struct, frozen=True):
    """``held_out`` is the mean log probability on the folds that were not fitted on."""

    parameters: Parameters
    fitted: float
    held_out: float
    before: float


def prepared(vignettes: Sequence[Vignette], knowledge: KnowledgeBase) -> list[Prepared]:
    """Leaves out cases whose diagnosis is not in the knowledge: no parameter can find it."""
    found = []
    for vignette in vignettes:
        rows = [
            row
            for row, key in enumerate(knowledge.condition_ids)
            if matches(knowledge.text.conditions[key].icd10, vignette.gold.icd10)
        ]
        case = case_of(vignette)
        reading = knowledge.reader.read(case)
        if rows and reading.present:
            found.append(Prepared(case, reading, np.array(rows)))
    return found


def log_score(cases: Sequence[Prepared], knowledge: KnowledgeBase, parameters: Parameters) -> float:
    """Mean natural log of the probability given to the right condition."""
    total = 0.0
    for item in cases:
        ranking = rank(knowledge, item.case, item.reading, parameters)
        total += float(np.log(max(ranking.probabilities[item.rows].sum(), _FLOOR)))
    return total / max(len(cases), 1)


def fit(
    cases: Sequence[Prepared],
    knowledge: KnowledgeBase,
    start: Parameters,
    folds: int = 4,
    progress: Callable[[str], None] = lambda line: None,
) -> Fit:
    """The parameters fitted on all cases, with the honest score of the same search on folds."""
    held_out = []
    for number, (train, test) in enumerate(_folds(cases, folds), 1):
        chosen = _search(train, knowledge, start)
        held_out.append(log_score(test, knowledge, chosen) * len(test))
        progress(f"fold {number} of {folds}: {held_out[-1] / len(test):.3f} held out")
    parameters = _search(cases, knowledge, start)
    return Fit(
        parameters=parameters,
        fitted=log_score(cases, knowledge, parameters),
        held_out=sum(held_out) / max(len(cases), 1),
        before=log_score(cases, knowledge, start),
    )


def _folds(
    cases: Sequence[Prepared], folds: int
) -> Iterator[tuple[list[Prepared], list[Prepared]]]:
    for fold in range(folds):
        yield (
            [c for i, c in enumerate(cases) if i % folds != fold],
            [c for i, c in enumerate(cases) if i % folds == fold],
        )


def _search(cases: Sequence[Prepared], knowledge: KnowledgeBase, start: Parameters) -> Parameters:
    best, score = start, log_score(cases, knowledge, start)
    for _ in range(_ROUNDS):
        before = score
        for name, values in GRID.items():
            for value in values:
                tried = structs.replace(best, **{name: value})
                reached = log_score(cases, knowledge, tried)
                if reached > score:
                    best, score = tried, reached
        if score - before < 1e-3:
            break
    return best
