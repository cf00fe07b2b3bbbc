"""A consultation as the result page shows it: names for ids, words for numbers, links for sources.

Nothing is decided here; order, urgency and probabilities are the consultation's own.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from typing import Final

from agents.knowledge.schema import KnowledgeText
from agents.types import (
    Advice,
    AgentName,
    Candidate,
    Consultation,
    Evidence,
    FindingMention,
    Question,
    RedFlag,
    Score,
)
from diagnosis.serializers import words
from diagnosis.serializers.cards import (
    NO_SOURCE,
    AdviceCard,
    AdviceGroup,
    AnswerLine,
    CandidateCard,
    EvidenceLine,
    MentionLine,
    MissingAgent,
    OpinionLine,
    QuestionCard,
    ReasonLine,
    RedFlagCard,
    ResultPage,
    ScoreCard,
    SourceLink,
)
from diagnosis.serializers.words import urgency_words

ESTIMATE: Final = "estimate"
REVIEWED: Final = "reviewed"
_SHOWN_FIRST: Final = 5
_REASONS_SHOWN: Final = 3
_ORIGINS: Final = {"red_flag": "Red flag", "score": "Score", "condition": "Condition"}
"""Kinds of reasons for an urgency, in the order in which they are shown."""


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
        reasons = self.reasons(consultation)
        top = urgency_words(consultation.urgency)
        main = tuple(reason for reason in reasons if reason.urgency is top)
        scores = [self.score(score) for score in consultation.scores]
        likely = tuple(self.candidate(c, n) for n, c in enumerate(differential.most_likely, 1))
        dangerous = tuple(self.candidate(c) for c in differential.dont_miss)
        return ResultPage(
            urgency=top,
            reasons=main[:_REASONS_SHOWN],
            more_reasons=main[_REASONS_SHOWN:],
            lesser_reasons=tuple(r for r in reasons if r.urgency is not top),
            missing_agents=_missing(consultation),
            is_ranked=AgentName.MATCHER not in consultation.missing_agents,
            is_watched=AgentName.DETECTOR not in consultation.missing_agents,
            is_advised=AgentName.RETRIEVER not in consultation.missing_agents,
            enough=differential.enough,
            not_enough_reason=differential.reason,
            most_likely=likely[:_SHOWN_FIRST],
            less_likely=likely[_SHOWN_FIRST:],
            dont_miss=dangerous,
            other_probability=words.percent(differential.other_probability),
            red_flags=tuple(self.red_flag(flag) for flag in consultation.red_flags),
            scores=tuple(score for score in scores if score.value),
            unscored=tuple(score for score in scores if not score.value),
            questions=tuple(self.question(q) for q in consultation.questions),
            recommendations=tuple(self.recommendations(consultation)),
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
            or any(a.status != REVIEWED for a in consultation.recommendations),
        )

    def reasons(self, consultation: Consultation) -> list[ReasonLine]:
        titles = {flag.rule: flag.title for flag in consultation.red_flags}
        lines = []
        for reason in consultation.urgency_reasons:
            kind, _, key = reason.origin.partition(":")
            title = titles.get(key, "") if kind == "red_flag" else ""
            urgency = urgency_words(reason.urgency)
            lines.append(ReasonLine(urgency, _ORIGINS.get(kind, ""), title, reason.sentence))
        order = list(_ORIGINS.values())
        return sorted(
            lines, key=lambda line: order.index(line.origin) if line.origin in order else 9
        )

    def recommendations(self, consultation: Consultation) -> Iterable[AdviceGroup]:
        """Grouped by condition; one that serves several stands once, under the first."""
        ranked = consultation.differential
        likely = {c.condition: c.probability for c in (*ranked.dont_miss, *ranked.most_likely)}
        serves: dict[tuple[str, str], list[Advice]] = defaultdict(list)
        for advice in consultation.recommendations:
            serves[advice.guideline, advice.recommendation].append(advice)
        grouped: dict[str, list[AdviceCard]] = defaultdict(list)
        for first, *others in serves.values():
            grouped[first.condition].append(self.advice(first, others))
        for condition, cards in grouped.items():
            yield AdviceGroup(
                condition=self.condition(condition),
                probability=words.percent(likely[condition]) if condition in likely else "",
                advice=tuple(sorted(cards, key=lambda card: bool(card.contraindicated))),
            )

    def candidate(self, candidate: Candidate, rank: int = 0) -> CandidateCard:
        every = (*candidate.findings_for, *candidate.findings_against, *candidate.context)
        heaviest = max((abs(item.weight) for item in every), default=0.0)
        return CandidateCard(
            rank=rank,
            condition=candidate.condition,
            name=candidate.name,
            icd10=candidate.icd10,
            probability=words.percent(candidate.probability),
            bar=round(100 * candidate.probability, 1),
            prior=words.percent(candidate.prior),
            urgency=urgency_words(candidate.urgency),
            urgency_reason=candidate.urgency_reason,
            is_draft=candidate.status != REVIEWED,
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

    def advice(self, advice: Advice, others: Iterable[Advice] = ()) -> AdviceCard:
        link = self.source(advice.source)
        return AdviceCard(
            text=advice.text,
            kind=words.KINDS_OF_ADVICE.get(advice.kind, words.plain(advice.kind)),
            strength=words.STRENGTHS.get(advice.strength, words.plain(advice.strength)),
            certainty=words.CERTAINTIES.get(advice.certainty, words.plain(advice.certainty)),
            guideline=advice.guideline_title,
            version=advice.guideline_version,
            also_for=tuple(self.condition(other.condition) for other in others),
            source=SourceLink(link.short, link.title, advice.url or link.url),
            review_due=advice.review_due,
            is_overdue=bool(advice.review_due) and advice.review_due < self.today,
            is_draft=advice.status != REVIEWED,
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
