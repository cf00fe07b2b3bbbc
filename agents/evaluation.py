"""Accuracy on public or own vignettes: gold labels and match rule are fixed before looking.

A case matches where one of a candidate's ICD-10-CM codes begins with an accepted prefix. Our
emergency is 'emergency', urgent and routine are 'non_emergency', self_care is 'self_care'; no
urgency at all counts as wrong.
"""

import asyncio
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from msgspec import Struct, json

from agents.coordinator import Coordinator
from agents.knowledge.base import KnowledgeBase
from agents.types import Candidate, Case, Consultation, Note, Sex, Urgency

TriageLevel = Literal["emergency", "non_emergency", "self_care"]
LEVELS: tuple[TriageLevel, ...] = ("emergency", "non_emergency", "self_care")
DEPTHS = (1, 3, 5, 10)
_LEVEL_OF: dict[Urgency, TriageLevel] = {
    Urgency.EMERGENCY: "emergency",
    Urgency.URGENT: "non_emergency",
    Urgency.ROUTINE: "non_emergency",
    Urgency.SELF_CARE: "self_care",
}


class Gold(Struct, frozen=True):
    """The diagnosis, the ICD-10-CM prefixes that count as a match, and the triage level."""

    name: str
    icd10: tuple[str, ...]
    urgency: TriageLevel | None = None


class Vignette(Struct, frozen=True):
    """One line of a cases file; age and sex may be wrong or null, as in real notes."""

    id: str
    note: Note
    gold: Gold
    age_years: float | None = None
    sex: str | None = None


class Ranked(Struct, frozen=True):
    name: str
    icd10: tuple[str, ...]
    probability: float


class Ranks(Struct, frozen=True):
    """One line of ``--out``: the ten leading conditions and the urgency."""

    id: str
    ranked: tuple[Ranked, ...]
    urgency: Urgency | None


class Outcome(Struct, frozen=True):
    """How one case went. ``rank`` counts from 1; None where no candidate of the ten matches."""

    vignette: Vignette
    ranks: Ranks
    rank: int | None
    brier: float
    reason: str
    """Why the first place was missed; empty where it was not."""


class Share(Struct, frozen=True):
    """``hits`` of ``total`` with a 95 % Wilson interval, all shares from 0 to 1."""

    hits: int
    total: int

    @property
    def value(self) -> float:
        return self.hits / self.total if self.total else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.hits, self.total)


class Report(Struct, frozen=True):
    outcomes: tuple[Outcome, ...]

    def found_within(self, depth: int) -> Share:
        """M1, M3, M5, M10."""
        hits = sum(o.rank is not None and o.rank <= depth for o in self.outcomes)
        return Share(hits, len(self.outcomes))

    def triage(self, level: TriageLevel | None = None) -> Share:
        """Correct level, over all cases that have one or over those of one level."""
        rated = [
            o
            for o in self.outcomes
            if (gold := o.vignette.gold.urgency) is not None and level in (None, gold)
        ]
        return Share(sum(triage_level(o) == o.vignette.gold.urgency for o in rated), len(rated))

    def under_triaged(self) -> Share:
        """Emergencies that were given a lower level."""
        rated = [o for o in self.outcomes if o.vignette.gold.urgency == "emergency"]
        return Share(sum(triage_level(o) != "emergency" for o in rated), len(rated))

    def unanswered(self) -> int:
        return sum(not o.ranks.ranked for o in self.outcomes)

    def brier(self) -> float:
        """Mean multi-class Brier score over the ten leading conditions; 0 is perfect, 2 worst."""
        return sum(o.brier for o in self.outcomes) / max(len(self.outcomes), 1)

    def misses(self) -> list[Outcome]:
        return [o for o in self.outcomes if o.rank != 1]


def read_vignettes(lines: Iterable[str]) -> list[Vignette]:
    """Raises msgspec.DecodeError or ValidationError for a line that is not a case."""
    return [json.decode(line, type=Vignette) for line in lines if line.strip()]


def case_of(vignette: Vignette) -> Case:
    """The case that is put to the agents; nothing of the gold label goes in."""
    sex = Sex(vignette.sex) if vignette.sex in ("female", "male") else None
    return Case(note=vignette.note, age_years=vignette.age_years, sex=sex)


def evaluate(
    vignettes: Sequence[Vignette],
    knowledge: KnowledgeBase,
    coordinator: Coordinator,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Puts every case to the whole engine, as a clinician would."""

    async def run() -> Report:
        outcomes = []
        for number, vignette in enumerate(vignettes, 1):
            answer = await coordinator.consult(case_of(vignette), knowledge, lambda event: None)
            outcomes.append(_outcome(vignette, answer, knowledge))
            progress(number, len(vignettes))
        return Report(tuple(outcomes))

    return asyncio.run(run())


def matches(icd10: Iterable[str], accepted: Sequence[str]) -> bool:
    return any(code.startswith(prefix) for code in icd10 for prefix in accepted)


def triage_level(outcome: Outcome) -> TriageLevel | None:
    urgency = outcome.ranks.urgency
    return None if urgency is None else _LEVEL_OF[urgency]


def wilson(hits: int, total: int, z: float = 1.96) -> tuple[float, float]:
    """Score interval of a share (Wilson 1927)."""
    if total == 0:
        return 0.0, 1.0
    share = hits / total
    centre = share + z * z / (2 * total)
    spread = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    return (centre - spread) / scale, (centre + spread) / scale


def mcnemar(before: Sequence[bool], after: Sequence[bool]) -> float:
    """Exact two-sided p-value for paired successes of two versions."""
    gained = sum(b and not a for a, b in zip(before, after, strict=True))
    lost = sum(a and not b for a, b in zip(before, after, strict=True))
    differing = gained + lost
    if differing == 0:
        return 1.0
    ways = sum(math.comb(differing, k) for k in range(min(gained, lost) + 1))
    tail = math.ldexp(float(ways), -differing)
    return min(1.0, 2 * tail)


def _outcome(vignette: Vignette, answer: Consultation, knowledge: KnowledgeBase) -> Outcome:
    candidates = answer.differential.most_likely
    accepted = vignette.gold.icd10
    rank = next((i for i, c in enumerate(candidates, 1) if matches(c.icd10, accepted)), None)
    ranks = Ranks(
        vignette.id,
        tuple(Ranked(c.name, c.icd10, c.probability) for c in candidates),
        answer.urgency,
    )
    reason = "" if rank == 1 else _reason(vignette, answer, knowledge, rank)
    return Outcome(vignette, ranks, rank, _brier(candidates, accepted), reason)


def _brier(candidates: Sequence[Candidate], accepted: Sequence[str]) -> float:
    right, wrong = 0.0, 0.0
    for candidate in candidates:
        if matches(candidate.icd10, accepted):
            right += candidate.probability
        else:
            wrong += candidate.probability * candidate.probability
    return (1 - right) * (1 - right) + wrong


def _reason(
    vignette: Vignette, answer: Consultation, knowledge: KnowledgeBase, rank: int | None
) -> str:
    known = [
        key
        for key, entry in knowledge.text.conditions.items()
        if matches(entry.icd10, vignette.gold.icd10)
    ]
    if not known:
        return "not in the knowledge"
    listed = {f for key in known for f in knowledge.text.conditions[key].findings}
    if not listed.intersection(answer.reading.present):
        return "not read: none of its findings was found in the note"
    if not answer.differential.most_likely:
        return "not ranked"
    leader = answer.differential.most_likely[0]
    ahead = ", ".join(e.name for e in leader.findings_for[:3])
    return f"outranked ({rank or 'beyond 10'}) by {leader.name}: {ahead}"
