"""Sessions past the time that they are kept are removed, with all that belongs to them.

On PostgreSQL by whole months, each a few short locks; on SQLite row by row. What the audit says
of them stays.
"""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, models, transaction

from diagnosis.actors import Actor
from diagnosis.identifiers import first_at
from diagnosis.models import DiagnosisSession, Opinion, SessionEvent
from diagnosis.services.audit import write_audit
from diagnosis.services.partitions import (
    KEYS,
    LOCK_TIMEOUT,
    SESSIONS,
    Month,
    is_partitioned,
    session_spans,
)
from diagnosis.values import SessionSpan

AT_ONCE = 500
"""Sessions deleted in one transaction on SQLite."""


def kept_since(now: datetime | None = None) -> datetime | None:
    """The first of the oldest month that is kept; None where all are kept for ever."""
    months = settings.SESSION_KEEP_MONTHS
    return Month.of(now or datetime.now(UTC)).plus(-months).first if months else None


def spans_past(limit: datetime) -> list[SessionSpan]:
    """The partitions that end at or before ``limit``."""
    return [span for span in session_spans() if span.until is not None and span.until <= limit]


def drop_past_sessions(now: datetime | None = None) -> list[str]:
    """Removes what is past the setting; the names of what went."""
    limit = kept_since(now)
    if limit is None:
        return []
    if not is_partitioned():
        return _deleted_rows(limit)
    return [_dropped(span) for span in spans_past(limit)]


def _dropped(span: SessionSpan) -> str:
    """One transaction: either the whole month goes or nothing of it."""
    assert span.until is not None
    in_span: dict[str, UUID] = {"session_id__lt": first_at(span.until)}
    if span.since is not None:
        in_span["session_id__gte"] = first_at(span.since)
    suffix = span.name.removeprefix(SESSIONS)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(LOCK_TIMEOUT)
        _let_go(in_span)
        # what refers to sessions first; nobody waits long, for nothing is read
        for table in reversed(KEYS):
            cursor.execute(f"ALTER TABLE {table} DETACH PARTITION {table}{suffix}")
            cursor.execute(f"DROP TABLE {table}{suffix}")
        _audited(span.name, span.until)
    return span.name


def _let_go(in_span: dict[str, UUID]) -> None:
    """In each table that refers to sessions and is not partitioned, as its foreign key says."""
    # with those that have no name on the session's side
    fields = DiagnosisSession._meta.get_fields(include_hidden=True)
    relations: list[Any] = [field for field in fields if field.one_to_many]
    for relation in relations:
        if relation.related_model in (Opinion, SessionEvent):
            continue
        rows = relation.related_model._base_manager.filter(**in_span)
        if relation.on_delete is models.CASCADE:
            rows.delete()
        else:
            rows.update(session=None)


def _deleted_rows(limit: datetime) -> list[str]:
    past = DiagnosisSession.objects.filter(id__lt=first_at(limit)).order_by("id")
    while ids := list(past.values_list("id", flat=True)[:AT_ONCE]):
        with transaction.atomic():
            DiagnosisSession.objects.filter(id__in=ids).delete()
            _audited(f"{len(ids)} rows", limit)
    return []


def _audited(name: str, before: datetime) -> None:
    detail = {"before": before.isoformat()}
    write_audit(Actor.system(), "sessions_dropped", "partition", name, detail)
