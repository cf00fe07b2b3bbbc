"""Knowledge compiled for the agents: read-only matrices, hierarchy, reader, guideline index.

Shapes: C conditions, F findings, n findings of a case.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from functools import cached_property
from math import exp

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from agents.knowledge.bands import PREVALENCE
from agents.knowledge.form import unpacked
from agents.knowledge.hierarchy import ancestors_of, correlation_groups
from agents.knowledge.likelihood import (
    ESTIMATE,
    LikelihoodTables,
    Listed,
    likelihood_tables,
)
from agents.knowledge.loader import content_hash
from agents.knowledge.raw_flags import RawFlags
from agents.knowledge.schema import ConditionEntry, KnowledgeText
from agents.knowledge.search import FindingMatch, FindingSearch
from agents.language.reader import Reader
from agents.language.wordings import Wordings, compile_wordings
from agents.types import Evidence, Presence, Setting, Sex

Floats = NDArray[np.float64]

DURATION_SHARE: dict[str, float] = {
    "minutes": 0.05, "hours": 0.15, "days": 0.3, "weeks": 0.2, "months": 0.15, "years": 0.15,
}  # fmt: skip
ONSET_SHARE: dict[str, float] = {"sudden": 0.25, "acute": 0.35, "gradual": 0.4}
COURSE_SHARE: dict[str, float] = {
    "constant": 0.25, "worsening": 0.35, "improving": 0.08, "episodic": 0.3, "fluctuating": 0.1,
    "stepwise": 0.03,
}  # fmt: skip
_TYPICAL = 0.85
"""Share of patients whose tempo is one of those that the condition lists."""
_IMPOSSIBLE = -1e9
_HALLMARK_FROM = 0.78
_MOST_TELLING = 60
IN_THE_PAST = "Stated of the past."
_AGE_GRID: Floats = np.concatenate(
    [np.array([0, 0.02, 0.08, 0.17, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5]), np.arange(3.0, 131.0)]
)
"""Years; fine where incidence changes fast."""


class TempoTables(Struct, frozen=True):
    """Log likelihood ratios (C,) by value for onset, duration band and course."""

    onset: dict[str, Floats]
    duration: dict[str, Floats]
    course: dict[str, Floats]


class KnowledgeBase:
    """One immutable release; every worker shares it, nothing writes to it."""

    def __init__(self, text: KnowledgeText, kept: Callable[[str], bytes | None]) -> None:
        self.text = text
        self.hash = content_hash(text)
        self._kept = kept
        self.finding_ids = tuple(text.findings)
        self.condition_ids = tuple(text.conditions)
        self.finding_index = {key: i for i, key in enumerate(self.finding_ids)}
        self.condition_index = {key: i for i, key in enumerate(self.condition_ids)}
        self.ancestors = ancestors_of(text.findings)
        self.groups = correlation_groups(text.findings, self.ancestors)
        self.tables: LikelihoodTables = likelihood_tables(text, self.ancestors, self.finding_index)
        self.group_of = tuple(self.groups[key] for key in self.finding_ids)
        self.dont_miss = np.array([c.dont_miss for c in text.conditions.values()], dtype=bool)
        self.hallmarks = Expected(text, self.tables, frozenset({"symptom"}))
        self.causes = Expected(text, self.tables, frozenset({"exposure", "drug", "history"}))
        self.guidelines_of = _guidelines_of(text)
        self.rules_of = _rules_of(text)
        self.telling = [_telling(self.tables.listed(row)) for row in range(len(text.conditions))]
        self._finding_names = tuple(entry.name for entry in text.findings.values())
        self._telling_evidence: dict[int, list[tuple[int, Evidence]]] = {}
        self.tempo = _tempo_tables(text.conditions.values())
        self._priors = {setting: _log_prevalence(text, setting) for setting in Setting}
        self._sex = {
            sex: np.array(
                [_log_weight(getattr(c.sex, sex.value)) for c in text.conditions.values()]
            )
            for sex in Sex
        }
        self._ages = _log_ages(text.conditions.values())
        self._age_limits = _age_limits(text.conditions.values())
        self._pregnancy_required = np.array(
            [c.pregnancy == "required" for c in text.conditions.values()], dtype=bool
        )
        self._pregnancy_impossible = np.array(
            [c.pregnancy == "impossible" for c in text.conditions.values()], dtype=bool
        )

    @cached_property
    def wordings(self) -> Wordings:
        form = self._kept(self.hash)
        known = unpacked(form, self.hash) if form is not None else None
        return known or compile_wordings(self.text)

    @cached_property
    def reader(self) -> Reader:
        return Reader(self.text, self.ancestors, self.wordings)

    @cached_property
    def raw_flags(self) -> RawFlags:
        return RawFlags(self.text, self.wordings.red_flags)

    @cached_property
    def search(self) -> FindingSearch:
        return FindingSearch(self.text.findings)

    def find_findings(self, query: str, limit: int = 10) -> list[FindingMatch]:
        """Autocomplete: prefix, synonyms, lay words, typos."""
        return self.search.find(query, limit)

    # --- explanation ----------------------------------------------------------------------

    def evidence(
        self,
        row: int,
        column: int,
        presence: Presence,
        ratio: float,
        weight: float,
        *,
        past: bool = False,
    ) -> Evidence:
        """What finding ``column`` says about condition ``row``, with its source."""
        figure = self.tables.figures.get((row, column)) or ESTIMATE
        return Evidence(
            self.finding_ids[column],
            self._finding_names[column],
            presence,
            ratio,
            weight,
            figure.source,
            f"{IN_THE_PAST} {figure.note}".strip() if past else figure.note,
        )

    def telling_evidence(self, row: int) -> list[tuple[int, Evidence]]:
        """The condition's supporting findings by expected weight, as unasked evidence."""
        known = self._telling_evidence.get(row)
        if known is None:
            listed = self.tables.listed(row)
            ratios = dict(zip(listed.columns.tolist(), listed.present.tolist(), strict=True))
            known = self._telling_evidence[row] = [
                (column, self.evidence(row, column, Presence.UNKNOWN, shown(ratios[column]), 0.0))
                for column in self.telling[row]
            ]
        return known

    # --- prior by context -----------------------------------------------------------------

    def log_prevalence(self, setting: Setting) -> Floats:
        """(C,) natural log of the share of people seen who have the condition."""
        return self._priors[setting]

    def log_age(self, age_years: float) -> Floats:
        """(C,) natural log of relative incidence at an age; hugely negative where impossible."""
        upper = int(np.searchsorted(_AGE_GRID, age_years, side="right"))
        upper = min(max(upper, 1), len(_AGE_GRID) - 1)
        low, high = _AGE_GRID[upper - 1], _AGE_GRID[upper]
        share = (age_years - low) / (high - low)
        weights = self._ages[upper - 1] * (1 - share) + self._ages[upper] * share
        outside = (age_years < self._age_limits[0]) | (age_years > self._age_limits[1])
        return np.where(outside, _IMPOSSIBLE, weights)

    def log_sex(self, sex: Sex) -> Floats:
        """(C,) natural log of relative incidence in a sex; hugely negative where impossible."""
        return self._sex[sex]

    def pregnancy_excluded(self, pregnant: bool) -> NDArray[np.bool_]:
        """(C,) conditions that a known (non-)pregnancy excludes."""
        return self._pregnancy_impossible if pregnant else self._pregnancy_required


def shown(log_ratio: float) -> float:
    """A likelihood ratio as it is shown."""
    return round(exp(log_ratio), 3)


def compile_knowledge(
    text: KnowledgeText, kept: Callable[[str], bytes | None] = lambda knowledge_hash: None
) -> KnowledgeBase:
    """A checked text, ready for the agents; raises nothing that the checks have not said.

    ``kept`` gives the bytes of a form (``knowledge.form``) for a knowledge hash, or None.
    """
    return KnowledgeBase(text, kept)


def _log_prevalence(text: KnowledgeText, setting: Setting) -> Floats:
    figures = (getattr(c.prevalence, setting.value) for c in text.conditions.values())
    return np.log([PREVALENCE[f] if isinstance(f, str) else f for f in figures])


def _log_weight(weight: float) -> float:
    return _IMPOSSIBLE if weight == 0 else float(np.log(weight))


def _log_ages(conditions: Iterable[ConditionEntry]) -> Floats:
    """(ages of the grid, C) log relative incidence."""
    columns = []
    for condition in conditions:
        points = condition.age
        if points:
            weights = np.interp(_AGE_GRID, [p.years for p in points], [p.weight for p in points])
            weights = weights / (max(p.weight for p in points) or 1.0)
        else:
            weights = np.ones(len(_AGE_GRID))
        columns.append(np.log(np.maximum(weights, 0.003)))
    return np.array(columns).T.copy() if columns else np.zeros((len(_AGE_GRID), 0))


def _age_limits(conditions: Iterable[ConditionEntry]) -> Floats:
    """(2, C) lowest and highest possible age."""
    return np.array([c.age_limits or (0.0, 130.0) for c in conditions]).reshape(-1, 2).T.copy()


def _rules_of(text: KnowledgeText) -> dict[str, tuple[str, ...]]:
    """Rules to look at for each finding: those that need it, by the rarest finding they need."""
    needed = Counter(finding for rule in text.red_flags.values() for finding in rule.all)
    found: dict[str, list[str]] = {}
    for key, rule in text.red_flags.items():
        rarest = min(rule.all, key=lambda finding: (needed[finding], finding), default=None)
        for finding in (rarest,) if rarest else rule.any:
            found.setdefault(finding, []).append(key)
    return {finding: tuple(keys) for finding, keys in found.items()}


def _guidelines_of(text: KnowledgeText) -> dict[str, tuple[str, ...]]:
    """Guideline ids of each condition."""
    found: dict[str, list[str]] = {}
    for key, guideline in text.guidelines.items():
        for condition in guideline.conditions:
            found.setdefault(condition, []).append(key)
    return {condition: tuple(keys) for condition, keys in found.items()}


class Expected:
    """Listed findings that nearly all patients have, and what their absence would say."""

    def __init__(
        self, text: KnowledgeText, tables: LikelihoodTables, kinds: frozenset[str]
    ) -> None:
        of_kind = np.array([e.kind in kinds and not e.passing for e in text.findings.values()])
        self.total = np.zeros(len(text.conditions))
        """(C,) sum of the log ratios of absence over a condition's expected findings."""
        found: dict[int, list[tuple[int, float]]] = {}
        for row in range(len(text.conditions)):
            listed = tables.listed(row)
            expected = of_kind[listed.columns] & (listed.probability >= _HALLMARK_FROM)
            self.total[row] = listed.absent[expected].sum()
            for column, absent in zip(
                listed.columns[expected].tolist(), listed.absent[expected].tolist(), strict=True
            ):
                found.setdefault(column, []).append((row, absent))
        self._by_column = {
            column: (np.array([row for row, _ in pairs]), np.array([value for _, value in pairs]))
            for column, pairs in found.items()
        }

    def unmentioned(self, mentioned: Iterable[int]) -> Floats:
        """(C,) the total without the findings that a case mentions."""
        left = self.total.copy()
        for column in mentioned:
            if (pair := self._by_column.get(column)) is not None:
                left[pair[0]] -= pair[1]
        return left


def _telling(listed: Listed) -> list[int]:
    """A condition's listed supporting findings, by expected weight when asked."""
    value = np.where(listed.present > 0, listed.present * listed.probability, 0.0)
    order = np.argsort(-value, kind="stable")[:_MOST_TELLING]
    return [int(listed.columns[i]) for i in order if value[i] > 0]


def _tempo_tables(conditions: Iterable[ConditionEntry]) -> TempoTables:
    entries = list(conditions)
    return TempoTables(
        onset=_shares([c.onset for c in entries], ONSET_SHARE, ordered=True),
        duration=_shares([c.duration for c in entries], DURATION_SHARE, ordered=True),
        course=_shares([c.course for c in entries], COURSE_SHARE, ordered=False),
    )


def _shares(
    listed: list[tuple[str, ...]], background: dict[str, float], *, ordered: bool
) -> dict[str, Floats]:
    """Log ratio of a value's share in the condition to its share among all patients."""
    names = list(background)
    ratios = np.zeros((len(listed), len(names)))
    for row, values in enumerate(listed):
        if not values:
            continue
        shares = _spread_shares([names.index(v) for v in values], background, names, ordered)
        ratios[row] = np.log(shares / np.array([background[n] for n in names]))
    return {name: ratios[:, i] for i, name in enumerate(names)}


def _spread_shares(
    typical: list[int], background: dict[str, float], names: list[str], ordered: bool
) -> Floats:
    """Most of the mass on the listed values; neighbours on a scale get more of the rest."""
    base = np.array([background[n] for n in names])
    shares = np.zeros(len(names))
    shares[typical] = base[typical] / base[typical].sum() * _TYPICAL
    rest = np.array([0.0 if i in typical else base[i] for i in range(len(names))])
    if ordered:
        near = [i for i in range(len(names)) if any(abs(i - t) == 1 for t in typical)]
        rest = np.array([r * (3.0 if i in near else 0.5) for i, r in enumerate(rest)])
    if rest.sum() > 0:
        shares += rest / rest.sum() * (1 - _TYPICAL)
    return np.maximum(shares, 1e-3)
