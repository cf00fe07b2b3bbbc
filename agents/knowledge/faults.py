"""Faults that only show when all entries are seen together: dangling ids, loops, bad ranges."""

import re
from collections.abc import Iterable, Iterator

from agents.knowledge.schema import (
    DURATIONS,
    ConditionEntry,
    FindingEntry,
    KnowledgeText,
    Likelihood,
    OddsRatio,
)

_ID = re.compile(r"^[a-z][a-z0-9_]{1,79}$")


def reference_faults(text: KnowledgeText) -> list[str]:
    """Sentences, each starting with the entry at fault; empty where all is well."""
    return [
        *_finding_faults(text),
        *_condition_faults(text),
        *_red_flag_faults(text),
        *_guideline_faults(text),
    ]


def _missing(where: str, ids: Iterable[str], known: Iterable[str], what: str) -> Iterator[str]:
    known = known if isinstance(known, (dict, set)) else set(known)
    for key in ids:
        if key not in known:
            yield f"{where}: unknown {what} {key!r}"


def _finding_faults(text: KnowledgeText) -> Iterator[str]:
    for key, entry in text.findings.items():
        where = f"finding {key}"
        if not _ID.match(key):
            yield f"{where}: the id must be lower case letters, digits and underscores"
        yield from _missing(where, entry.parents, text.findings, "parent")
        if (entry.when or entry.severity) and not entry.parents:
            yield f"{where}: 'when' and 'severity' need a parent"
        for attribute, values in entry.when.items():
            known = _attribute_values(text).get(attribute)
            if known is None:
                yield f"{where}: language.toml has no attribute {attribute!r}"
            else:
                yield from _missing(where, values, known, f"{attribute} value")
    yield from _loops(text.findings)


def _attribute_values(text: KnowledgeText) -> dict[str, Iterable[str]]:
    return {
        **text.lexicon.attributes,
        "onset": text.lexicon.onset,
        "course": text.lexicon.course,
        "duration": DURATIONS,
    }


def _loops(findings: dict[str, FindingEntry]) -> Iterator[str]:
    done: set[str] = set()

    def visit(key: str, path: tuple[str, ...]) -> Iterator[str]:
        if key in path:
            yield f"finding {key}: hierarchy loop {' -> '.join((*path, key))}"
        elif key not in done and key in findings:
            for parent in findings[key].parents:
                yield from visit(parent, (*path, key))
            done.add(key)

    for key in findings:
        yield from visit(key, ())


def _condition_faults(text: KnowledgeText) -> Iterator[str]:
    for key, entry in text.conditions.items():
        where = f"condition {key}"
        if not _ID.match(key):
            yield f"{where}: the file name must be lower case letters, digits and underscores"
        used = [*entry.findings, *entry.risks, *entry.against]
        yield from _missing(where, used, text.findings, "finding")
        for twice in sorted({f for f in used if used.count(f) > 1}):
            yield f"{where}: {twice} stands in more than one of findings, risks and against"
        yield from _missing(where, entry.exclude_first, text.conditions, "condition")
        yield from _missing(where, _cited(entry), text.sources, "source")
        yield from _range_faults(where, entry)


def _cited(entry: ConditionEntry) -> Iterator[str]:
    yield from entry.sources
    if entry.prevalence.source:
        yield entry.prevalence.source
    for figure in (*entry.findings.values(), *entry.risks.values()):
        if isinstance(figure, (Likelihood, OddsRatio)):
            yield figure.source


def _range_faults(where: str, entry: ConditionEntry) -> Iterator[str]:
    years = [point.years for point in entry.age]
    if years != sorted(set(years)):
        yield f"{where}: ages must rise"
    if entry.age_limits and entry.age_limits[0] >= entry.age_limits[1]:
        yield f"{where}: age_limits must rise"
    if not entry.findings:
        yield f"{where}: has no findings"
    for name, figure in entry.findings.items():
        if isinstance(figure, Likelihood) and figure.p is None and figure.lr_pos is None:
            yield f"{where}: {name} needs p or lr_pos"


def _red_flag_faults(text: KnowledgeText) -> Iterator[str]:
    for key, rule in text.red_flags.items():
        where = f"red flag {key}"
        yield from _missing(where, (*rule.all, *rule.any, *rule.none), text.findings, "finding")
        yield from _missing(where, rule.suspects, text.conditions, "condition")
        yield from _missing(where, [rule.source], text.sources, "source")
        if not (rule.all or rule.any or rule.phrases):
            yield f"{where}: can never fire"
        if rule.any and rule.at_least > len(rule.any):
            yield f"{where}: at_least is more than any has"


def _guideline_faults(text: KnowledgeText) -> Iterator[str]:
    for key, entry in text.guidelines.items():
        where = f"guideline {key}"
        yield from _missing(where, [entry.source], text.sources, "source")
        yield from _missing(where, entry.conditions, text.conditions, "condition")
        ids = [r.id for r in entry.recommendations]
        if len(set(ids)) != len(ids):
            yield f"{where}: recommendation ids must differ"
        for recommendation in entry.recommendations:
            there = f"{where}.{recommendation.id}"
            yield from _missing(there, recommendation.conditions, text.conditions, "condition")
            yield from _missing(
                there, recommendation.use.contraindicated_by, text.findings, "finding"
            )
