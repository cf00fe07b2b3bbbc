"""What may stand in the knowledge files. Unknown keys are refused, ranges are checked on decoding.

File name = id for conditions and guidelines; findings, red flags and sources are keyed tables.
"""

from typing import Annotated, Literal, get_args

from msgspec import Meta, Struct

from agents.types import Course, Onset, Severity, Sex, Urgency

Id = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{1,79}$")]
SourceId = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{1,79}$")]
Text = Annotated[str, Meta(min_length=2, max_length=600)]
Phrase = Annotated[str, Meta(min_length=1, max_length=120)]
Probability = Annotated[float, Meta(gt=0, lt=1)]
Weight = Annotated[float, Meta(ge=0, le=1000)]
Icd10 = Annotated[str, Meta(pattern=r"^[A-Z][0-9][0-9A-Z](\.[0-9A-Z]{1,4})?$")]
HpoId = Annotated[str, Meta(pattern=r"^HP:[0-9]{7}$")]
Status = Literal["draft", "reviewed"]
IsoDate = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]

FrequencyBand = Literal["hallmark", "very_common", "common", "uncommon", "rare"]
BackgroundBand = Literal["ubiquitous", "frequent", "occasional", "seldom", "specific"]
PrevalenceBand = Literal["very_common", "common", "uncommon", "rare", "very_rare", "exceptional"]
AgainstBand = Literal["strong", "moderate", "weak"]
FindingKind = Literal[
    "symptom", "sign", "history", "exposure", "drug", "family_history", "vital", "result"
]
DurationBand = Literal["minutes", "hours", "days", "weeks", "months", "years"]
DURATIONS: tuple[str, ...] = get_args(DurationBand)


class SourceEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """One citable document."""

    title: Text
    publisher: Text
    year: Annotated[int, Meta(ge=1950, le=2100)]
    kind: Literal["guideline", "article", "book", "dataset", "website"]
    url: Annotated[str, Meta(pattern=r"^https://")]
    doi: str = ""


class VitalRule(Struct, frozen=True, forbid_unknown_fields=True):
    """The finding holds where a measured vital lies in ``[at_least, below)``.

    With ``age_bands`` the limits are those of the paediatric vital bands for children under 16
    ('high' is above the band, 'low' below it), and the numbers hold from 16 years.
    """

    name: Literal[
        "temperature",
        "heart_rate",
        "respiratory_rate",
        "systolic_bp",
        "diastolic_bp",
        "spo2",
        "glucose",
        "gcs",
    ]
    at_least: float | None = None
    below: float | None = None
    age_bands: Literal["high", "low"] | None = None


class FindingEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """A symptom, sign, history item, exposure, drug, family history, vital or result."""

    name: Text
    kind: FindingKind
    parents: tuple[Id, ...] = ()
    """More general findings: whoever has this one has those."""
    synonyms: tuple[Phrase, ...] = ()
    """Clinical words and abbreviations."""
    lay: tuple[Phrase, ...] = ()
    """Words that patients and carers use."""
    normal: tuple[Phrase, ...] = ()
    """Phrases that say the finding is absent: 'afebrile' for fever."""
    background: BackgroundBand | Probability | None = None
    """Default by kind: symptom occasional, sign seldom, others seldom."""
    group: Id | None = None
    """Findings of one group say much the same; together they count less than their sum."""
    when: dict[str, tuple[str, ...]] = {}
    """Attributes of a parent's mention that make it this finding: {quality = ["burning"]}."""
    severity: Severity | None = None
    """A parent's mention of this severity is this finding."""
    vital: VitalRule | None = None
    hpo: HpoId | None = None
    question: str = ""
    """How to ask a patient."""
    sex: Sex | None = None
    """Set where only one sex can have it."""
    passing: bool = False
    """A history item that ends (pregnancy, postpartum): 'three years ago' is no evidence."""


class Likelihood(Struct, frozen=True, forbid_unknown_fields=True):
    """A published figure with its source; ``p`` is the sensitivity.

    With ``lr_pos`` / ``lr_neg`` the published likelihood ratios are used instead.
    """

    source: SourceId
    p: Probability | None = None
    lr_pos: Annotated[float, Meta(gt=0, le=1000)] | None = None
    lr_neg: Annotated[float, Meta(gt=0, le=1000)] | None = None
    note: str = ""


class OddsRatio(Struct, frozen=True, forbid_unknown_fields=True):
    odds: Annotated[float, Meta(gt=0, le=1000)]
    source: SourceId
    note: str = ""


class AgePoint(Struct, frozen=True, array_like=True):
    """Relative incidence at an age; between points it is interpolated linearly."""

    years: Annotated[float, Meta(ge=0, le=120)]
    weight: Weight


class SexWeights(Struct, frozen=True, forbid_unknown_fields=True):
    """Relative incidence by sex; 0 where impossible."""

    female: Weight = 1.0
    male: Weight = 1.0


class Prevalence(Struct, frozen=True, forbid_unknown_fields=True):
    primary_care: PrevalenceBand | Probability
    emergency: PrevalenceBand | Probability
    source: SourceId | None = None


class ConditionEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """One condition; every plain band is an estimate, every number carries its source."""

    name: Text
    status: Status
    icd10: Annotated[tuple[Icd10, ...], Meta(min_length=1, max_length=6)]
    summary: Text
    prevalence: Prevalence
    urgency: Urgency
    urgency_reason: Text
    findings: dict[Id, FrequencyBand | Likelihood]
    synonyms: tuple[Phrase, ...] = ()
    dont_miss: bool = False
    age: tuple[AgePoint, ...] = ()
    """Empty: equal at all ages."""
    age_limits: tuple[float, float] | None = None
    """Impossible outside, in years."""
    sex: SexWeights = SexWeights()
    pregnancy: Literal["any", "required", "impossible"] = "any"
    onset: tuple[Onset, ...] = ()
    duration: tuple[DurationBand, ...] = ()
    """How long symptoms have usually run when people come."""
    course: tuple[Course, ...] = ()
    risks: dict[Id, Annotated[float, Meta(gt=0, le=1000)] | OddsRatio] = {}
    """Odds ratios of history, exposures, drugs; a plain number is an estimate."""
    against: dict[Id, AgainstBand] = {}
    """Findings whose presence speaks against the condition."""
    exclude_first: tuple[Id, ...] = ()
    first_tests: tuple[Phrase, ...] = ()
    sources: tuple[SourceId, ...] = ()


class RedFlagEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """Fires where all of ``all``, at least ``at_least`` of ``any`` and none of ``none`` hold."""

    name: Text
    urgency: Urgency
    reason: Text
    source: SourceId
    all: tuple[Id, ...] = ()
    any: tuple[Id, ...] = ()
    at_least: Annotated[int, Meta(ge=1, le=10)] = 1
    none: tuple[Id, ...] = ()
    min_age: Annotated[float, Meta(ge=0, le=120)] | None = None
    """Years; the band is [min_age, below_age)."""
    below_age: Annotated[float, Meta(ge=0, le=130)] | None = None
    sex: Sex | None = None
    pregnant: bool = False
    """Only for patients who are pregnant (stated or read)."""
    phrases: tuple[Phrase, ...] = ()
    """Raw wording that fires the rule on its own, unless negated; for text that no agent read."""
    suspects: tuple[Id, ...] = ()
    """Conditions that the rule is there for."""
    status: Status = "draft"


class UseConditions(Struct, frozen=True, forbid_unknown_fields=True):
    """For whom a recommendation is contraindicated or limited; checked by the retriever."""

    min_age: float | None = None
    below_age: float | None = None
    sex: Sex | None = None
    pregnant: Literal["only", "contraindicated"] | None = None
    contraindicated_by: tuple[Id, ...] = ()
    """Findings (allergy, drug, impairment) that forbid it."""


class RecommendationEntry(Struct, frozen=True, forbid_unknown_fields=True):
    id: Id
    text: Text
    kind: Literal["investigation", "treatment", "referral", "safety_net", "prevention", "advice"]
    strength: Literal["strong", "conditional", "good_practice", "not_stated"]
    certainty: Literal["high", "moderate", "low", "very_low", "not_stated"]
    conditions: tuple[Id, ...] = ()
    """Narrower than the guideline's own list; empty: all of them."""
    use: UseConditions = UseConditions()
    note: str = ""
    """Why the use is limited, for the reader."""


class GuidelineEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """One guideline, in our own sentences."""

    title: Text
    status: Status
    version: Annotated[str, Meta(min_length=1, max_length=40)]
    developer: Text
    source: SourceId
    published: IsoDate
    """Release date of the source; the first of January where only the year is known."""
    review_due: IsoDate
    population: Text
    conditions: Annotated[tuple[Id, ...], Meta(min_length=1)]
    recommendations: Annotated[tuple[RecommendationEntry, ...], Meta(min_length=1)]


class Term(Struct, frozen=True, forbid_unknown_fields=True):
    """A finding as another vocabulary has it."""

    id: HpoId
    wordings: tuple[Phrase, ...] = ()
    """Its synonyms there that no finding of ours claims."""


class Borrowed(Struct, frozen=True, forbid_unknown_fields=True):
    """``hpo.toml``: wordings of another vocabulary, by finding; ``make hpo`` writes it."""

    name: Text
    version: Text
    attribution: Text
    terms: dict[Id, Term]


class Lexicon(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """``language.toml``: how notes are worded, apart from the findings themselves."""

    classes: dict[Id, tuple[Phrase, ...]]
    """Interchangeable words: pain = ["ache", "sore", ...]."""
    negation_before: tuple[Phrase, ...]
    negation_after: tuple[Phrase, ...]
    pseudo_negation: tuple[Phrase, ...]
    affirmation: tuple[Phrase, ...]
    """Words that end a negation: but, however, except."""
    past: tuple[Phrase, ...]
    hypothetical: tuple[Phrase, ...]
    family: tuple[Phrase, ...]
    patient: tuple[Phrase, ...]
    attributes: dict[Id, dict[str, tuple[Phrase, ...]]]
    severity: dict[Severity, tuple[Phrase, ...]]
    onset: dict[Onset, tuple[Phrase, ...]]
    course: dict[Course, tuple[Phrase, ...]]
    stopwords: tuple[Phrase, ...]
    idioms: tuple[Phrase, ...]
    """Wordings that look like a finding and are none: fall asleep, left-handed."""
    too_general: tuple[Phrase, ...]
    """Words that alone are no finding."""
    relieving_cues: tuple[Phrase, ...]
    aggravating_cues: tuple[Phrase, ...]
    bystanders: tuple[Phrase, ...] = ()
    """People beside the patient who are no blood relatives: wife, friend, carer."""
    opining: tuple[Phrase, ...] = ()
    """Verbs after which 'it is ...' is somebody's guess: thinks, believes."""
    telling: tuple[Phrase, ...] = ()
    """Verbs after which only a minimising word makes it a guess: says, told."""
    minimising: tuple[Phrase, ...] = ()
    starting: tuple[Phrase, ...] = ()
    """Words that begin a new statement after a comma, and so end a negation."""
    ages: dict[Id, tuple[float, float]] = {}
    """Findings that exist only from one age to another, in years."""
    borrowed: Borrowed | None = None


class KnowledgeText(Struct, frozen=True):
    """All entries by id, as they stand in files or in the database."""

    sources: dict[str, SourceEntry]
    findings: dict[str, FindingEntry]
    conditions: dict[str, ConditionEntry]
    systems: dict[str, str]
    """Body system of each condition."""
    red_flags: dict[str, RedFlagEntry]
    guidelines: dict[str, GuidelineEntry]
    lexicon: Lexicon
