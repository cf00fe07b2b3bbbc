"""Knowledge as staff edit it, and the immutable releases compiled from it.

Column names are those of ``agents.knowledge.schema``; ``diagnosis.transcription`` turns rows
into its entries and back without loss. Lists of words are JSON columns.
"""

from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models

from diagnosis.models.immutable import AppendOnly

ENTRY_ID = RegexValidator(
    r"^[a-z][a-z0-9_]{1,79}$",
    "Use 2 to 80 lower case letters, digits and underscores, starting with a letter.",
)
SOURCE_ID = RegexValidator(
    r"^[a-z][a-z0-9-]{1,79}$",
    "Use 2 to 80 lower case letters, digits and hyphens, starting with a letter.",
)
SYSTEM_ID = RegexValidator(
    r"^[a-z][a-z0-9_]{0,79}$", "Use lower case letters, digits and underscores."
)
STATUSES = [("draft", "Draft"), ("reviewed", "Reviewed by a clinician")]
SEXES = [("female", "Female"), ("male", "Male")]
URGENCIES = [
    ("emergency", "Emergency"),
    ("urgent", "Urgent"),
    ("routine", "Routine"),
    ("self_care", "Self-care"),
]
ONE_PER_LINE = "One per line."


def words(
    help_text: str = ONE_PER_LINE, verbose_name: str | None = None
) -> "models.JSONField[Any, Any]":
    """A list of words or ids."""
    return models.JSONField(verbose_name, default=list, blank=True, help_text=help_text)


class Entry(models.Model):
    """An entry of the knowledge; ``edited_at`` is empty while it is as loaded from the files."""

    edited_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        abstract = True


class Source(Entry):
    """One citable document."""

    id = models.CharField(primary_key=True, max_length=80, validators=[SOURCE_ID])
    title = models.CharField(max_length=600)
    publisher = models.CharField(max_length=600)
    year = models.PositiveSmallIntegerField(
        validators=[MinValueValidator(1950), MaxValueValidator(2100)]
    )
    kind = models.CharField(
        max_length=20,
        choices=[(k, k.title()) for k in ("guideline", "article", "book", "dataset", "website")],
    )
    url = models.URLField(max_length=600)
    doi = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.id


class Finding(Entry):
    """A symptom, sign, history item, exposure, drug, family history, vital or result."""

    id = models.CharField(primary_key=True, max_length=80, validators=[ENTRY_ID])
    name = models.CharField(max_length=600)
    kind = models.CharField(
        max_length=20,
        db_index=True,
        choices=[
            (k, k.replace("_", " ").capitalize())
            for k in (
                "symptom",
                "sign",
                "history",
                "exposure",
                "drug",
                "family_history",
                "vital",
                "result",
            )
        ],
    )
    parents = words("Ids of more general findings, one per line.")
    synonyms = words("Clinical words and abbreviations, one per line.")
    lay = words("Words that patients and carers use, one per line.")
    normal = words("Phrases that say it is absent, one per line.")
    background = models.CharField(
        max_length=24, blank=True, help_text="A band (ubiquitous ... specific) or a probability."
    )
    group = models.CharField(max_length=80, blank=True)
    when = models.JSONField(default=dict, blank=True)
    severity = models.CharField(
        max_length=10,
        blank=True,
        choices=[(s, s.title()) for s in ("mild", "moderate", "severe")],
    )
    vital = models.JSONField(null=True, blank=True)
    hpo = models.CharField("HPO id", max_length=10, blank=True)
    question = models.TextField(blank=True)
    sex = models.CharField(max_length=6, blank=True, choices=SEXES)
    passing = models.BooleanField(
        default=False, help_text="A history item that ends: years ago it is no evidence."
    )

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name


class Condition(Entry):
    """A condition; how often findings occur in it stands in ``ConditionFinding``."""

    id = models.CharField(primary_key=True, max_length=80, validators=[ENTRY_ID])
    system = models.CharField("body system", max_length=80, db_index=True, validators=[SYSTEM_ID])
    name = models.CharField(max_length=600)
    status = models.CharField(max_length=10, choices=STATUSES, default="draft", db_index=True)
    icd10 = words("ICD-10 codes, one per line.", "ICD-10")
    summary = models.TextField()
    synonyms = words()
    urgency = models.CharField(max_length=10, choices=URGENCIES)
    urgency_reason = models.TextField()
    dont_miss = models.BooleanField("don't miss", default=False)
    prevalence_primary_care = models.CharField(max_length=24)
    prevalence_emergency = models.CharField(max_length=24)
    prevalence_source = models.ForeignKey(
        Source, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    age = models.JSONField(default=list, blank=True, help_text="[[years, relative incidence], ...]")
    age_limits = models.JSONField(null=True, blank=True, help_text="[from, to] in years.")
    sex_female = models.FloatField(default=1.0)
    sex_male = models.FloatField(default=1.0)
    pregnancy = models.CharField(
        max_length=10,
        default="any",
        choices=[(p, p.title()) for p in ("any", "required", "impossible")],
    )
    onset = words()
    duration = words()
    course = words()
    exclude_first = words("Ids of conditions, one per line.")
    first_tests = words()
    sources = words("Ids of sources, one per line.")

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name


class ConditionFinding(models.Model):
    """How often a finding occurs in a condition, how a risk raises it, what speaks against it."""

    FINDING, RISK, AGAINST = "finding", "risk", "against"

    condition = models.ForeignKey(Condition, on_delete=models.CASCADE, related_name="figures")
    finding = models.ForeignKey(Finding, on_delete=models.PROTECT, related_name="figures")
    role = models.CharField(
        max_length=8,
        choices=[
            (FINDING, "Occurs in it"),
            (RISK, "Risk"),
            (AGAINST, "Speaks against"),
        ],
    )
    band = models.CharField(max_length=12, blank=True)
    p = models.FloatField("sensitivity", null=True, blank=True)
    lr_pos = models.FloatField("LR+", null=True, blank=True)
    lr_neg = models.FloatField("LR-", null=True, blank=True)
    odds = models.FloatField("odds ratio", null=True, blank=True)
    source = models.ForeignKey(
        Source, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["condition_id", "role", "finding_id"]
        constraints = [
            models.UniqueConstraint(
                fields=["condition", "finding"],
                name="one_figure_for_a_finding",
                violation_error_message="This finding already has a figure in this condition.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.condition_id}: {self.finding_id}"


class RedFlagRule(Entry):
    """A sourced emergency rule."""

    id = models.CharField(primary_key=True, max_length=80, validators=[ENTRY_ID])
    name = models.CharField(max_length=600)
    urgency = models.CharField(max_length=10, choices=URGENCIES, db_index=True)
    reason = models.TextField()
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=10, choices=STATUSES, default="draft")
    all = words("Findings that must all be there, one per line.")
    any = words("Findings of which some must be there, one per line.")
    at_least = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(10)]
    )
    none = words("Findings of which none may be there, one per line.")
    min_age = models.FloatField(null=True, blank=True)
    below_age = models.FloatField(null=True, blank=True)
    sex = models.CharField(max_length=6, blank=True, choices=SEXES)
    pregnant = models.BooleanField("only in pregnancy", default=False)
    phrases = words("Wordings that fire the rule on their own, one per line.")
    suspects = words("Ids of the conditions it is there for, one per line.")

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name


class Guideline(Entry):
    """What stays the same over the versions of a guideline."""

    id = models.CharField(primary_key=True, max_length=80, validators=[ENTRY_ID])
    title = models.CharField(max_length=600)
    developer = models.CharField(max_length=600)
    population = models.TextField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.title


class GuidelineVersion(models.Model):
    """One version of a guideline; at most one of them is published at a time."""

    DRAFT, PUBLISHED, RETIRED = "draft", "published", "retired"

    guideline = models.ForeignKey(Guideline, on_delete=models.CASCADE, related_name="versions")
    version = models.CharField(max_length=40)
    state = models.CharField(
        max_length=10,
        default=DRAFT,
        choices=[(DRAFT, "Draft"), (PUBLISHED, "Published"), (RETIRED, "Retired")],
    )
    status = models.CharField(max_length=10, choices=STATUSES, default="draft")
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="+")
    published = models.DateField("released by its developer")
    review_due = models.DateField(db_index=True)
    conditions = words("Ids of conditions, one per line.")

    class Meta:
        ordering = ["guideline_id", "-published"]
        constraints = [
            models.UniqueConstraint(
                fields=["guideline", "version"], name="one_row_for_a_guideline_version"
            ),
            models.UniqueConstraint(
                fields=["guideline"],
                condition=models.Q(state="published"),
                name="one_published_version_of_a_guideline",
                violation_error_message="Another version of this guideline is published.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.guideline_id} {self.version}"


class Recommendation(models.Model):
    """One recommendation of a guideline version, in our own words."""

    guideline_version = models.ForeignKey(
        GuidelineVersion, on_delete=models.CASCADE, related_name="recommendations"
    )
    position = models.PositiveSmallIntegerField(default=0)
    slug = models.CharField("id", max_length=80, validators=[ENTRY_ID])
    text = models.TextField()
    kind = models.CharField(
        max_length=16,
        choices=[
            (k, k.replace("_", " ").capitalize())
            for k in (
                "investigation",
                "treatment",
                "referral",
                "safety_net",
                "prevention",
                "advice",
            )
        ],
    )
    strength = models.CharField(
        max_length=16,
        choices=[
            (s, s.replace("_", " ").capitalize())
            for s in ("strong", "conditional", "good_practice", "not_stated")
        ],
    )
    certainty = models.CharField(
        max_length=16,
        choices=[
            (c, c.replace("_", " ").capitalize())
            for c in ("high", "moderate", "low", "very_low", "not_stated")
        ],
    )
    conditions = words("Narrower than the guideline's own list, one id per line.")
    use = models.JSONField(default=dict, blank=True)
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["guideline_version_id", "position"]
        constraints = [
            models.UniqueConstraint(
                fields=["guideline_version", "slug"], name="one_row_for_a_recommendation"
            )
        ]

    def __str__(self) -> str:
        return self.slug


class Lexicon(models.Model):
    """How notes are worded; one row, loaded from the files, not edited in the admin."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    entry = models.JSONField()

    def __str__(self) -> str:
        return "lexicon"


class KnowledgeRelease(AppendOnly):
    """Compiled knowledge, never changed; the key is the hash of its content."""

    hash = models.CharField(primary_key=True, max_length=64)
    text = models.BinaryField()
    """Canonical JSON of the ``KnowledgeText``, compressed with zlib."""
    counts = models.JSONField(default=dict)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at"]
        permissions = [("publish_knowledge", "Can publish a knowledge release")]

    def __str__(self) -> str:
        return self.hash[:12]


class KnowledgePublication(AppendOnly):
    """Who put which release into use and when; the newest row is the one in use."""

    release = models.ForeignKey(
        KnowledgeRelease, on_delete=models.PROTECT, related_name="publications"
    )
    published_at = models.DateTimeField()
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    label = models.CharField(max_length=150)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.release_id[:12]} by {self.label}"
