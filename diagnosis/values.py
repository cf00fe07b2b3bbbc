"""Frozen values that services and selectors hand to the doors."""

from datetime import datetime
from typing import Any, Literal, TypeAlias
from uuid import UUID

from msgspec import Struct

from agents.knowledge.schema import ConditionEntry, FindingEntry, GuidelineEntry, RedFlagEntry
from agents.types import Case, Consultation, Urgency
from diagnosis.events import EventKind

NAMES_SHOWN = 20


class StoredConsultation(Struct, frozen=True):
    """A consultation after its commit; ``consultation_json`` is what was stored."""

    session_id: UUID
    created_at: datetime
    consultation: Consultation
    consultation_json: bytes


class SessionMoment(Struct, frozen=True):
    """One row of a session's story; ``seq`` counts from 1 without gaps."""

    session_id: UUID
    seq: int
    kind: EventKind
    at: datetime
    offset_ms: float
    agent: str | None = None
    detail: dict[str, Any] = {}


BatchEventKind: TypeAlias = Literal[
    "batch_queued",
    "batch_started",
    "batch_progress",
    "batch_completed",
    "batch_cancelled",
    "batch_failed",
]


class BatchMoment(Struct, frozen=True):
    """One row of a batch's story; ``seq`` counts from 1 without gaps, ``detail`` holds counts."""

    batch_id: UUID
    seq: int
    kind: BatchEventKind
    at: datetime
    detail: dict[str, int]


class BatchCounts(Struct, frozen=True):
    """How many cases of a batch stand where; ``left`` are queued or in work."""

    total: int = 0
    complete: int = 0
    partial: int = 0
    failed: int = 0
    cancelled: int = 0
    left: int = 0


class UploadedCase(Struct, frozen=True):
    """A case with its place in the upload; ``row`` counts from 1."""

    row: int
    case: Case
    reference: str = ""


class SessionSpan(Struct, frozen=True):
    """A partition of sessions: from ``since`` on (None: from the first) and before ``until``
    (None: whatever no other partition takes). ``rows`` is PostgreSQL's estimate."""

    name: str
    since: datetime | None
    until: datetime | None
    rows: int
    size: int


class RankChange(Struct, frozen=True):
    """A condition then and now; a rank counts from 1, None is 'not in the list'."""

    condition: str
    name: str
    rank_then: int | None
    rank_now: int | None
    probability_then: float | None
    probability_now: float | None


class VersionChange(Struct, frozen=True):
    """``what`` is 'engine', 'knowledge' or 'guideline:<id>'; None is 'not used'."""

    what: str
    then: str | None
    now: str | None


class ReplayDiff(Struct, frozen=True):
    """A stored case answered again by today's engine and knowledge; nothing is stored."""

    session_id: UUID
    identical: bool
    """Byte for byte the same answer, durations aside."""
    urgency_then: Urgency | None
    urgency_now: Urgency | None
    ranks: tuple[RankChange, ...]
    """Only conditions whose rank or probability changed."""
    red_flags_gained: tuple[str, ...]
    red_flags_lost: tuple[str, ...]
    versions: tuple[VersionChange, ...]
    now: Consultation


class OutcomeReport(Struct, frozen=True, forbid_unknown_fields=True):
    """What it turned out to be. At least one of ``condition`` and ``icd10`` is given.

    ``override_reason`` says why the clinician went against the leading condition.
    """

    condition: str = ""
    icd10: str = ""
    note: str = ""
    override_reason: str = ""


class FeedbackReport(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether the answer was of use, and a remark."""

    useful: bool
    comment: str = ""


class KnowledgeChange(Struct, frozen=True):
    """What loading or publishing did. ``release`` is a content hash, '' where none was made."""

    release: str = ""
    published: bool = False
    added: int = 0
    changed: int = 0
    removed: int = 0
    kept_edited: tuple[str, ...] = ()
    """Entries that staff have edited and that were therefore left alone."""


class StoredAnswer(Struct, frozen=True):
    """An HTTP answer that can be given again."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: dict[str, str] = {}
    replayed: bool = False
    """True where this is the earlier answer to the same request."""


class PublishedFinding(Struct, frozen=True):
    id: str
    entry: FindingEntry


class PublishedCondition(Struct, frozen=True):
    id: str
    system: str
    entry: ConditionEntry


class PublishedRedFlag(Struct, frozen=True):
    id: str
    entry: RedFlagEntry


class GuidelineHistory(Struct, frozen=True):
    """One version of a guideline that the database knows."""

    version: str
    state: Literal["draft", "published", "retired"]
    published: str
    review_due: str


class PublishedGuideline(Struct, frozen=True):
    id: str
    entry: GuidelineEntry
    overdue: bool
    """Its review date has passed."""
    history: tuple[GuidelineHistory, ...] = ()


class PublicationPreview(Struct, frozen=True):
    """How one table differs from the release in use, by id."""

    what: str
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The first of them all."""
        return (*self.added, *self.changed, *self.removed)[:NAMES_SHOWN]

    @property
    def more(self) -> int:
        """How many the names leave out."""
        return max(0, len(self.added) + len(self.changed) + len(self.removed) - NAMES_SHOWN)
