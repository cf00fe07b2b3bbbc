"""Stored sessions, as far as the actor may see them.

Staff see all; a clinician their own. A session that nobody signed belongs to whoever knows its
unguessable id, and only while anonymous analysis is open; it is in nobody's list.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import connection
from django.db.models import Q, QuerySet
from django.utils import timezone

from agents.types import Case, Consultation
from diagnosis.actors import Actor
from diagnosis.errors import NotFound, SignInRequired
from diagnosis.identifiers import first_at, made_at
from diagnosis.models import DiagnosisSession, Outcome, SessionEvent
from diagnosis.values import SessionMoment

_A_LITTLE_MS = 60_000
_A_DAY_MS = 86_400_000
_A_MONTH_MS = 31 * _A_DAY_MS
"""How much younger a session can be than its id: those of a batch have the time of the batch."""


class SessionPage(NamedTuple):
    rows: list[DiagnosisSession]
    has_newer: bool
    has_older: bool


def sessions_for(actor: Actor) -> QuerySet[DiagnosisSession]:
    """The actor's list, newest first, without the large columns."""
    sessions = DiagnosisSession.objects.defer("case", "consultation")
    if actor.is_staff:
        return sessions.select_related("clinician")
    if actor.is_known:
        return sessions.filter(clinician_id=actor.user_id)
    return sessions.none()


def sessions_page(
    actor: Actor, size: int, before: UUID | None = None, after: UUID | None = None
) -> SessionPage:
    """``size`` sessions older than ``before`` or newer than ``after``, newest first.

    A page costs the same however far back it is: nothing is skipped and nothing counted.
    """
    listed = sessions_for(actor)
    if after is not None:
        newer = list(listed.filter(id__gt=after).order_by("id")[: size + 1])
        # at the top a short page would leave out what has just come
        if len(newer) > size:
            return SessionPage(newer[size - 1 :: -1], has_newer=True, has_older=True)
        before = None
    if before is not None:
        listed = listed.filter(id__lt=before)
    # one more than a page says whether there is another
    found = list(latest_before(listed, before)[: size + 1])
    if len(found) <= size:
        found = list(listed[: size + 1])
    return SessionPage(found[:size], has_newer=before is not None, has_older=len(found) > size)


def latest_before(
    sessions: QuerySet[DiagnosisSession], before: UUID | None = None
) -> QuerySet[DiagnosisSession]:
    """Those of the last two months before a session, or before now: mostly they fill a page, and
    PostgreSQL then need not plan for the partitions of all years."""
    if connection.vendor != "postgresql":
        return sessions
    until = made_at(before) if before is not None else timezone.now()
    # the upper bound keeps out the partition for what has no month, which would cost the order
    return sessions.filter(
        id__gte=first_at(until, -2 * _A_MONTH_MS), id__lt=first_at(until, _A_DAY_MS)
    )


def sessions_between(
    sessions: QuerySet[DiagnosisSession], since: datetime | None, until: datetime | None
) -> QuerySet[DiagnosisSession]:
    """Those created from ``since`` on and before ``until``; the bounds on the id, which was made
    at about the same time, keep to the months that it concerns."""
    if since is not None:
        sessions = sessions.filter(created_at__gte=since, id__gte=first_at(since, -_A_MONTH_MS))
    if until is not None:
        sessions = sessions.filter(created_at__lt=until, id__lt=first_at(until, _A_LITTLE_MS))
    return sessions


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
