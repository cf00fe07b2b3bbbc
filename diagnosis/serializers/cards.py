"""What the result page shows, ready to print: the parts of a page, without how they are made."""

from typing import Final

from msgspec import Struct

from diagnosis.serializers.words import UrgencyWords


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
    """``rank`` counts from 1 in the list of most likely conditions, 0 elsewhere."""

    rank: int
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
    also_for: tuple[str, ...]
    source: SourceLink
    review_due: str
    is_overdue: bool
    is_draft: bool
    contraindicated: str


class AdviceGroup(Struct, frozen=True):
    """Recommendations for one condition; what this patient must not be given stands last."""

    condition: str
    probability: str
    advice: tuple[AdviceCard, ...]


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
    """``title`` names the red flag that fired; it is '' for other reasons."""

    urgency: UrgencyWords
    origin: str
    title: str
    sentence: str


class MentionLine(Struct, frozen=True):
    """A finding as it was read; ``quote`` is the wording in the note, '' where there is none."""

    name: str
    presence: str
    quote: str
    context: str


class ResultPage(Struct, frozen=True):
    """Everything that the result shows, ready to print.

    ``is_ranked``, ``is_watched`` and ``is_advised`` are false where the agent that would have said
    it is missing: an empty list then means 'not looked for', never 'nothing found'.
    """

    urgency: UrgencyWords
    reasons: tuple[ReasonLine, ...]
    more_reasons: tuple[ReasonLine, ...]
    lesser_reasons: tuple[ReasonLine, ...]
    missing_agents: tuple[MissingAgent, ...]
    is_ranked: bool
    is_watched: bool
    is_advised: bool
    enough: bool
    not_enough_reason: str
    most_likely: tuple[CandidateCard, ...]
    less_likely: tuple[CandidateCard, ...]
    dont_miss: tuple[CandidateCard, ...]
    other_probability: str
    red_flags: tuple[RedFlagCard, ...]
    scores: tuple[ScoreCard, ...]
    unscored: tuple[ScoreCard, ...]
    questions: tuple[QuestionCard, ...]
    recommendations: tuple[AdviceGroup, ...]
    contradictions: tuple[str, ...]
    unrecognised: tuple[str, ...]
    mentions: tuple[MentionLine, ...]
    opinions: tuple[OpinionLine, ...]
    engine: str
    knowledge: str
    guidelines: tuple[tuple[str, str], ...]
    has_draft: bool
