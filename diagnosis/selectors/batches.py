"""Batches, as far as the actor may see them: staff see all, a clinician their own."""

from uuid import UUID

import msgspec
from django.db.models import Count, QuerySet

from diagnosis.actors import Actor
from diagnosis.errors import NotFound, SignInRequired
from diagnosis.models import Batch, BatchCase, BatchEvent
from diagnosis.values import BatchCounts, BatchMoment


def batches_for(actor: Actor) -> QuerySet[Batch]:
    """The actor's list, newest first."""
    if actor.is_staff:
        return Batch.objects.all()
    if actor.is_known:
        return Batch.objects.filter(owner_id=actor.user_id)
    return Batch.objects.none()


def batch_for(actor: Actor, batch_id: UUID) -> Batch:
    """One batch. Raises NotFound where it is not there for this actor, SignInRequired for
    nobody in particular."""
    if not actor.is_known and not actor.is_staff:
        raise SignInRequired("Sign in to see batches.")
    found = batches_for(actor).filter(id=batch_id).first()
    if found is None:
        raise NotFound("No such batch.")
    return found


def batch_moments_after(batch_id: UUID, seq: int) -> list[BatchMoment]:
    """What happened after ``seq``, for code that has already asked whether the actor may."""
    rows = BatchEvent.objects.filter(batch_id=batch_id, seq__gt=seq).order_by("seq")
    return [
        msgspec.convert(
            {
                "batch_id": row.batch_id,
                "seq": row.seq,
                "kind": row.kind,
                "at": row.at,
                "detail": msgspec.json.decode(row.detail),
            },
            BatchMoment,
        )
        for row in rows
    ]


def batch_is_finished(batch_id: UUID) -> bool:
    """Whether the batch will say no more; also true of one that does not exist."""
    return not Batch.objects.filter(id=batch_id, status__in=Batch.OPEN).exists()


def batch_counts(batch_id: UUID) -> BatchCounts:
    """Counted from the cases, so never wrong; an index answers it."""
    cases = BatchCase.objects.filter(batch_id=batch_id).order_by()
    by_status = dict(cases.values_list("status").annotate(Count("id")))
    return BatchCounts(
        total=sum(by_status.values()),
        complete=by_status.get(BatchCase.COMPLETE, 0),
        partial=by_status.get(BatchCase.PARTIAL, 0),
        failed=by_status.get(BatchCase.FAILED, 0),
        cancelled=by_status.get(BatchCase.CANCELLED, 0),
        left=sum(by_status.get(status, 0) for status in BatchCase.OPEN),
    )


def batch_results(batch_id: UUID, after: int, limit: int) -> list[BatchCase]:
    """Cases beyond position ``after`` in order, each with its session and without its text."""
    cases = BatchCase.objects.filter(batch_id=batch_id, position__gt=after)
    return list(
        cases.select_related("session").defer("case", "session__case").order_by("position")[:limit]
    )
