"""Batches: handed in, cancelled, told about, closed and at last deleted."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from math import ceil
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Max

from diagnosis import live
from diagnosis.actors import Actor
from diagnosis.errors import IdempotencyConflict
from diagnosis.models import Batch, BatchCase, BatchEvent
from diagnosis.policies import check_cancel_batch, check_submit_batch
from diagnosis.selectors import batch_counts, batch_for
from diagnosis.services import background
from diagnosis.services.audit import write_audit
from diagnosis.services.bulk import BATCH_CASES, insert
from diagnosis.values import BatchCounts, BatchEventKind, UploadedCase

CONSULT_BATCH = "consult_batch"
"""Name of the task."""
CLAIM_CASES = 10
"""A worker takes so many cases at once, and tells of progress after them."""
MOST_WORKERS = 8
"""So many are called to one batch; the others go on with other work."""


def submit_batch(
    actor: Actor,
    upload_format: str,
    cases: Sequence[UploadedCase],
    body: bytes,
    *,
    key: str = "",
    ignored: Mapping[str, int] | None = None,
) -> tuple[Batch, bool]:
    """Stores a batch as queued and calls workers to it; whether it is new, too.

    The same ``key`` gives the same batch. Raises NotAllowed, and IdempotencyConflict where the
    key came with another body.
    """
    check_submit_batch(actor)
    batch = Batch(
        owner_id=actor.user_id,
        by_system=not actor.is_known,
        format=upload_format,
        total=len(cases),
        ignored=dict(ignored or {}),
        request=_request(actor, key),
        body_hash=hashlib.sha256(body).hexdigest(),
    )
    try:
        with transaction.atomic():
            _store(actor, batch, cases)
    except IntegrityError:
        if batch.request is None:
            raise
        return _earlier(batch), False
    call_workers(batch.pk, batch.total)
    return batch, True


def _request(actor: Actor, key: str) -> str | None:
    return hashlib.sha256(f"{actor.user_id} {key}".encode()).hexdigest() if key else None


def _store(actor: Actor, batch: Batch, cases: Sequence[UploadedCase]) -> None:
    batch.save(force_insert=True)
    insert(
        BATCH_CASES,
        [
            (
                batch.pk,
                position,
                uploaded.row,
                uploaded.reference,
                msgspec.json.encode(uploaded.case).decode(),
                BatchCase.QUEUED,
                "",
                "",
                0,
            )
            for position, uploaded in enumerate(cases, start=1)
        ],
    )
    _tell(batch, "batch_queued", BatchCounts(total=batch.total, left=batch.total))
    detail = {"cases": batch.total, "format": batch.format}
    write_audit(actor, "batch_submitted", "batch", str(batch.pk), detail)


def _earlier(batch: Batch) -> Batch:
    earlier = Batch.objects.get(request=batch.request)
    if (earlier.body_hash, earlier.format) != (batch.body_hash, batch.format):
        raise IdempotencyConflict("This Idempotency-Key was used for another batch.")
    return earlier


def call_workers(batch_id: UUID, left: int) -> None:
    """Wakes as many workers as the cases that are left are worth."""
    Batch.objects.filter(pk=batch_id).update(woken_at=datetime.now(UTC))
    copies = min(MOST_WORKERS, ceil(left / CLAIM_CASES))
    background.send(CONSULT_BATCH, str(batch_id), copies=copies)


def cancel_batch(actor: Actor, batch_id: UUID) -> Batch:
    """Ends a batch: what is not answered yet will not be; what is answered stays.

    Raises NotFound, and StateRefused where it has ended already. Cancelling twice is no error.
    """
    batch_for(actor, batch_id)
    with transaction.atomic():
        batch = Batch.objects.select_for_update().get(pk=batch_id)
        check_cancel_batch(batch)
        if batch.status == Batch.CANCELLED:
            return batch
        cases = BatchCase.objects.filter(batch_id=batch_id, status__in=BatchCase.OPEN)
        # a worker that has one of them finds out when it wants to store its answer
        given_up = cases.update(status=BatchCase.CANCELLED)
        _end(batch, Batch.CANCELLED, batch_counts(batch_id))
        write_audit(actor, "batch_cancelled", "batch", str(batch_id), {"cases": given_up})
    return batch


def advance(batch_id: UUID) -> bool:
    """Tells how far a running batch has got and closes it after its last case; True if closed."""
    with transaction.atomic():
        found = Batch.objects.select_for_update().filter(pk=batch_id, status=Batch.RUNNING)
        batch = found.first()
        if batch is None:
            return True
        counts = batch_counts(batch_id)
        if counts.left:
            if _says_more(batch, counts):
                _tell(batch, "batch_progress", counts)
            return False
        answered = counts.complete + counts.partial
        _end(batch, Batch.COMPLETED if answered else Batch.FAILED, counts)
        detail = {"answered": answered, "failed": counts.failed}
        write_audit(Actor.system(), f"batch_{batch.status}", "batch", str(batch_id), detail)
    return True


def begin(batch: Batch) -> None:
    """Marks a locked batch as running, the first time that a worker comes to it."""
    if batch.status == Batch.QUEUED:
        batch.status = Batch.RUNNING
        batch.started_at = datetime.now(UTC)
        batch.save(update_fields=["status", "started_at"])
        _tell(batch, "batch_started", batch_counts(batch.pk))


def _says_more(batch: Batch, counts: BatchCounts) -> bool:
    known = (batch.complete, batch.partial, batch.failed)
    return (counts.complete, counts.partial, counts.failed) != known


_LAST_WORD: Mapping[str, BatchEventKind] = {
    Batch.COMPLETED: "batch_completed",
    Batch.CANCELLED: "batch_cancelled",
    Batch.FAILED: "batch_failed",
}


def _end(batch: Batch, status: str, counts: BatchCounts) -> None:
    batch.status = status
    batch.finished_at = datetime.now(UTC)
    batch.save(update_fields=["status", "finished_at"])
    _tell(batch, _LAST_WORD[status], counts)


def _tell(batch: Batch, kind: BatchEventKind, counts: BatchCounts) -> None:
    """Notes a moment of a batch that is new or locked; its number follows the last one."""
    last = BatchEvent.objects.filter(batch=batch).aggregate(last=Max("seq"))["last"] or 0
    now = datetime.now(UTC)
    BatchEvent.objects.create(
        batch=batch, seq=last + 1, kind=kind, at=now, detail=msgspec.json.encode(counts).decode()
    )
    batch.complete, batch.partial, batch.failed = counts.complete, counts.partial, counts.failed
    batch.woken_at = now
    batch.save(update_fields=["complete", "partial", "failed", "woken_at"])
    transaction.on_commit(partial(live.tell_batch, batch.pk))


def delete_old_batches(now: datetime | None = None) -> int:
    """Deletes batches that ended ``BATCH_KEEP_DAYS`` ago, with their cases; sessions stay.

    How many. One transaction each, so that nobody waits for all of them.
    """
    horizon = (now or datetime.now(UTC)) - timedelta(days=settings.BATCH_KEEP_DAYS)
    old = Batch.objects.filter(finished_at__lt=horizon).values_list("pk", "total")
    for batch_id, total in list(old):
        with transaction.atomic():
            write_audit(Actor.system(), "batch_deleted", "batch", str(batch_id), {"cases": total})
            Batch.objects.filter(pk=batch_id).delete()
    return len(old)
