"""Rows into entries of the knowledge schema and back, without loss.

Columns carry the schema's names. What differs: an optional word is '' in a row and None in an
entry; a band or a number is text; figures of a condition are rows of their own.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date
from typing import Annotated, Any, TypeVar

import msgspec
from django.db import models

from agents.errors import InvalidKnowledge
from agents.knowledge.faults import reference_faults
from agents.knowledge.schema import (
    AgainstBand,
    ConditionEntry,
    FindingEntry,
    FrequencyBand,
    GuidelineEntry,
    Id,
    KnowledgeText,
    Lexicon,
    Likelihood,
    OddsRatio,
    RecommendationEntry,
    RedFlagEntry,
    SourceEntry,
)
from diagnosis import models as rows

E = TypeVar("E")
R = TypeVar("R", bound=models.Model)
Values = dict[str, Any]
OddsOnly = Annotated[float, msgspec.Meta(gt=0, le=1000)]
"""An odds ratio that is an estimate."""


# --- entries to rows --------------------------------------------------------------------------


def source_values(entry: SourceEntry) -> Values:
    return _plain(entry)


def finding_values(entry: FindingEntry) -> Values:
    return {**_plain(entry), "vital": _builtins(entry.vital), "background": _text(entry.background)}


def red_flag_values(entry: RedFlagEntry) -> Values:
    values = {**_plain(entry), "min_age": entry.min_age, "below_age": entry.below_age}
    return {"source_id": values.pop("source"), **values}


def condition_values(entry: ConditionEntry, system: str) -> Values:
    values = _plain(entry)
    for name in ("findings", "risks", "against", "prevalence", "sex"):
        del values[name]
    return {
        **values,
        "system": system,
        "age_limits": _builtins(entry.age_limits),
        "prevalence_primary_care": _text(entry.prevalence.primary_care),
        "prevalence_emergency": _text(entry.prevalence.emergency),
        "prevalence_source_id": entry.prevalence.source,
        "sex_female": entry.sex.female,
        "sex_male": entry.sex.male,
    }


def figure_values(entry: ConditionEntry) -> list[Values]:
    """One row for each finding that the condition names."""
    figures: list[Values] = []
    for finding, band in entry.findings.items():
        figures.append({"finding_id": finding, "role": "finding", **_figure(band)})
    for finding, odds in entry.risks.items():
        figures.append({"finding_id": finding, "role": "risk", **_figure(odds)})
    for finding, against in entry.against.items():
        figures.append({"finding_id": finding, "role": "against", **_figure(against)})
    return figures


def guideline_values(entry: GuidelineEntry) -> Values:
    return {"title": entry.title, "developer": entry.developer, "population": entry.population}


def version_values(entry: GuidelineEntry) -> Values:
    return {
        "version": entry.version,
        "status": entry.status,
        "source_id": entry.source,
        "published": date.fromisoformat(entry.published),
        "review_due": date.fromisoformat(entry.review_due),
        "conditions": list(entry.conditions),
    }


def recommendation_values(entry: GuidelineEntry) -> list[Values]:
    return [
        {"slug": values.pop("id"), "position": position, **values}
        for position, values in enumerate(map(_plain, entry.recommendations))
    ]


def _plain(entry: Any) -> Values:
    values: Values = msgspec.to_builtins(entry)
    return {name: "" if value is None else value for name, value in values.items()}


def _builtins(value: Any) -> Any:
    return None if value is None else msgspec.to_builtins(value)


def _text(band: str | float | None) -> str:
    return "" if band is None else str(band) if isinstance(band, str) else repr(band)


def _figure(figure: str | float | Likelihood | OddsRatio) -> Values:
    if isinstance(figure, str):
        return {"band": figure}
    if isinstance(figure, (int, float)):
        return {"odds": float(figure)}
    values: Values = msgspec.to_builtins(figure)
    return {"source_id": values.pop("source"), **values}


# --- rows to entries --------------------------------------------------------------------------
# each raises msgspec.ValidationError where a row breaks the schema


def source_entry(row: rows.Source) -> SourceEntry:
    return _entry(SourceEntry, _columns(row, ("title", "publisher", "year", "kind", "url", "doi")))


def finding_entry(row: rows.Finding) -> FindingEntry:
    names = [name for name in FindingEntry.__struct_fields__ if name != "background"]
    return _entry(FindingEntry, {**_columns(row, names), "background": _band(row.background)})


def red_flag_entry(row: rows.RedFlagRule) -> RedFlagEntry:
    names = [name for name in RedFlagEntry.__struct_fields__ if name != "source"]
    return _entry(RedFlagEntry, {**_columns(row, names), "source": row.source_id})


_CONDITION_COLUMNS = [
    name
    for name in ConditionEntry.__struct_fields__
    if name not in ("findings", "risks", "against", "prevalence", "sex")
]
_TABLE_OF_ROLE = {"finding": "findings", "risk": "risks", "against": "against"}


def condition_entry(
    row: rows.Condition, figures: Iterable[rows.ConditionFinding]
) -> ConditionEntry:
    tables: dict[str, Values] = {"findings": {}, "risks": {}, "against": {}}
    for figure in figures:
        tables[_TABLE_OF_ROLE[figure.role]][figure.finding_id] = figure_of(figure)
    prevalence = {
        "primary_care": _band(row.prevalence_primary_care),
        "emergency": _band(row.prevalence_emergency),
        "source": row.prevalence_source_id,
    }
    return _entry(
        ConditionEntry,
        {
            **_columns(row, _CONDITION_COLUMNS),
            **tables,
            "prevalence": prevalence,
            "sex": {"female": row.sex_female, "male": row.sex_male},
        },
    )


def figure_of(row: rows.ConditionFinding) -> str | float | Values:
    """A band, a plain odds ratio, or published figures with their source."""
    if row.band:
        return row.band
    if row.role == rows.ConditionFinding.RISK and row.source_id is None and not row.note:
        return row.odds if row.odds is not None else ""
    names = ("odds", "note") if row.role == "risk" else ("p", "lr_pos", "lr_neg", "note")
    return {**_present(_columns(row, names)), "source": row.source_id}


def checked_figure(row: rows.ConditionFinding) -> object:
    """The figure as the schema has it."""
    kinds: dict[str, Any] = {
        "finding": FrequencyBand | Likelihood,
        "risk": OddsOnly | OddsRatio,
        "against": AgainstBand,
    }
    return msgspec.convert(figure_of(row), kinds[row.role])


def checked_version(row: rows.GuidelineVersion) -> object:
    """The columns of a version as the schema has them; its recommendations are checked alone."""
    return msgspec.convert({"version": row.version, "conditions": row.conditions}, _Version)


class _Version(msgspec.Struct):
    version: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    conditions: Annotated[tuple[Id, ...], msgspec.Meta(min_length=1)]


def guideline_entry(
    row: rows.Guideline,
    version: rows.GuidelineVersion,
    recommendations: Iterable[rows.Recommendation],
) -> GuidelineEntry:
    return _entry(
        GuidelineEntry,
        {
            "title": row.title,
            "developer": row.developer,
            "population": row.population,
            "version": version.version,
            "status": version.status,
            "source": version.source_id,
            "published": version.published.isoformat(),
            "review_due": version.review_due.isoformat(),
            "conditions": version.conditions,
            "recommendations": [recommendation_entry(r) for r in recommendations],
        },
    )


def recommendation_entry(row: rows.Recommendation) -> RecommendationEntry:
    names = [name for name in RecommendationEntry.__struct_fields__ if name != "id"]
    return _entry(RecommendationEntry, {"id": row.slug, **_columns(row, names)})


def _columns(row: models.Model, names: Iterable[str]) -> Values:
    return {name: getattr(row, name) for name in names}


def _present(values: Values) -> Values:
    return {name: value for name, value in values.items() if value is not None and value != ""}


def _entry(entry_type: type[E], values: Values) -> E:
    return msgspec.convert(_present(values), entry_type)


def _band(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text


# --- all of it --------------------------------------------------------------------------------


class Transcript:
    """All rows as entries; what breaks the schema is a fault and left out."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.lexicon: Lexicon | None = None
        self.systems: dict[str, str] = {}
        self.sources = self._all("source", rows.Source.objects.all(), source_entry)
        self.findings = self._all("finding", rows.Finding.objects.all(), finding_entry)
        self.red_flags = self._all("red flag", rows.RedFlagRule.objects.all(), red_flag_entry)
        self.conditions = self._conditions()
        self.guidelines = self._guidelines()
        self._read_lexicon()

    def text(self) -> KnowledgeText:
        """The whole, sorted. Raises InvalidKnowledge with every fault of schema or reference."""
        if self.faults or self.lexicon is None:
            raise InvalidKnowledge(self.faults)
        text = KnowledgeText(
            sources=self.sources,
            findings=self.findings,
            conditions=self.conditions,
            systems=self.systems,
            red_flags=self.red_flags,
            guidelines=self.guidelines,
            lexicon=self.lexicon,
        )
        if faults := reference_faults(text):
            raise InvalidKnowledge(faults)
        return text

    def _all(self, what: str, found: Iterable[R], to_entry: Callable[[R], E]) -> dict[str, E]:
        entries: dict[str, E] = {}
        for row in found:
            try:
                entries[str(row.pk)] = to_entry(row)
            except msgspec.ValidationError as error:
                self.faults.append(f"{what} {row.pk}: {error}")
        return entries

    def _conditions(self) -> dict[str, ConditionEntry]:
        figures: dict[str, list[rows.ConditionFinding]] = defaultdict(list)
        for figure in rows.ConditionFinding.objects.all():
            figures[figure.condition_id].append(figure)
        found = list(rows.Condition.objects.all())
        self.systems = {row.pk: row.system for row in found}
        return self._all("condition", found, lambda row: condition_entry(row, figures[row.pk]))

    def _guidelines(self) -> dict[str, GuidelineEntry]:
        published = rows.GuidelineVersion.objects.filter(state="published")
        versions = published.select_related("guideline").prefetch_related("recommendations")
        by_guideline = {version.guideline_id: version for version in versions}

        def entry(row: rows.Guideline) -> GuidelineEntry:
            version = by_guideline[row.pk]
            return guideline_entry(row, version, version.recommendations.all())

        return self._all("guideline", [v.guideline for v in by_guideline.values()], entry)

    def _read_lexicon(self) -> None:
        row = rows.Lexicon.objects.first()
        if row is None:
            self.faults.append("lexicon: no knowledge has been loaded (manage.py load_knowledge)")
            return
        try:
            self.lexicon = msgspec.convert(row.entry, Lexicon)
        except msgspec.ValidationError as error:
            self.faults.append(f"lexicon: {error}")
