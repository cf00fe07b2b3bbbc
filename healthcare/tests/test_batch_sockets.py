"""A batch over the whole ASGI application: its events over WebSocket, its files over HTTP."""

import json
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import User
from knox.models import AuthToken

from diagnosis import services
from diagnosis.policies import Actor
from diagnosis.services import work_on_batch
from diagnosis.threads import in_database
from healthcare.asgi import application
from healthcare.tests.test_consumers import received
from healthcare.tests.wire import ask

pytestmark = [pytest.mark.services, pytest.mark.usefixtures("tiny_knowledge")]

CSV = b"reference,note\n" + b"".join(b"r%d,Fever since zanzibar.\n" % n for n in range(12))
UNKNOWN = UUID("01936b5e-0000-7000-8000-000000000000")


async def token_of(user: User) -> dict[str, str]:
    _, token = await sync_to_async(AuthToken.objects.create)(user)
    return {"authorization": f"Token {token}"}


@pytest.fixture
async def headers(clinician: User) -> dict[str, str]:
    return await token_of(clinician)


@pytest.fixture
async def batch_id(headers: dict[str, str]) -> UUID:
    answer = await ask("POST", "/api/batches/", CSV, {"content-type": "text/csv", **headers})
    assert answer.status == 202
    return UUID(answer.json()["id"])


async def watched(batch_id: UUID, headers: dict[str, str], query: str = "") -> tuple[Any, int]:
    client = WebsocketCommunicator(
        application,
        f"/ws/batches/{batch_id}/{query}",
        [
            (name.encode(), value.encode())
            for name, value in {"host": "localhost", **headers}.items()
        ],
    )
    assert (await client.connect(timeout=10))[0]
    return await received(client)


async def test_events_come_in_order_and_hold_counts_only(
    batch_id: UUID, headers: dict[str, str]
) -> None:
    await work_on_batch(batch_id)
    events, code = await watched(batch_id, headers)
    assert code == 1000
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert (events[0]["kind"], events[-1]["kind"]) == ("batch_queued", "batch_completed")
    assert events[-1]["detail"] == {
        "total": 12, "complete": 12, "partial": 0, "failed": 0, "cancelled": 0, "left": 0,
    }  # fmt: skip
    assert "zanzibar" not in json.dumps(events)


async def test_a_client_that_comes_back_misses_nothing(
    batch_id: UUID, headers: dict[str, str]
) -> None:
    await work_on_batch(batch_id)
    every, _ = await watched(batch_id, headers)
    for seen in range(len(every) + 2):
        events, code = await watched(batch_id, headers, f"?after={seen}")
        assert (events, code) == (every[seen:], 1000)


async def test_a_running_batch_is_seen_as_it_gets_on(
    batch_id: UUID, headers: dict[str, str], actor: Actor
) -> None:
    client = WebsocketCommunicator(
        application,
        f"/ws/batches/{batch_id}/?after=1",
        [(b"host", b"localhost"), (b"authorization", headers["authorization"].encode())],
    )
    assert (await client.connect(timeout=10))[0]
    assert await client.receive_nothing(timeout=0.05)
    await in_database(services.cancel_batch, actor, batch_id)
    events, code = await received(client)
    assert ([event["kind"] for event in events], code) == (["batch_cancelled"], 1000)


async def test_a_foreign_batch_is_refused_with_the_code_of_not_found(
    batch_id: UUID, other_clinician: User
) -> None:
    theirs = await token_of(other_clinician)
    for wanted in (batch_id, UNKNOWN):
        messages, code = await watched(wanted, theirs)
        assert (messages, code) == ([{"type": "problem", "title": "Not found"}], 4404)
    assert (await watched(batch_id, {"origin": "http://localhost"}))[1] == 4401


async def test_an_upload_of_megabytes_is_read_and_a_larger_one_refused(
    headers: dict[str, str],
) -> None:
    sent = {"content-type": "text/csv", **headers}
    row = b"r,%s\n" % (b"Fever. " * 2500)
    for path in ("/api/batches/", "/api/v1/batches/"):
        assert (await ask("POST", path, b"reference,note\n" + row * 100, sent)).status == 202
        answer = await ask("POST", path, b"x" * (8 * 1024 * 1024 + 1), sent)
        assert answer.status == 413


async def test_results_are_streamed(batch_id: UUID, headers: dict[str, str]) -> None:
    await work_on_batch(batch_id)
    answer = await ask("GET", f"/api/batches/{batch_id}/results", headers=headers)
    assert answer.status == 200
    assert len(answer.body.splitlines()) == 13
    lines = await ask("GET", f"/api/v1/batches/{batch_id}/results?format=jsonl", headers=headers)
    assert [json.loads(line)["row"] for line in lines.body.splitlines()] == list(range(2, 14))
