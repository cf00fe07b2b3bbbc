"""Sessions that will never end by themselves are ended, visibly, with their reason."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Max

from diagnosis.actors import Actor
from diagnosis.events import DiagnosisEvent, diagnosis_events
from diagnosis.models import DiagnosisSession, SessionEvent
from diagnosis.services.audit import write_audit
from diagnosis.services.workers import is_dead


def interrupt_abandoned(now: datetime | None = None) -> int:
    """Marks sessions as interrupted whose worker is gone or that run past the limit; how many."""
    now = now or datetime.now(UTC)
    limit = now - timedelta(seconds=settings.SESSION_LIMIT_S)
    running = DiagnosisSession.objects.filter(status=DiagnosisSession.RUNNING).defer(
        "case", "consultation"
    )
    abandoned = [s.pk for s in running if s.created_at < limit or is_dead(s.worker)]
    return sum(interrupt(session_id, DiagnosisSession.INTERRUPTED, now) for session_id in abandoned)


def interrupt(session_id: UUID, status: str, now: datetime | None = None) -> bool:
    """Ends a running session as ``interrupted`` or ``failed``; False where it no longer runs."""
    now = now or datetime.now(UTC)
    with transaction.atomic():
        found = DiagnosisSession.objects.filter(pk=session_id)
        running = found.filter(status=DiagnosisSession.RUNNING)
        if not running.update(status=status, finished_at=now):
            return False
        session = found.defer("case", "consultation").get()
        last = session.events.aggregate(last=Max("seq"))["last"] or 0
        SessionEvent.objects.create(
            session=session,
            seq=last + 1,
            kind="session_interrupted",
            at=now,
            offset_ms=(now - session.created_at).total_seconds() * 1000,
            detail=f'{{"status":"{status}"}}',
        )
        detail = {"status": status}
        write_audit(Actor.system(), "session_interrupted", "session", str(session_id), detail)
    diagnosis_events.publish(
        DiagnosisEvent("session_interrupted", now, session_id, summary={"status": status})
    )
    return True
