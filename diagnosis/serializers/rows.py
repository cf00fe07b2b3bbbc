"""What the REST lists show, and what they can be asked for."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal, TypeVar
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from agents.knowledge.schema import (
    ConditionEntry,
    FindingKind,
    GuidelineEntry,
    RedFlagEntry,
    Status,
)
from agents.types import Urgency
from diagnosis.serializers import words
from diagnosis.serializers.faults import misfit
from diagnosis.serializers.words import UrgencyWords, urgency_words
from diagnosis.values import (
    GuidelineHistory,
    PublishedCondition,
    PublishedFinding,
    PublishedGuideline,
    PublishedRedFlag,
)

T = TypeVar("T")
Q = TypeVar("Q", bound="Page")

Words = Annotated[str, Meta(max_length=100)]


class Page(Struct, frozen=True, forbid_unknown_fields=True):
    """``page`` counts from 1; ``search`` is looked for in ids, names and synonyms."""

    page: Annotated[int, Meta(ge=1, le=100_000)] = 1
    page_size: Annotated[int, Meta(ge=1, le=500)] = 50
    search: Words = ""


class ConditionQuery(Page, frozen=True, forbid_unknown_fields=True):
    system: Words = ""
    urgency: Urgency | None = None
    dont_miss: bool | None = None
    status: Status | None = None
    ordering: Literal["id", "-id", "name", "-name", "system", "-system"] = "id"


class FindingQuery(Page, frozen=True, forbid_unknown_fields=True):
    """With ``search`` findings come best match first, by prefix, synonym and with typos."""

    kind: FindingKind | None = None
    ordering: Literal["id", "-id", "name", "-name"] | None = None


class GuidelineQuery(Page, frozen=True, forbid_unknown_fields=True):
    condition: Words = ""
    status: Status | None = None
    overdue: bool | None = None
    ordering: Literal["id", "-id", "title", "-title", "review_due", "-review_due"] = "id"


class RedFlagQuery(Page, frozen=True, forbid_unknown_fields=True):
    urgency: Urgency | None = None
    suspects: Words = ""
    """A condition that the rule is there for."""
    status: Status | None = None
    ordering: Literal["id", "-id", "name", "-name"] = "id"


class Listing(Struct, frozen=True):
    """One page of a list; ``next`` and ``previous`` are addresses or null."""

    count: int
    next: str | None
    previous: str | None
    results: list[Any]


class ConditionRow(Struct, frozen=True):
    id: str
    name: str
    system: str
    icd10: tuple[str, ...]
    urgency: Urgency
    dont_miss: bool
    status: Status
    summary: str


class ConditionDetail(Struct, frozen=True):
    id: str
    system: str
    condition: ConditionEntry


class FindingRow(Struct, frozen=True):
    """``matched`` is the wording that fits the search; ``score`` runs from 0 to 100."""

    id: str
    name: str
    kind: FindingKind
    matched: str = ""
    score: float | None = None


class GuidelineRow(Struct, frozen=True):
    id: str
    title: str
    developer: str
    version: str
    published: date
    review_due: date
    overdue: bool
    status: Status
    conditions: tuple[str, ...]


class GuidelineDetail(Struct, frozen=True):
    id: str
    overdue: bool
    guideline: GuidelineEntry
    history: tuple[GuidelineHistory, ...]


class RedFlagRow(Struct, frozen=True):
    id: str
    rule: RedFlagEntry


class SessionRow(Struct, frozen=True):
    """A session in a list: nothing of the patient's, only what it came to."""

    id: UUID
    created_at: datetime
    finished_at: datetime | None
    status: Literal["running", "complete", "partial", "failed", "interrupted"]
    urgency: str
    leading_condition: str
    leading_name: str
    duration_ms: float | None
    engine: str
    knowledge: str


def query_from(parameters: Mapping[str, str], wanted: type[Q]) -> Q:
    """The query string as ``wanted``. Raises Refusal that names the parameter."""
    try:
        return msgspec.convert(dict(parameters.items()), wanted, strict=False)
    except msgspec.ValidationError as error:
        raise misfit(str(error)) from None


# --- what fits a query, and in which order ------------------------------------------------------


def conditions_asked(
    conditions: Iterable[PublishedCondition], query: ConditionQuery
) -> list[PublishedCondition]:
    """Those that fit the query, in its order."""
    fitting = [item for item in conditions if _condition_fits(item, query)]
    keys: dict[str, Callable[[PublishedCondition], str]] = {
        "id": lambda item: item.id,
        "name": lambda item: item.entry.name.lower(),
        "system": lambda item: item.system,
    }
    return _ordered(fitting, query.ordering, keys)


def _condition_fits(item: PublishedCondition, query: ConditionQuery) -> bool:
    entry = item.entry
    return (
        _is(query.system or None, item.system)
        and _is(query.urgency, entry.urgency)
        and _is(query.dont_miss, entry.dont_miss)
        and _is(query.status, entry.status)
        and _says(query.search, item.id, entry.name, *entry.synonyms, *entry.icd10)
    )


def guidelines_asked(
    guidelines: Iterable[PublishedGuideline], query: GuidelineQuery
) -> list[PublishedGuideline]:
    """Those that fit the query, in its order."""
    fitting = [
        item
        for item in guidelines
        if (not query.condition or query.condition in item.entry.conditions)
        and _is(query.status, item.entry.status)
        and _is(query.overdue, item.overdue)
        and _says(query.search, item.id, item.entry.title, item.entry.developer)
    ]
    keys: dict[str, Callable[[PublishedGuideline], str]] = {
        "id": lambda item: item.id,
        "title": lambda item: item.entry.title.lower(),
        "review_due": lambda item: item.entry.review_due,
    }
    return _ordered(fitting, query.ordering, keys)


def red_flags_asked(
    red_flags: Iterable[PublishedRedFlag], query: RedFlagQuery
) -> list[PublishedRedFlag]:
    """Those that fit the query, in its order."""
    fitting = [
        item
        for item in red_flags
        if _is(query.urgency, item.entry.urgency)
        and (not query.suspects or query.suspects in item.entry.suspects)
        and _is(query.status, item.entry.status)
        and _says(query.search, item.id, item.entry.name)
    ]
    keys: dict[str, Callable[[PublishedRedFlag], str]] = {
        "id": lambda item: item.id,
        "name": lambda item: item.entry.name.lower(),
    }
    return _ordered(fitting, query.ordering, keys)


def findings_asked(
    findings: Iterable[PublishedFinding], query: FindingQuery
) -> list[PublishedFinding]:
    """Those of the kind that was asked for, in the query's order."""
    fitting = [item for item in findings if _is(query.kind, item.entry.kind)]
    keys: dict[str, Callable[[PublishedFinding], str]] = {
        "id": lambda item: item.id,
        "name": lambda item: item.entry.name.lower(),
    }
    return _ordered(fitting, query.ordering or "id", keys)


def _is(wanted: object, value: object) -> bool:
    return wanted is None or wanted == value


def _says(words: str, *texts: str) -> bool:
    wanted = words.lower().split()
    said = " ".join(texts).lower()
    return all(word in said for word in wanted)


def _ordered(items: list[T], ordering: str, keys: Mapping[str, Callable[[T], str]]) -> list[T]:
    return sorted(items, key=keys[ordering.removeprefix("-")], reverse=ordering.startswith("-"))


# --- rows ---------------------------------------------------------------------------------------


def condition_row(item: PublishedCondition) -> ConditionRow:
    entry = item.entry
    return ConditionRow(
        id=item.id,
        name=entry.name,
        system=item.system,
        icd10=entry.icd10,
        urgency=entry.urgency,
        dont_miss=entry.dont_miss,
        status=entry.status,
        summary=entry.summary,
    )


def guideline_row(item: PublishedGuideline) -> GuidelineRow:
    entry = item.entry
    return GuidelineRow(
        id=item.id,
        title=entry.title,
        developer=entry.developer,
        version=entry.version,
        published=date.fromisoformat(entry.published),
        review_due=date.fromisoformat(entry.review_due),
        overdue=item.overdue,
        status=entry.status,
        conditions=entry.conditions,
    )


def session_row(session: Any) -> SessionRow:
    """A stored session without its large columns."""
    return SessionRow(**{name: getattr(session, name) for name in _SESSION_FIELDS})


_SESSION_FIELDS: Final = SessionRow.__struct_fields__
_ANSWERED: Final = frozenset({"complete", "partial"})


class SessionLine(Struct, frozen=True):
    """A session in the list of the pages."""

    id: UUID
    created_at: datetime
    status: str
    is_running: bool
    urgency: UrgencyWords | None
    leading: str
    clinician: str


def session_rows(sessions: Iterable[Any]) -> list[SessionLine]:
    """Sessions as the list shows them; an urgency only where there is an answer."""
    return [
        SessionLine(
            id=session.id,
            created_at=session.created_at,
            status=words.SESSION_STATUSES[session.status],
            is_running=session.status == "running",
            urgency=urgency_words(session.urgency) if session.status in _ANSWERED else None,
            leading=session.leading_name,
            clinician=session.clinician.get_username() if session.clinician_id else "",
        )
        for session in sessions
    ]
