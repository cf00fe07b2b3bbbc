"""Idempotency-Key: a request that is repeated gets its first answer, and is not done twice.

The answer is kept in the transaction of what it answers for: whatever dies and whenever, either
both are there or neither.
"""

import hashlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, IntegrityError, InterfaceError, transaction

from diagnosis.actors import Actor
from diagnosis.errors import IdempotencyConflict, IdempotencyInFlight, NotStored
from diagnosis.models import IdempotencyKey
from diagnosis.threads import in_background, in_database
from diagnosis.values import StoredAnswer

SERVER_ERRORS = 500
AWAY = (NotStored, DatabaseError, InterfaceError)

_left_over: set[int] = set()
"""Claims that could not be freed because the database was away."""


@dataclass
class Claim:
    """The right to answer a request with a key."""

    id: int
    is_kept: bool = False

    def keep(self, given: StoredAnswer) -> None:
        """Call in the transaction that stores what is answered for; may be called again.

        Raises IdempotencyInFlight, so that nothing is stored, where another took the claim over.
        """
        found = IdempotencyKey.objects.filter(pk=self.id).update(
            answered_at=datetime.now(UTC),
            status=given.status,
            content_type=given.content_type,
            headers=given.headers,
            body=given.body,
        )
        if not found:
            raise IdempotencyInFlight("Another request has taken this Idempotency-Key over.")
        self.is_kept = True


async def idempotent(
    actor: Actor,
    key: str,
    scope: str,
    body: bytes,
    answer: Callable[[Claim], Awaitable[StoredAnswer]],
) -> StoredAnswer:
    """What ``answer`` gives, or what it gave to the same key, scope and body before.

    ``scope`` is the method and path. ``answer`` calls ``Claim.keep`` with what it gives where it
    stores. An answer of 500 and above, or an exception, frees the key unless it was kept.
    Raises IdempotencyConflict for another body, IdempotencyInFlight while the first one runs.
    """
    body_hash = hashlib.sha256(body).hexdigest()
    number, kept = await in_database(_claimed, _owner(actor), key, scope, body_hash)
    if kept is not None:
        return kept
    claim = Claim(number)
    try:
        given = await answer(claim)
    except BaseException as error:
        await _free(number, soon=not isinstance(error, AWAY))
        raise
    if given.status >= SERVER_ERRORS:
        await _free(number)
    elif not claim.is_kept:
        await in_database(claim.keep, given)
    return given


def forget_expired_keys() -> int:
    """Deletes keys past their time; how many."""
    _free_left_over()
    deleted, _ = IdempotencyKey.objects.filter(claimed_at__lt=_horizon()).delete()
    return deleted


def _owner(actor: Actor) -> str:
    return f"user:{actor.user_id}" if actor.is_known else "anonymous"


def _horizon() -> datetime:
    return datetime.now(UTC) - timedelta(seconds=settings.IDEMPOTENCY_KEEP_S)


def _claimed(owner: str, key: str, scope: str, body_hash: str) -> tuple[int, StoredAnswer | None]:
    """The id of a new claim, or the earlier answer."""
    now = datetime.now(UTC)
    _free_left_over()
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


async def _free(claim: int, *, soon: bool = True) -> None:
    """Never fails: what went wrong before is what the caller has to hear.

    Where the database has just failed (not ``soon``), nobody waits for it once more.
    """
    _left_over.add(claim)
    if not soon:
        in_background(_free_left_over)
        return
    with suppress(DatabaseError, InterfaceError):
        await in_database(_free_left_over)


def _free_left_over() -> None:
    """An answered claim stays: its commit was done although word of it was lost."""
    while _left_over:
        claim = next(iter(_left_over))
        IdempotencyKey.objects.filter(pk=claim, answered_at=None).delete()
        _left_over.discard(claim)
