"""A consultation as the result page shows it: names for ids, words for numbers, links for sources.

Nothing is decided here; order, urgency and probabilities are the consultation's own.
"""

from collections.abc import Iterable
from datetime import date
from typing import Final

from msgspec import Struct

from agents.knowledge.schema import KnowledgeText
from agents.types import (
    Advice,
    Candidate,
    Consultation,
    Evidence,
    FindingMention,
    Question,
    RedFlag,
    Score,
)
from diagnosis.serializers import words
from diagnosis.serializers.words import UrgencyWords, urgency_words

ESTIMATE: Final = "estimate"


class SourceLink(Struct, frozen=True):
    """``url`` is '' for an estimate of ours and for a source that is no longer known."""

    short: str
    title: str = ""
    url: str = ""


NO_SOURCE: Final = SourceLink("")


class EvidenceLine(Struct, frozen=True):
    """``bar`` is the weight's share of the candidate's largest, in percent."""

    name: str
    presence: str
    ratio: str
    weight: str
    bar: int
    source: SourceLink
    note: str


class CandidateCard(Struct, frozen=True):
    condition: str
    name: str
    icd10: tuple[str, ...]
    probability: str
    bar: float
    prior: str
    urgency: UrgencyWords
    urgency_reason: str
    is_draft: bool
    dont_miss: bool
    findings_for: tuple[EvidenceLine, ...]
    findings_against: tuple[EvidenceLine, ...]
    not_asked: tuple[EvidenceLine, ...]
    context: tuple[EvidenceLine, ...]
    exclude_first: tuple[str, ...]
    first_tests: tuple[str, ...]
    sources: tuple[SourceLink, ...]


class RedFlagCard(Struct, frozen=True):
    title: str
    urgency: UrgencyWords
    reason: str
    findings: tuple[str, ...]
    suspects: tuple[str, ...]
    source: SourceLink


class ScoreCard(Struct, frozen=True):
    """``value`` is '' where inputs are missing or the score is not meant for this patient."""

    name: str
    value: str
    interpretation: str
    missing: tuple[str, ...]
    not_applicable: str
    urgency: UrgencyWords | None
    source: SourceLink


class AnswerLine(Struct, frozen=True):
    said: str
    leading: str
    probability: str


class QuestionCard(Struct, frozen=True):
    text: str
    finding: str
    answers: tuple[AnswerLine, ...]


class AdviceCard(Struct, frozen=True):
    text: str
    kind: str
    strength: str
    certainty: str
    guideline: str
    version: str
    condition: str
    source: SourceLink
    review_due: str
    is_overdue: bool
    is_draft: bool
    contraindicated: str


class MissingAgent(Struct, frozen=True):
    name: str
    reason: str
    consequence: str


class OpinionLine(Struct, frozen=True):
    name: str
    status: str
    completed: bool
    duration: str
    detail: str


class ReasonLine(Struct, frozen=True):
    urgency: UrgencyWords
    sentence: str
    origin: str


class MentionLine(Struct, frozen=True):
    """A finding as it was read; ``quote`` is the wording in the note, '' where there is none."""

    name: str
    presence: str
    quote: str
    context: str


class ResultPage(Struct, frozen=True):
    """Everything that the result shows, ready to print."""

    urgency: UrgencyWords
    reasons: tuple[ReasonLine, ...]
    lesser_reasons: tuple[ReasonLine, ...]
    missing_agents: tuple[MissingAgent, ...]
    enough: bool
    not_enough_reason: str
    most_likely: tuple[CandidateCard, ...]
    dont_miss: tuple[CandidateCard, ...]
    other_probability: str
    red_flags: tuple[RedFlagCard, ...]
    scores: tuple[ScoreCard, ...]
    unscored: tuple[ScoreCard, ...]
    questions: tuple[QuestionCard, ...]
    recommendations: tuple[AdviceCard, ...]
    contradictions: tuple[str, ...]
    unrecognised: tuple[str, ...]
    mentions: tuple[MentionLine, ...]
    opinions: tuple[OpinionLine, ...]
    engine: str
    knowledge: str
    guidelines: tuple[tuple[str, str], ...]
    has_draft: bool


def result_page(consultation: Consultation, text: KnowledgeText, today: date) -> ResultPage:
    """The page of a stored consultation; names come from ``text``, else from the id."""
    return _Page(text, today).of(consultation)


def red_flag_cards(red_flags: Iterable[RedFlag], text: KnowledgeText) -> tuple[RedFlagCard, ...]:
    """Red flags alone, for the banner that does not wait for the rest."""
    page = _Page(text, date.min)
    return tuple(page.red_flag(flag) for flag in red_flags)


class _Page:
    def __init__(self, text: KnowledgeText, today: date) -> None:
        self.text = text
        self.today = today.isoformat()

    def of(self, consultation: Consultation) -> ResultPage:
        differential = consultation.differential
        reasons = [
            ReasonLine(urgency_words(r.urgency), r.sentence, _origin(r.origin))
            for r in consultation.urgency_reasons
        ]
        top = urgency_words(consultation.urgency)
        scores = [self.score(score) for score in consultation.scores]
        likely = tuple(self.candidate(c) for c in differential.most_likely)
        dangerous = tuple(self.candidate(c) for c in differential.dont_miss)
        advice = tuple(self.advice(a) for a in consultation.recommendations)
        return ResultPage(
            urgency=top,
            reasons=tuple(r for r in reasons if r.urgency is top),
            lesser_reasons=tuple(r for r in reasons if r.urgency is not top),
            missing_agents=_missing(consultation),
            enough=differential.enough,
            not_enough_reason=differential.reason,
            most_likely=likely,
            dont_miss=dangerous,
            other_probability=words.percent(differential.other_probability),
            red_flags=tuple(self.red_flag(flag) for flag in consultation.red_flags),
            scores=tuple(score for score in scores if score.value),
            unscored=tuple(score for score in scores if not score.value),
            questions=tuple(self.question(q) for q in consultation.questions),
            recommendations=advice,
            contradictions=tuple(c.sentence for c in consultation.reading.contradictions),
            unrecognised=consultation.reading.unrecognised,
            mentions=tuple(self.mentions(consultation.reading.mentions)),
            opinions=_opinions(consultation),
            engine=consultation.versions.engine,
            knowledge=consultation.versions.knowledge,
            guidelines=tuple(
                (self.guideline(key), version)
                for key, version in consultation.versions.guidelines.items()
            ),
            has_draft=any(c.is_draft for c in (*likely, *dangerous))
            or any(a.is_draft for a in advice),
        )

    def candidate(self, candidate: Candidate) -> CandidateCard:
        every = (*candidate.findings_for, *candidate.findings_against, *candidate.context)
        heaviest = max((abs(item.weight) for item in every), default=0.0)
        return CandidateCard(
            condition=candidate.condition,
            name=candidate.name,
            icd10=candidate.icd10,
            probability=words.percent(candidate.probability),
            bar=round(100 * candidate.probability, 1),
            prior=words.percent(candidate.prior),
            urgency=urgency_words(candidate.urgency),
            urgency_reason=candidate.urgency_reason,
            is_draft=candidate.status != "reviewed",
            dont_miss=candidate.dont_miss,
            findings_for=self.evidence(candidate.findings_for, heaviest),
            findings_against=self.evidence(candidate.findings_against, heaviest),
            not_asked=self.evidence(candidate.not_asked, heaviest),
            context=self.evidence(candidate.context, heaviest),
            exclude_first=tuple(self.condition(key) for key in candidate.exclude_first),
            first_tests=candidate.first_tests,
            sources=tuple(self.source(key) for key in candidate.sources),
        )

    def evidence(self, items: Iterable[Evidence], heaviest: float) -> tuple[EvidenceLine, ...]:
        return tuple(
            EvidenceLine(
                name=item.name,
                presence=words.PRESENCES[item.presence],
                ratio=words.ratio(item.likelihood_ratio),
                weight=words.weight(item.weight),
                bar=round(100 * abs(item.weight) / heaviest) if heaviest else 0,
                source=self.source(item.source),
                note=item.note,
            )
            for item in items
        )

    def red_flag(self, flag: RedFlag) -> RedFlagCard:
        return RedFlagCard(
            title=flag.title,
            urgency=urgency_words(flag.urgency),
            reason=flag.reason,
            findings=tuple(self.finding(key) for key in flag.findings),
            suspects=tuple(self.condition(key) for key in flag.suspects),
            source=self.source(flag.source),
        )

    def score(self, score: Score) -> ScoreCard:
        return ScoreCard(
            name=score.name,
            value="" if score.value is None else f"{score.value:g}",
            interpretation=score.interpretation,
            missing=tuple(self.input(key) for key in score.missing),
            not_applicable=score.not_applicable,
            urgency=urgency_words(score.urgency) if score.urgency else None,
            source=self.source(score.source),
        )

    def question(self, question: Question) -> QuestionCard:
        said = {"present": "If yes", "absent": "If no", "unknown": "If not known"}
        return QuestionCard(
            text=question.text,
            finding=question.finding,
            answers=tuple(
                AnswerLine(said[a.presence], a.leading, words.percent(a.probability))
                for a in question.answers
            ),
        )

    def advice(self, advice: Advice) -> AdviceCard:
        link = self.source(advice.source)
        return AdviceCard(
            text=advice.text,
            kind=words.KINDS_OF_ADVICE.get(advice.kind, words.plain(advice.kind)),
            strength=words.STRENGTHS.get(advice.strength, words.plain(advice.strength)),
            certainty=words.CERTAINTIES.get(advice.certainty, words.plain(advice.certainty)),
            guideline=advice.guideline_title,
            version=advice.guideline_version,
            condition=self.condition(advice.condition),
            source=SourceLink(link.short, link.title, advice.url or link.url),
            review_due=advice.review_due,
            is_overdue=bool(advice.review_due) and advice.review_due < self.today,
            is_draft=advice.status != "reviewed",
            contraindicated=advice.contraindicated,
        )

    def mentions(self, mentions: Iterable[FindingMention]) -> Iterable[MentionLine]:
        seen: set[tuple[str, str, str]] = set()
        for mention in mentions:
            line = MentionLine(
                name=self.finding(mention.finding),
                presence=words.PRESENCES[mention.presence],
                quote=mention.text if mention.source in ("text", "similarity") else "",
                context=_mention_context(mention),
            )
            key = (line.name, line.presence, line.context)
            if key not in seen:
                seen.add(key)
                yield line

    # --- names --------------------------------------------------------------------------------

    def source(self, key: str) -> SourceLink:
        if key in (ESTIMATE, ""):
            return (
                SourceLink("Estimate", "No cited source; set by the authors") if key else NO_SOURCE
            )
        entry = self.text.sources.get(key)
        if entry is None:
            return SourceLink(words.plain(key))
        return SourceLink(f"{entry.publisher} {entry.year}", entry.title, entry.url)

    def finding(self, key: str) -> str:
        entry = self.text.findings.get(key)
        return entry.name if entry else words.plain(key)

    def condition(self, key: str) -> str:
        entry = self.text.conditions.get(key)
        return entry.name if entry else words.plain(key)

    def guideline(self, key: str) -> str:
        entry = self.text.guidelines.get(key)
        return entry.title if entry else words.plain(key)

    def input(self, key: str) -> str:
        return words.INPUTS.get(key) or self.finding(key)


def _origin(origin: str) -> str:
    kind = origin.partition(":")[0]
    return {"red_flag": "Red flag", "score": "Score", "condition": "Condition"}.get(kind, "")


def _missing(consultation: Consultation) -> tuple[MissingAgent, ...]:
    opinions = {opinion.agent: opinion for opinion in consultation.opinions}
    return tuple(
        MissingAgent(
            name=words.AGENTS[agent][0],
            reason=opinions[agent].detail if agent in opinions else "",
            consequence=words.WITHOUT_AGENT[agent],
        )
        for agent in consultation.missing_agents
    )


def _opinions(consultation: Consultation) -> tuple[OpinionLine, ...]:
    found = {opinion.agent: opinion for opinion in consultation.opinions}
    return tuple(
        OpinionLine(
            name=title,
            status=words.OPINION_STATUSES[opinion.status],
            completed=opinion.status == "completed",
            duration=words.milliseconds(opinion.duration_ms),
            detail=opinion.detail,
        )
        for agent, (title, _) in words.AGENTS.items()
        if (opinion := found.get(agent))  # type: ignore[call-overload]
    )


def _mention_context(mention: FindingMention) -> str:
    """What keeps a mention from being evidence, or where it comes from."""
    if mention.subject == "family":
        return "in the family"
    if mention.temporality == "past":
        return "in the past"
    if mention.temporality == "hypothetical":
        return "only considered"
    return {
        "vital": "from the vital signs",
        "derived": "follows from another finding",
        "stated": "entered as a finding",
    }.get(mention.source, "")
