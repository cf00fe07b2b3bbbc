"""Stored sessions, as far as the actor may see them.

Staff see all; a clinician their own. A session that nobody signed belongs to whoever knows its
unguessable id, and only while anonymous analysis is open; it is in nobody's list.
"""

from uuid import UUID

import msgspec
from django.conf import settings
from django.db.models import Q, QuerySet

from agents.types import Case, Consultation
from diagnosis.actors import Actor
from diagnosis.errors import NotFound, SignInRequired
from diagnosis.models import DiagnosisSession, Outcome, SessionEvent
from diagnosis.values import SessionMoment


def sessions_for(actor: Actor) -> QuerySet[DiagnosisSession]:
    """The actor's list, newest first, without the large columns."""
    sessions = DiagnosisSession.objects.defer("case", "consultation")
    if actor.is_staff:
        return sessions.select_related("clinician")
    if actor.is_known:
        return sessions.filter(clinician_id=actor.user_id)
    return sessions.none()


def session_for(actor: Actor, session_id: UUID) -> DiagnosisSession:
    """One session. Raises NotFound where it is not there for this actor, SignInRequired where
    nobody is signed in and anonymous analysis is closed."""
    if not actor.is_known and not actor.is_staff and not settings.OPEN_ANALYZE:
        raise SignInRequired("Sign in to see sessions.")
    found = DiagnosisSession.objects.filter(_seen_by(actor), id=session_id).first()
    if found is None:
        raise NotFound("No such session.")
    return found


def _seen_by(actor: Actor) -> Q:
    if actor.is_staff:
        return Q()
    own = Q(clinician_id=actor.user_id) if actor.is_known else Q(pk__in=[])
    return own | Q(clinician_id=None) if settings.OPEN_ANALYZE else own


def case_of(session: DiagnosisSession) -> Case:
    """The case as it came in."""
    return msgspec.json.decode(session.case, type=Case)


def consultation_of(session: DiagnosisSession) -> Consultation | None:
    """The answer; None while the session runs and where it failed or was interrupted."""
    if not session.consultation:
        return None
    return msgspec.json.decode(session.consultation, type=Consultation)


def outcomes_of(session: DiagnosisSession) -> QuerySet[Outcome]:
    """What was reported on it, newest first."""
    return session.outcomes.select_related("recorded_by")


def events_after(actor: Actor, session_id: UUID, seq: int) -> list[SessionMoment]:
    """The moments of a session with a number above ``seq``, in order."""
    session_for(actor, session_id)
    return moments_after(session_id, seq)


def moments_after(session_id: UUID, seq: int) -> list[SessionMoment]:
    """The same for code that has already asked whether the actor may."""
    rows = SessionEvent.objects.filter(session_id=session_id, seq__gt=seq).order_by("seq")
    return [_moment(row) for row in rows]


def is_finished(session_id: UUID) -> bool:
    """Whether the session will say no more; also true of one that does not exist."""
    running = DiagnosisSession.objects.filter(id=session_id, status=DiagnosisSession.RUNNING)
    return not running.exists()


def _moment(row: SessionEvent) -> SessionMoment:
    return msgspec.convert(
        {
            "session_id": row.session_id,
            "seq": row.seq,
            "kind": row.kind,
            "at": row.at,
            "offset_ms": row.offset_ms,
            "agent": row.agent or None,
            "detail": msgspec.json.decode(row.detail),
        },
        SessionMoment,
    )
