"""Idempotency-Key: a request that is repeated gets its first answer, and is not done twice."""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction

from diagnosis.actors import Actor
from diagnosis.errors import IdempotencyConflict, IdempotencyInFlight
from diagnosis.models import IdempotencyKey
from diagnosis.threads import in_database
from diagnosis.values import StoredAnswer

SERVER_ERRORS = 500


async def idempotent(
    actor: Actor,
    key: str,
    scope: str,
    body: bytes,
    answer: Callable[[], Awaitable[StoredAnswer]],
) -> StoredAnswer:
    """What ``answer`` gives, or what it gave to the same key, scope and body before.

    ``scope`` is the method and path. An answer of 500 and above, or an exception, frees the key.
    Raises IdempotencyConflict for another body, IdempotencyInFlight while the first one runs.
    """
    body_hash = hashlib.sha256(body).hexdigest()
    claim, kept = await in_database(_claimed, _owner(actor), key, scope, body_hash)
    if kept is not None:
        return kept
    try:
        given = await answer()
    except BaseException:
        await in_database(_freed, claim)
        raise
    if given.status >= SERVER_ERRORS:
        await in_database(_freed, claim)
    else:
        await in_database(_kept, claim, given)
    return given


def forget_expired_keys() -> int:
    """Deletes keys past their time; how many."""
    deleted, _ = IdempotencyKey.objects.filter(claimed_at__lt=_horizon()).delete()
    return deleted


def _owner(actor: Actor) -> str:
    return f"user:{actor.user_id}" if actor.is_known else "anonymous"


def _horizon() -> datetime:
    return datetime.now(UTC) - timedelta(seconds=settings.IDEMPOTENCY_KEEP_S)


def _claimed(owner: str, key: str, scope: str, body_hash: str) -> tuple[int, StoredAnswer | None]:
    """The id of a new claim, or the earlier answer."""
    now = datetime.now(UTC)
    same = IdempotencyKey.objects.filter(owner=owner, scope=scope, key=key)
    same.filter(claimed_at__lt=_horizon()).delete()
    # whoever claimed it and died has not answered: after the limit another may try
    limit = now - timedelta(seconds=settings.SESSION_LIMIT_S)
    same.filter(answered_at=None, claimed_at__lt=limit).delete()
    try:
        with transaction.atomic():
            row = IdempotencyKey.objects.create(
                owner=owner, scope=scope, key=key, body_hash=body_hash, claimed_at=now
            )
    except IntegrityError:
        return 0, _earlier(same.first(), body_hash)
    return row.pk, None


def _earlier(row: IdempotencyKey | None, body_hash: str) -> StoredAnswer:
    if row is None:
        # freed between our two looks
        raise IdempotencyInFlight("The first request with this Idempotency-Key has just failed.")
    if row.body_hash != body_hash:
        raise IdempotencyConflict("This Idempotency-Key was used for another request.")
    if row.answered_at is None or row.status is None:
        raise IdempotencyInFlight("The first request with this Idempotency-Key is still running.")
    return StoredAnswer(
        status=row.status,
        body=bytes(row.body),
        content_type=row.content_type,
        headers=row.headers,
        replayed=True,
    )


def _freed(claim: int) -> None:
    IdempotencyKey.objects.filter(pk=claim).delete()


def _kept(claim: int, given: StoredAnswer) -> None:
    IdempotencyKey.objects.filter(pk=claim).update(
        answered_at=datetime.now(UTC),
        status=given.status,
        content_type=given.content_type,
        headers=given.headers,
        body=given.body,
    )
