"""What a reviewer of the knowledge wants to know; ``manage.py check_knowledge`` prints it."""

from collections.abc import Iterator
from datetime import date

import numpy as np
from msgspec import Struct

from agents.knowledge.base import KnowledgeBase
from agents.knowledge.schema import KnowledgeText, Likelihood, OddsRatio
from agents.language.tokens import Vocabulary

HALLMARKS = frozenset({"hallmark", "very_common"})
OLD_YEARS = 10
CLOSEST_NATS = 1.0
"""Expected evidence, in nats, below which a typical patient does not separate two conditions."""


class Twins(Struct, frozen=True):
    """Two conditions and the expected evidence (nats) between them, the smaller direction."""

    first: str
    second: str
    nats: float


class Collision(Struct, frozen=True):
    """A wording that more than one finding claims; the first one listed reads it."""

    wording: str
    findings: tuple[str, ...]


class Review(Struct, frozen=True):
    without_hallmark: tuple[str, ...]
    thin: tuple[str, ...]
    """Conditions with fewer than twelve findings, risks and contrary findings."""
    unused_findings: tuple[str, ...]
    twins: tuple[Twins, ...]
    old_sources: tuple[str, ...]
    collisions: tuple[Collision, ...]
    figures: int
    sourced_figures: int

    @property
    def sourced_share(self) -> float:
        """Share of all numbers that name a source, 0 to 1; the rest are estimates."""
        return self.sourced_figures / self.figures if self.figures else 0.0


def review(knowledge: KnowledgeBase, today: date) -> Review:
    """Everything at once; takes some seconds on the full knowledge."""
    text = knowledge.text
    figures, sourced = _figures(text)
    return Review(
        without_hallmark=tuple(_without_hallmark(text)),
        thin=tuple(
            key
            for key, c in text.conditions.items()
            if len(c.findings) + len(c.risks) + len(c.against) < 12
        ),
        unused_findings=tuple(_unused(knowledge)),
        twins=tuple(_twins(knowledge)),
        old_sources=tuple(
            key for key, s in text.sources.items() if today.year - s.year > OLD_YEARS
        ),
        collisions=tuple(_collisions(text)),
        figures=figures,
        sourced_figures=sourced,
    )


def _without_hallmark(text: KnowledgeText) -> Iterator[str]:
    for key, condition in text.conditions.items():
        figures = condition.findings.values()
        strong = any(f in HALLMARKS for f in figures if isinstance(f, str))
        sourced = any(
            (f.p or 0) >= 0.7 or (f.lr_pos or 0) >= 5 for f in figures if isinstance(f, Likelihood)
        )
        if not (strong or sourced):
            yield key


def _unused(knowledge: KnowledgeBase) -> Iterator[str]:
    """Findings that no condition, rule or recommendation names, nor is a parent of one that is."""
    text = knowledge.text
    used: set[str] = set()
    for condition in text.conditions.values():
        used.update(condition.findings, condition.risks, condition.against)
    for rule in text.red_flags.values():
        used.update(rule.all, rule.any, rule.none)
    for guideline in text.guidelines.values():
        for recommendation in guideline.recommendations:
            used.update(recommendation.use.contraindicated_by)
    implied = used.union(*(knowledge.ancestors[f] for f in used))
    for key in text.findings:
        if key not in implied and knowledge.ancestors[key].isdisjoint(used):
            yield key


def _twins(knowledge: KnowledgeBase) -> Iterator[Twins]:
    """Pairs that even all listed findings of a typical patient hardly separate."""
    tables = knowledge.tables
    p = tables.probability(range(len(knowledge.condition_ids)), range(len(knowledge.finding_ids)))
    own = (p * np.log(p) + (1 - p) * np.log(1 - p)).sum(axis=1)
    cross = p @ np.log(p).T + (1 - p) @ np.log(1 - p).T
    distance = own[:, None] - cross
    nearest = np.minimum(distance, distance.T)
    first, second = np.nonzero(np.triu(nearest < CLOSEST_NATS, k=1))
    ids = knowledge.condition_ids
    pairs = [
        Twins(ids[a], ids[b], round(float(nearest[a, b]), 2))
        for a, b in zip(first, second, strict=True)
    ]
    yield from sorted(pairs, key=lambda pair: pair.nats)


def _collisions(text: KnowledgeText) -> Iterator[Collision]:
    """A history and a family history may share words; any other two may not."""
    vocabulary = Vocabulary(text.lexicon.classes, text.lexicon.stopwords)
    claims: dict[tuple[str, ...], dict[str, str]] = {}
    for key, entry in text.findings.items():
        if entry.kind == "family_history":
            continue
        for wording in (entry.name, *entry.synonyms, *entry.lay):
            stems = tuple(sorted(set(vocabulary.phrase(wording))))
            claims.setdefault(stems, {}).setdefault(key, wording)
    for owners in claims.values():
        if len(owners) > 1:
            yield Collision(next(iter(owners.values())), tuple(owners))


def _figures(text: KnowledgeText) -> tuple[int, int]:
    total = sourced = 0
    for condition in text.conditions.values():
        for figure in (*condition.findings.values(), *condition.risks.values()):
            total += 1
            sourced += isinstance(figure, (Likelihood, OddsRatio))
    return total, sourced
