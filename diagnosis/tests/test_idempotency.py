"""A repeated request gets its first answer and is not done twice."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError

from diagnosis import services
from diagnosis.errors import IdempotencyConflict, IdempotencyInFlight
from diagnosis.models import IdempotencyKey
from diagnosis.policies import Actor
from diagnosis.services import Claim, idempotency
from diagnosis.services.idempotency import forget_expired_keys
from diagnosis.threads import in_database
from diagnosis.values import StoredAnswer

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]

DR = Actor(1, "dr", is_clinician=True)
SCOPE = "POST /api/sessions/"


class Door:
    """Answers a new number every time it really works."""

    def __init__(self, status: int = 201) -> None:
        self.worked = 0
        self.status = status

    async def __call__(self, claim: Claim) -> StoredAnswer:
        self.worked += 1
        return StoredAnswer(
            self.status, f'{{"n":{self.worked}}}'.encode(), headers={"Location": "/x/"}
        )


async def ask(
    door: Any, key: str = "k1", body: bytes = b"{}", actor: Actor = DR, scope: str = SCOPE
) -> StoredAnswer:
    return await services.idempotent(actor, key, scope, body, door)


async def test_the_second_time_gives_the_first_answer() -> None:
    door = Door()
    first, second = await ask(door), await ask(door)

    assert door.worked == 1
    assert (second.status, second.body, second.content_type, second.headers) == (
        first.status,
        first.body,
        first.content_type,
        first.headers,
    )
    assert (first.replayed, second.replayed) == (False, True)


async def test_another_body_is_a_conflict() -> None:
    door = Door()
    await ask(door)

    with pytest.raises(IdempotencyConflict):
        await ask(door, body=b'{"other": true}')
    assert door.worked == 1


async def test_key_scope_and_owner_are_told_apart() -> None:
    door = Door()
    await ask(door)
    await ask(door, key="k2")
    await ask(door, scope="POST /api/symptoms/analyze")
    await ask(door, actor=Actor(2, "another"))
    await ask(door, actor=Actor.anonymous())

    assert door.worked == 5


async def test_while_the_first_runs_the_second_is_told_so() -> None:
    working, go_on = asyncio.Event(), asyncio.Event()

    async def slow(claim: Claim) -> StoredAnswer:
        working.set()
        await go_on.wait()
        return StoredAnswer(200, b"1")

    first = asyncio.create_task(ask(slow))
    await working.wait()
    with pytest.raises(IdempotencyInFlight):
        await ask(Door())
    go_on.set()
    assert (await first).body == b"1"
    assert (await ask(Door())).body == b"1"


async def test_of_many_at_once_one_works() -> None:
    door = Door()
    answers = await asyncio.gather(*(ask(door) for _ in range(12)), return_exceptions=True)

    assert door.worked == 1
    for answer in answers:
        assert isinstance(answer, (StoredAnswer, IdempotencyInFlight))


async def test_a_failure_frees_the_key() -> None:
    async def fail(claim: Claim) -> StoredAnswer:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await ask(fail)
    assert (await ask(Door(status=503))).status == 503
    door = Door()
    assert (await ask(door)).status == 201
    assert door.worked == 1


async def test_a_claim_of_a_worker_that_died_can_be_taken_over(settings: Any) -> None:
    settings.SESSION_LIMIT_S = 60.0
    await ask(Door())
    long_ago = datetime.now(UTC) - timedelta(seconds=61)
    await IdempotencyKey.objects.aupdate(answered_at=None, claimed_at=long_ago)
    door = Door()

    assert (await ask(door, body=b"other")).status == 201
    assert door.worked == 1


async def test_answers_are_kept_for_their_time(settings: Any) -> None:
    settings.IDEMPOTENCY_KEEP_S = 3600.0
    door = Door()
    await ask(door)
    await IdempotencyKey.objects.aupdate(claimed_at=datetime.now(UTC) - timedelta(seconds=3599))
    await ask(door)
    assert door.worked == 1
    await IdempotencyKey.objects.aupdate(claimed_at=datetime.now(UTC) - timedelta(seconds=3601))
    await ask(door)
    assert door.worked == 2


def test_old_keys_are_swept(settings: Any) -> None:
    now = datetime.now(UTC)
    for key, age in (("old", 2), ("new", 0)):
        IdempotencyKey.objects.create(
            owner="anonymous",
            scope=SCOPE,
            key=key,
            body_hash="",
            claimed_at=now - timedelta(days=age),
        )

    assert forget_expired_keys() == 1
    assert IdempotencyKey.objects.get().key == "new"


# --- what dies in between ---------------------------------------------------------------------------


async def test_an_answer_kept_with_its_row_is_given_again_although_word_of_it_was_lost() -> None:
    async def stored_and_lost(claim: Claim) -> StoredAnswer:
        await in_database(claim.keep, StoredAnswer(200, b"stored"))
        raise OperationalError("server closed the connection unexpectedly")

    with pytest.raises(OperationalError):
        await ask(stored_and_lost)
    again = await ask(Door())
    assert (again.body, again.replayed) == (b"stored", True)


async def test_who_lost_the_claim_stores_nothing() -> None:
    async def too_late(claim: Claim) -> StoredAnswer:
        await IdempotencyKey.objects.all().adelete()
        assert (await ask(Door())).status == 201
        await in_database(claim.keep, StoredAnswer(200, b"late"))
        raise AssertionError

    with pytest.raises(IdempotencyInFlight):
        await ask(too_late)
    assert (await ask(Door())).body == b'{"n":1}'


async def test_a_claim_that_could_not_be_freed_is_freed_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def away(*given: Any) -> None:
        raise OperationalError("the database is away")

    async def fail(claim: Claim) -> StoredAnswer:
        monkeypatch.setattr(idempotency, "in_database", away)
        raise ValueError("what went wrong first")

    with pytest.raises(ValueError, match="what went wrong first"):
        await ask(fail)
    monkeypatch.undo()
    assert await IdempotencyKey.objects.acount() == 1
    assert (await ask(Door())).status == 201
