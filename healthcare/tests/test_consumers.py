"""A session's events over WebSocket, through the whole ASGI application."""

import asyncio
import json
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import User
from django.test import Client, override_settings
from knox.models import AuthToken

from agents.coordinator import Coordinator
from agents.types import Case, Note
from diagnosis import live, services
from diagnosis.models import DiagnosisSession, SessionEvent
from diagnosis.policies import Actor, actor_of
from healthcare.asgi import application

pytestmark = [pytest.mark.services, pytest.mark.usefixtures("tiny_knowledge")]

CASE = Case(note=Note(text="Fever and neck stiffness since zanzibar."), age_years=40)
ORIGIN = {"origin": "http://localhost"}
UNKNOWN = UUID("01936b5e-0000-7000-8000-000000000000")


def socket(session_id: Any, query: str = "", **headers: str) -> WebsocketCommunicator:
    sent = {"host": "localhost", **(headers or ORIGIN)}
    return WebsocketCommunicator(
        application,
        f"/ws/sessions/{session_id}/{query}",
        [(name.encode(), value.encode("latin-1")) for name, value in sent.items()],
    )


async def received(client: WebsocketCommunicator) -> tuple[list[Any], int]:
    """Every message until the server closes, and the close code."""
    messages: list[Any] = []
    while True:
        output = await client.receive_output(timeout=10)
        if output["type"] == "websocket.close":
            await client.disconnect()
            return messages, output.get("code", 1000)
        messages.append(json.loads(output["text"]))


async def watched(session_id: Any, query: str = "", **headers: str) -> tuple[list[Any], int]:
    client = socket(session_id, query, **headers)
    connected, _ = await client.connect(timeout=10)
    assert connected
    return await received(client)


@pytest.fixture
async def cookie(clinician: User) -> dict[str, str]:
    client = Client()
    await sync_to_async(client.force_login)(clinician)
    return {**ORIGIN, "cookie": f"sessionid={client.cookies['sessionid'].value}"}


async def test_events_come_in_order_with_their_numbers() -> None:
    session_id = (await services.consult(Actor.anonymous(), CASE)).session_id
    events, code = await watched(session_id)
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    kinds = [event["kind"] for event in events]
    assert (kinds[0], kinds[-1], code) == ("session_started", "diagnosis_complete", 1000)
    assert kinds.count("agent_started") == kinds.count("agent_completed") == 4
    assert "emergency_detected" in kinds
    assert {event["session_id"] for event in events} == {str(session_id)}


async def test_messages_hold_no_patient_text() -> None:
    session_id = (await services.consult(Actor.anonymous(), CASE)).session_id
    events, _ = await watched(session_id)
    assert "zanzibar" not in json.dumps(events)


async def test_a_client_that_comes_back_misses_nothing_and_gets_nothing_twice() -> None:
    session_id = (await services.consult(Actor.anonymous(), CASE)).session_id
    every, _ = await watched(session_id)
    for seen in range(len(every) + 1):
        events, _ = await watched(session_id, f"?after={seen}")
        assert events == every[seen:]


async def test_a_running_session_is_seen_as_it_happens(
    monkeypatch: pytest.MonkeyPatch, clinician: User, cookie: dict[str, str]
) -> None:
    go_on = asyncio.Event()
    consult = Coordinator.consult

    async def paused(self: Coordinator, case: Any, knowledge: Any, emit: Any) -> Any:
        await go_on.wait()
        return await consult(self, case, knowledge, emit)

    monkeypatch.setattr(Coordinator, "consult", paused)
    actor = await sync_to_async(actor_of)(clinician)
    session_id = await services.start_session(actor, CASE)
    client = socket(session_id, **cookie)
    assert (await client.connect(timeout=10))[0]
    first = json.loads(await client.receive_from(timeout=10))
    assert (first["seq"], first["kind"]) == (1, "session_started")
    assert await client.receive_nothing(timeout=0.05)
    go_on.set()
    rest, code = await received(client)
    assert [event["seq"] for event in rest] == list(range(2, len(rest) + 2))
    assert (rest[-1]["kind"], code) == ("diagnosis_complete", 1000)
    rows = [seq async for seq in SessionEvent.objects.values_list("seq", flat=True)]
    assert len(rows) == len(rest) + 1
    await services.shutdown()


async def test_a_client_that_has_seen_the_end_is_not_kept_waiting() -> None:
    session_id = (await services.consult(Actor.anonymous(), CASE)).session_id
    every, _ = await watched(session_id)
    assert await watched(session_id, f"?after={every[-1]['seq']}") == ([], 1000)


async def test_many_watch_one_session() -> None:
    session_id = (await services.consult(Actor.anonymous(), CASE)).session_id
    seen = await asyncio.gather(*(watched(session_id) for _ in range(10)))
    assert all(events == seen[0][0] for events, _ in seen)


# --- who may --------------------------------------------------------------------------------------


async def test_another_clinicians_session_is_refused_with_the_code_of_not_found(
    other_clinician: User, cookie: dict[str, str]
) -> None:
    actor = await sync_to_async(actor_of)(other_clinician)
    session_id = (await services.consult(actor, CASE)).session_id
    messages, code = await watched(session_id, **cookie)
    assert (messages, code) == ([{"type": "problem", "title": "Not found"}], 4404)
    assert (await watched(UNKNOWN, **cookie))[1] == 4404


async def test_ones_own_session_by_cookie_and_by_token(
    clinician: User, cookie: dict[str, str]
) -> None:
    actor = await sync_to_async(actor_of)(clinician)
    session_id = (await services.consult(actor, CASE)).session_id
    assert (await watched(session_id, **cookie))[1] == 1000
    assert (await watched(session_id))[1] == 4404
    _, token = await sync_to_async(AuthToken.objects.create)(clinician)
    # a program sends no origin; a browser cannot send this header
    assert (await watched(session_id, authorization=f"Token {token}"))[1] == 1000


@override_settings(OPEN_ANALYZE=False)
async def test_nobody_in_particular_is_asked_to_sign_in_where_analysis_is_closed() -> None:
    assert (await watched(UNKNOWN))[1] == 4401


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"user-agent": "no origin at all"},
        {"authorization": "Token " + "f" * 64},
        {"authorization": "Bearer abc"},
        {"authorization": "Token \xff"},
    ],
)
async def test_a_handshake_from_elsewhere_is_denied(headers: dict[str, str]) -> None:
    session_id = (await services.consult(Actor.anonymous(), CASE)).session_id
    connected, _ = await socket(session_id, **headers).connect(timeout=10)
    assert not connected


@pytest.mark.parametrize("path", ["/ws/sessions/not-a-uuid/", "/ws/", "/", "/ws/sessions/"])
async def test_a_path_without_a_session_is_denied(path: str) -> None:
    client = WebsocketCommunicator(
        application, path, [(b"host", b"localhost"), (b"origin", b"http://localhost")]
    )
    assert not (await client.connect(timeout=10))[0]


@pytest.mark.parametrize("after", ["-1", "x", "", "9" * 30, "%00"])
async def test_a_number_that_is_none_is_refused(after: str) -> None:
    session_id = (await services.consult(Actor.anonymous(), CASE)).session_id
    events, code = await watched(session_id, f"?after={after}")
    # an empty value is no value: everything is replayed
    assert code == (1000 if after == "" else 4400)
    assert bool(events[0].get("seq")) is (after == "")


# --- frames ---------------------------------------------------------------------------------------


@pytest.fixture
async def running(monkeypatch: pytest.MonkeyPatch) -> WebsocketCommunicator:
    """A client of a session that never ends."""
    stored = await services.consult(Actor.anonymous(), CASE)
    await DiagnosisSession.objects.filter(id=stored.session_id).aupdate(status="running")
    await SessionEvent.objects.filter(kind="diagnosis_complete").adelete()
    client = socket(stored.session_id, "?after=1000")
    assert (await client.connect(timeout=10))[0]
    return client


async def test_a_ping_is_answered(running: WebsocketCommunicator) -> None:
    await running.send_to('{"type": "ping"}')
    assert json.loads(await running.receive_from(timeout=10)) == {"type": "pong"}
    await running.disconnect()
    assert not live.feed._listeners


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ({"text_data": "x" * 1025}, 1009),
        ({"bytes_data": b"x" * 2000}, 1009),
        ({"bytes_data": b'{"type":"ping"}'}, 4400),
        ({"text_data": "hello"}, 4400),
        ({"text_data": '{"type":"subscribe"}'}, 4400),
    ],
)
async def test_other_frames_end_the_connection(
    running: WebsocketCommunicator, frame: dict[str, Any], code: int
) -> None:
    await running.send_to(**frame)
    messages, closed = await received(running)
    assert closed == code
    assert messages[-1]["type"] == "problem"


async def test_frames_without_end_are_refused(running: WebsocketCommunicator) -> None:
    for _ in range(61):
        await running.send_to('{"type":"ping"}')
    messages, code = await received(running)
    assert (code, [m["type"] for m in messages].count("pong")) == (4429, 60)


async def test_a_failing_stream_is_closed_as_our_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*args: Any) -> Any:
        raise RuntimeError("rows contain (chest pain)")
        yield

    monkeypatch.setattr(live, "stream", broken)
    stored = await services.consult(Actor.anonymous(), CASE)
    await DiagnosisSession.objects.filter(id=stored.session_id).aupdate(status="running")
    client = socket(stored.session_id)
    assert (await client.connect(timeout=10))[0]
    message = json.loads(await client.receive_from(timeout=10))
    assert "chest" not in json.dumps(message)
    assert (await client.receive_output(timeout=10))["code"] == 1011
    client.stop(exceptions=False)
