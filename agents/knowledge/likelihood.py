"""Likelihood tables: from bands, figures and the hierarchy to log likelihood ratios.

For a condition c and a finding f, P(f|c) is

1. the listed figure; raised, for a general finding, to the largest of its listed children;
2. for a child of a listed finding, the parent's likelihood ratio to a power below 1: a parent is
   weaker evidence for each of its children, and weaker still where the condition names others;
3. else the background, times ``UNLISTED`` for complaints that the condition does not explain.

``against`` findings carry their likelihood ratio as written.
"""

from collections.abc import Sequence
from itertools import pairwise

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
CHILD_POWER = 0.5
CHILD_POWER_BESIDE_LISTED = 0.25
LARGEST_LOG_RATIO = 5.5
_KIND_BACKGROUND = {"symptom": "occasional"}
_COMPLAINTS = frozenset({"symptom", "sign"})


class Figure(Struct, frozen=True):
    """Where a table entry comes from, for the explanation."""

    source: str
    note: str = ""


ESTIMATE = Figure("estimate")


class LikelihoodTables:
    """Log likelihood ratios of C conditions and F findings, kept only where knowledge says some.

    Most of the (C, F) pairs are unlisted and share their finding's default; the rest are entries,
    sorted by finding and then condition, so that what a case needs is a few short slices.
    """

    def __init__(
        self,
        entries: "list[_Entry]",
        conditions: int,
        default_ratio: Floats,
        background: Floats,
        figures: dict[tuple[int, int], Figure],
    ) -> None:
        self.figures = figures
        self._conditions = conditions
        entries.sort(key=lambda e: (e.column, e.row))
        columns = np.array([e.column for e in entries], dtype=np.int32)
        self._rows = np.array([e.row for e in entries], dtype=np.int32)
        self._starts = np.searchsorted(columns, np.arange(len(background) + 1)).tolist()
        ratio = np.array([e.ratio for e in entries], dtype=np.float64)
        self._probability = _probability(ratio, background[columns])
        self._present = _log_present(ratio)
        self._absent = _log_absent(self._probability, background[columns])
        published = np.array([e.absent_ratio or 0.0 for e in entries], dtype=np.float64)
        stated = published > 0
        self._absent[stated] = np.log(published[stated])
        self._listed = np.array([e.listed for e in entries], dtype=bool)
        self._default_probability = _probability(default_ratio, background)
        self._default_present = _log_present(default_ratio)
        self._default_absent = _log_absent(self._default_probability, background)
        self._by_row = _by_row(self._rows, columns, conditions)
        pairs = self._rows.astype(np.int64) * len(background) + columns
        order = np.argsort(pairs, kind="stable")
        self._keys, self._keyed_probability = pairs[order], self._probability[order]

    def present(self, columns: Sequence[int]) -> Floats:
        """(C, n) natural logs of the likelihood ratios of findings that are present."""
        return self._gathered(self._present, self._default_present, columns)

    def absent(self, columns: Sequence[int]) -> Floats:
        """(C, n) natural logs of the likelihood ratios of findings that are absent."""
        return self._gathered(self._absent, self._default_absent, columns)

    def _gathered(self, values: Floats, default: Floats, columns: Sequence[int]) -> Floats:
        gathered = np.empty((len(columns), self._conditions))
        gathered[:] = default[list(columns)][:, None]
        starts, rows = self._starts, self._rows
        for line, column in zip(gathered, columns, strict=True):
            first, last = starts[column], starts[column + 1]
            line[rows[first:last]] = values[first:last]
        return gathered.T

    def probability(self, rows: Sequence[int], columns: Sequence[int]) -> Floats:
        """(len(rows), n): how often each condition shows each finding."""
        wanted = np.asarray(columns)
        default = self._default_probability[wanted]
        if not len(self._keys):
            return np.tile(default, (len(rows), 1))
        keys = np.asarray(rows, dtype=np.int64)[:, None] * len(self._default_probability) + wanted
        # one look-up for all pairs; what lies behind the last key is compared with that one
        places = self._keys[:-1].searchsorted(keys)
        found: Floats = self._keyed_probability[places]
        return np.where(self._keys[places] == keys, found, default)

    def listed(self, row: int) -> "Listed":
        """What the knowledge itself states about a condition, by column."""
        own = self._by_row[row]
        stated = self._listed[own.entries]
        entries = own.entries[stated]
        return Listed(
            own.columns[stated],
            self._present[entries],
            self._absent[entries],
            self._probability[entries],
        )


class Listed(Struct, frozen=True):
    """Findings of one condition: columns, log ratios when present and absent, frequency."""

    columns: NDArray[np.int32]
    present: Floats
    absent: Floats
    probability: Floats


class _Row(Struct, frozen=True):
    """A condition's entries by rising column."""

    columns: NDArray[np.int32]
    entries: NDArray[np.intp]


class _Entry(Struct, frozen=True, gc=False):
    row: int
    column: int
    ratio: float
    listed: bool
    absent_ratio: float | None


def _probability(ratio: Floats, background: Floats) -> Floats:
    return np.clip(ratio * background, 1e-5, 0.985)


def _log_present(ratio: Floats) -> Floats:
    return np.clip(np.log(ratio), -LARGEST_LOG_RATIO, LARGEST_LOG_RATIO)


def _log_absent(probability: Floats, background: Floats) -> Floats:
    return np.asarray(np.log((1 - probability) / (1 - background)))


def _by_row(rows: NDArray[np.int32], columns: NDArray[np.int32], conditions: int) -> list[_Row]:
    order = np.lexsort((columns, rows))
    starts = np.searchsorted(rows[order], np.arange(conditions + 1))
    return [_Row(columns[order[a:b]], order[a:b]) for a, b in pairwise(starts.tolist())]


def likelihood_tables(
    text: KnowledgeText, ancestors: dict[str, frozenset[str]], index: dict[str, int]
) -> LikelihoodTables:
    background = np.array([background_of(entry) for entry in text.findings.values()])
    unlisted = np.array(
        [UNLISTED if e.kind in _COMPLAINTS else 1.0 for e in text.findings.values()]
    )
    descendants = _descendants(ancestors)
    entries: list[_Entry] = []
    figures: dict[tuple[int, int], Figure] = {}
    for row, condition in enumerate(text.conditions.values()):
        stated = _stated_ratios(condition, index, background, row, figures)
        for key, ratio in _with_hierarchy(
            stated, ancestors, descendants, index, background
        ).items():
            absent_ratio = _published_absent(condition, key)
            entries.append(_Entry(row, index[key], ratio, key in stated, absent_ratio))
    return LikelihoodTables(entries, len(text.conditions), unlisted, background, figures)


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


def _published_absent(condition: ConditionEntry, key: str) -> float | None:
    figure = condition.findings.get(key)
    return figure.lr_neg if isinstance(figure, Likelihood) else None
