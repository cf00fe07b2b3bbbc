"""Consulting the cases of a batch: claimed a few at a time, each stored exactly once.

A claim is a token on the case's row. The session and the row's new status are one transaction,
which the token decides: whoever lost it (cancelled, or taken for dead) stores nothing. The
session's id follows from batch and position, so that not even a mistake makes a second one.
"""

import asyncio
import math
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

import msgspec
import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, transaction
from django.db.models import F, QuerySet
from msgspec import Struct

from agents.errors import DecisionSupportError, InvalidCase, KnowledgeError
from agents.types import Case
from diagnosis.actors import Actor
from diagnosis.errors import NotAllowed, NotStored, Overloaded, StateRefused
from diagnosis.identifiers import uuid7_for
from diagnosis.models import Batch, BatchCase, User
from diagnosis.policies import actor_of
from diagnosis.services.batches import CLAIM_CASES, advance, begin, call_workers
from diagnosis.services.consultations import consult
from diagnosis.services.workers import is_dead, this_worker
from diagnosis.threads import in_database
from diagnosis.values import StoredConsultation

MOST_ATTEMPTS = 3
"""A case on which a worker was lost so often is not tried again: it may be what kills them."""
QUIET_S = 30.0
"""A batch that has not got on for so long gets workers called to it."""
PASSING = (NotStored, Overloaded, KnowledgeError, DatabaseError, InterfaceError)
"""Faults that are not the case's; it is tried again later."""

log = structlog.get_logger(__name__)


class Claimed(Struct, frozen=True):
    """A case that this worker has, under its token."""

    id: int
    token: UUID
    batch_id: UUID
    position: int
    case: Case


async def work_on_batch(
    batch_id: UUID, *, budget_s: float = math.inf, polite: bool = False
) -> bool:
    """Consults cases until none is left to take (True) or the time is over (False).

    ``polite`` leaves the event loop to others for as long as each case took. Raises one of
    PASSING; what was claimed then waits for the next worker.
    """
    until = time.monotonic() + budget_s
    actor = await in_database(_opened, batch_id)
    if actor is None:
        return True
    while claimed := await in_database(_claimed, batch_id):
        try:
            await _consult_all(actor, claimed, polite)
        finally:
            await _let_go(claimed[0].token)
        await in_database(advance, batch_id)
        if time.monotonic() >= until:
            return False
    await in_database(advance, batch_id)
    return True


async def _consult_all(actor: Actor, claimed: Sequence[Claimed], polite: bool) -> None:
    for case in claimed:
        started = time.monotonic()
        if not await _consulted(actor, case):
            # the others were most likely taken with it
            return
        await asyncio.sleep(time.monotonic() - started if polite else 0)


async def _consulted(actor: Actor, claimed: Claimed) -> bool:
    """Whether the case was still this worker's."""
    try:
        await consult(
            actor,
            claimed.case,
            session_id=uuid7_for(claimed.batch_id, claimed.position),
            step=partial(_answered, claimed),
        )
    except StateRefused:
        log.info("case_was_taken_away", batch_id=str(claimed.batch_id), position=claimed.position)
        return False
    except NotStored:
        # where another worker was quicker, the database refuses its session a second time
        if await in_database(_is_running, claimed):
            raise
        return False
    except PASSING:
        raise
    except Exception as error:
        await in_database(_failed, claimed, _sentence(claimed, error))
    return True


def _sentence(claimed: Claimed, error: Exception) -> str:
    """Why a case has no answer. Messages of unexpected errors may quote it, so none is kept."""
    if isinstance(error, NotAllowed):
        return "Whoever handed the batch in may no longer have cases analysed."
    if isinstance(error, InvalidCase):
        return f"The case breaks a rule: {error.field}."[:200]
    if not isinstance(error, DecisionSupportError):
        log.error(
            "case_failed",
            batch_id=str(claimed.batch_id),
            position=claimed.position,
            error=type(error).__name__,
        )
    return "Something went wrong on our side; the log says what."


# --- claims; each in a database thread, the answer in the journal's -------------------------------


def _opened(batch_id: UUID) -> Actor | None:
    """Whoever the cases are consulted for; None where the batch is not open (any more)."""
    with transaction.atomic():
        open_ones = Batch.objects.select_for_update().filter(pk=batch_id, status__in=Batch.OPEN)
        batch = open_ones.first()
        if batch is None:
            return None
        begin(batch)
    release_lost(batch_id)
    if batch.by_system:
        return Actor.system()
    owner = User.objects.filter(batch=batch).first()
    # rights are those of now: an account that was closed in the meantime consults no more
    return actor_of(owner) if owner is not None else Actor.anonymous()


def _claimed(batch_id: UUID) -> list[Claimed]:
    token = uuid4()
    with transaction.atomic():
        queued = BatchCase.objects.filter(batch_id=batch_id, status=BatchCase.QUEUED)
        rows = list(queued.select_for_update(skip_locked=True).order_by("position")[:CLAIM_CASES])
        BatchCase.objects.filter(pk__in=[row.pk for row in rows]).update(
            status=BatchCase.RUNNING,
            claim=token,
            claimed_at=datetime.now(UTC),
            worker=this_worker(),
            attempts=F("attempts") + 1,
        )
    return [
        Claimed(row.pk, token, batch_id, row.position, msgspec.json.decode(row.case, type=Case))
        for row in rows
    ]


def _own(claimed: Claimed) -> QuerySet[BatchCase]:
    return BatchCase.objects.filter(pk=claimed.id, claim=claimed.token)


def _answered(claimed: Claimed, stored: StoredConsultation) -> None:
    """The step of the session's transaction. Raises StateRefused where the claim is lost."""
    mine = _own(claimed)
    status = BatchCase.COMPLETE if stored.consultation.complete else BatchCase.PARTIAL
    session_id = uuid7_for(claimed.batch_id, claimed.position)
    if mine.filter(status=BatchCase.RUNNING).update(status=status, session_id=session_id):
        return
    # written again after a lost connection, the first time may have been committed
    if not mine.filter(session_id=session_id).exists():
        raise StateRefused("Another worker has the case, or nobody wants it any more.")


def _failed(claimed: Claimed, sentence: str) -> None:
    _own(claimed).filter(status=BatchCase.RUNNING).update(status=BatchCase.FAILED, problem=sentence)


def _is_running(claimed: Claimed) -> bool:
    return _own(claimed).filter(status=BatchCase.RUNNING).exists()


async def _let_go(token: UUID) -> None:
    """Gives back what is left of a claim; where the database is away, the claim runs out."""
    try:
        await in_database(_released, token)
    except (DatabaseError, InterfaceError) as error:
        log.warning("claim_not_released", error=type(error).__name__)


def _released(token: UUID) -> None:
    BatchCase.objects.filter(claim=token, status=BatchCase.RUNNING).update(
        status=BatchCase.QUEUED, claim=None, attempts=F("attempts") - 1
    )


def release_lost(batch_id: UUID, now: datetime | None = None) -> int:
    """Gives back the cases of workers that are gone, or had them for too long; how many."""
    limit = (now or datetime.now(UTC)) - timedelta(seconds=settings.BATCH_CLAIM_S)
    running = BatchCase.objects.filter(batch_id=batch_id, status=BatchCase.RUNNING)
    dead = [w for w in running.order_by().values_list("worker", flat=True).distinct() if is_dead(w)]
    lost = running.filter(claimed_at__lt=limit) | running.filter(worker__in=dead)
    hopeless = lost.filter(attempts__gte=MOST_ATTEMPTS).update(
        status=BatchCase.FAILED, problem=f"{MOST_ATTEMPTS} workers were lost on this case."
    )
    return hopeless + lost.update(status=BatchCase.QUEUED, claim=None)


def resume_batches(now: datetime | None = None) -> int:
    """Calls workers to open batches that nobody gets on with; how many batches."""
    now = now or datetime.now(UTC)
    resumed = 0
    for batch in Batch.objects.filter(status__in=Batch.OPEN).order_by("pk"):
        freed = release_lost(batch.pk, now)
        quiet = batch.woken_at < now - timedelta(seconds=QUIET_S)
        waiting = batch.cases.filter(status=BatchCase.QUEUED).count()
        if waiting and (freed or quiet):
            call_workers(batch.pk, waiting)
            resumed += 1
        elif not waiting:
            # a worker may have died between its last case and closing the batch
            advance(batch.pk)
    return resumed
