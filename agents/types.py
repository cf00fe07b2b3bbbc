"""Frozen values that the agents exchange; the vocabulary follows FHIR and evidence-based medicine.

Ages are in years (a newborn of three days is 3/365), durations in hours, temperatures in
degrees Celsius, blood pressure in mmHg, SpO2 in percent, likelihood ratios are plain ratios and
weights are natural logarithms of them. Everything encodes to JSON with ``msgspec.json``.
"""

from enum import StrEnum
from typing import Literal

from msgspec import Struct


class Presence(StrEnum):
    """Absent is not 'not asked': a finding is present, absent or unknown."""

    PRESENT = "present"
    ABSENT = "absent"
    UNKNOWN = "unknown"


class Sex(StrEnum):
    FEMALE = "female"
    MALE = "male"


class Setting(StrEnum):
    """Where the patient is seen; it chooses the prior."""

    PRIMARY_CARE = "primary_care"
    EMERGENCY = "emergency"


class Urgency(StrEnum):
    """From the most to the least urgent: emergency, urgent, routine, self_care."""

    EMERGENCY = "emergency"
    URGENT = "urgent"
    ROUTINE = "routine"
    SELF_CARE = "self_care"

    @property
    def rank(self) -> int:
        """3 for an emergency down to 0 for self-care."""
        return _URGENCY_RANK[self]

    def raised_to(self, other: "Urgency") -> "Urgency":
        """The more urgent of the two; nothing lowers an urgency."""
        return other if other.rank > self.rank else self


_URGENCY_RANK = {Urgency.EMERGENCY: 3, Urgency.URGENT: 2, Urgency.ROUTINE: 1, Urgency.SELF_CARE: 0}


class AgentName(StrEnum):
    CLASSIFIER = "symptom_classifier"
    MATCHER = "condition_matcher"
    RETRIEVER = "treatment_retriever"
    DETECTOR = "emergency_detector"


Consciousness = Literal["alert", "confusion", "voice", "pain", "unresponsive"]
Severity = Literal["mild", "moderate", "severe"]
Course = Literal["constant", "worsening", "improving", "episodic", "fluctuating", "stepwise"]
Onset = Literal["sudden", "acute", "gradual"]
Section = Literal[
    "chief_complaint",
    "history",
    "denies",
    "past_history",
    "family_history",
    "social_history",
    "text",
]
SECTIONS: tuple[Section, ...] = (
    "chief_complaint",
    "history",
    "denies",
    "past_history",
    "family_history",
    "social_history",
    "text",
)


# --- what goes in -----------------------------------------------------------------------------


class Note(Struct, frozen=True, omit_defaults=True):
    """A clinical note by sections, or one ``text`` of unknown structure."""

    chief_complaint: str = ""
    history: str = ""
    denies: str = ""
    past_history: str = ""
    family_history: str = ""
    social_history: str = ""
    text: str = ""

    def sections(self) -> list[tuple[Section, str]]:
        """Sections that have text, in reading order."""
        return [(name, getattr(self, name)) for name in SECTIONS if getattr(self, name)]


class Vitals(Struct, frozen=True, omit_defaults=True):
    """Measured values in the units of the module docstring; None is 'not measured'."""

    temperature: float | None = None
    heart_rate: float | None = None
    respiratory_rate: float | None = None
    systolic_bp: float | None = None
    diastolic_bp: float | None = None
    spo2: float | None = None
    on_oxygen: bool | None = None
    consciousness: Consciousness | None = None
    glucose: float | None = None
    """Capillary or plasma glucose in mmol/L."""
    weight: float | None = None
    """Kilograms."""
    gcs: int | None = None
    """Glasgow coma scale, 3 to 15."""


class StatedFinding(Struct, frozen=True, omit_defaults=True):
    """A finding given in structured form, by id, name or synonym."""

    name: str
    presence: Presence = Presence.PRESENT
    severity: Severity | None = None
    duration_hours: float | None = None
    onset: Onset | None = None
    course: Course | None = None


class Case(Struct, frozen=True, omit_defaults=True):
    """What is known of one patient at one time; nothing here identifies the patient."""

    note: Note = Note()
    findings: tuple[StatedFinding, ...] = ()
    vitals: Vitals = Vitals()
    age_years: float | None = None
    sex: Sex | None = None
    pregnant: Presence = Presence.UNKNOWN
    setting: Setting = Setting.PRIMARY_CARE


# --- what the classifier reads ----------------------------------------------------------------

MentionSource = Literal["stated", "text", "vital", "derived", "similarity"]
Temporality = Literal["current", "past", "hypothetical"]
Subject = Literal["patient", "family"]


class Span(Struct, frozen=True, gc=False):
    """Character range ``[start, end)`` in one section of the note."""

    section: Section
    start: int
    end: int


class FindingMention(Struct, frozen=True, omit_defaults=True, gc=False):
    """One place where a finding was stated or read.

    Only mentions with ``temporality == "current"`` and ``subject == "patient"`` are evidence.
    """

    finding: str
    presence: Presence
    source: MentionSource
    span: Span | None = None
    text: str = ""
    attributes: dict[str, str] = {}
    temporality: Temporality = "current"
    subject: Subject = "patient"
    severity: Severity | None = None
    duration_hours: float | None = None

    @property
    def is_evidence(self) -> bool:
        return self.temporality == "current" and self.subject == "patient"

    @property
    def is_past(self) -> bool:
        return self.temporality == "past" and self.subject == "patient"


class Contradiction(Struct, frozen=True, gc=False):
    """Two statements that cannot both hold; shown to the user, never silently resolved."""

    subject: str
    sentence: str


class Tempo(Struct, frozen=True, omit_defaults=True):
    """How the illness as a whole runs, where the note says so."""

    onset: Onset | None = None
    duration_hours: float | None = None
    courses: tuple[Course, ...] = ()


class NamedCondition(Struct, frozen=True):
    """A disease named in the text: history or a question, never proof."""

    condition: str
    span: Span
    temporality: Temporality
    subject: Subject
    presence: Presence


class Reading(Struct, frozen=True, omit_defaults=True, gc=False):
    """The classifier's answer: coded findings of the case."""

    mentions: tuple[FindingMention, ...] = ()
    present: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    past: tuple[str, ...] = ()
    """Complaints stated of the past only."""
    chief: tuple[str, ...] = ()
    """Those of ``present`` that the chief complaint names, or else the first sentence."""
    unrecognised: tuple[str, ...] = ()
    """Structured findings that the knowledge does not have, as they were given."""
    contradictions: tuple[Contradiction, ...] = ()
    tempo: Tempo = Tempo()
    named_conditions: tuple[NamedCondition, ...] = ()
    word_count: int = 0


# --- what the matcher concludes ---------------------------------------------------------------


class Evidence(Struct, frozen=True, omit_defaults=True, gc=False):
    """What one finding says about one condition.

    ``likelihood_ratio`` is that of the finding alone; ``weight`` is the natural logarithm that
    entered the score after correlated findings were tempered, so weights add up to the score.
    """

    finding: str
    name: str
    presence: Presence
    likelihood_ratio: float
    weight: float
    source: str
    """Source id, or 'estimate'."""
    note: str = ""


class Candidate(Struct, frozen=True, omit_defaults=True, gc=False):
    """A condition in a differential with everything that explains its place."""

    condition: str
    name: str
    icd10: tuple[str, ...]
    prior: float
    probability: float
    urgency: Urgency
    urgency_reason: str
    dont_miss: bool
    status: str
    """Review status of the knowledge: 'draft' or 'reviewed'."""
    findings_for: tuple[Evidence, ...] = ()
    findings_against: tuple[Evidence, ...] = ()
    not_asked: tuple[Evidence, ...] = ()
    context: tuple[Evidence, ...] = ()
    """Age, sex, setting and tempo, as evidence."""
    exclude_first: tuple[str, ...] = ()
    first_tests: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


class Differential(Struct, frozen=True, omit_defaults=True, gc=False):
    """Two lists: most likely by posterior, and dangerous conditions not yet excluded.

    ``other_probability`` is the calibrated mass of 'other, or not in our knowledge'.
    When ``enough`` is false the case does not say enough to rank, and ``reason`` says why.
    """

    most_likely: tuple[Candidate, ...] = ()
    dont_miss: tuple[Candidate, ...] = ()
    other_probability: float = 1.0
    enough: bool = True
    reason: str = ""


class Answer(Struct, frozen=True, gc=False):
    """What one answer to a question would change: leading condition and its probability."""

    presence: Presence
    leading: str
    probability: float


class Question(Struct, frozen=True, omit_defaults=True, gc=False):
    """A next best question; ``information`` is the expected gain in bits."""

    finding: str
    text: str
    information: float
    answers: tuple[Answer, ...] = ()


# --- what the detector and the retriever conclude ---------------------------------------------


class RedFlag(Struct, frozen=True, omit_defaults=True, gc=False):
    """A sourced rule that fired."""

    rule: str
    title: str
    urgency: Urgency
    reason: str
    source: str
    findings: tuple[str, ...] = ()
    suspects: tuple[str, ...] = ()
    span: Span | None = None


class Score(Struct, frozen=True, omit_defaults=True, gc=False):
    """A clinical score; ``value`` is None where inputs are missing and no band can be given."""

    score: str
    name: str
    value: float | None
    interpretation: str
    missing: tuple[str, ...] = ()
    not_applicable: str = ""
    urgency: Urgency | None = None
    source: str = ""


class Alarm(Struct, frozen=True, omit_defaults=True):
    """The detector's answer."""

    urgency: Urgency | None = None
    red_flags: tuple[RedFlag, ...] = ()
    scores: tuple[Score, ...] = ()


class Advice(Struct, frozen=True, omit_defaults=True, gc=False):
    """A guideline recommendation found for a leading condition."""

    recommendation: str
    guideline: str
    guideline_title: str
    guideline_version: str
    condition: str
    text: str
    kind: str
    strength: str
    certainty: str
    source: str
    url: str
    review_due: str
    status: str
    contraindicated: str = ""
    """Why this must not be followed for this patient; empty where nothing speaks against it."""


# --- the consultation -------------------------------------------------------------------------

OpinionStatus = Literal["completed", "failed", "timed_out", "breaker_open"]


class Opinion(Struct, frozen=True, omit_defaults=True, gc=False):
    """How one agent fared; what it concluded stands in the consultation's own fields."""

    agent: AgentName
    status: OpinionStatus
    duration_ms: float
    detail: str = ""
    """A sentence for people when the agent did not complete."""


class Versions(Struct, frozen=True):
    """What produced an answer, so that it can be replayed."""

    engine: str
    knowledge: str
    """Content hash of the knowledge release."""
    guidelines: dict[str, str] = {}


class UrgencyReason(Struct, frozen=True, gc=False):
    urgency: Urgency
    sentence: str
    origin: str
    """'red_flag:<id>', 'score:<id>' or 'condition:<id>'."""


class Consultation(Struct, frozen=True):
    """The whole answer; complete, or partial with the missing agents named."""

    urgency: Urgency | None
    urgency_reasons: tuple[UrgencyReason, ...]
    reading: Reading
    differential: Differential
    red_flags: tuple[RedFlag, ...]
    scores: tuple[Score, ...]
    recommendations: tuple[Advice, ...]
    questions: tuple[Question, ...]
    opinions: tuple[Opinion, ...]
    missing_agents: tuple[AgentName, ...]
    complete: bool
    versions: Versions
