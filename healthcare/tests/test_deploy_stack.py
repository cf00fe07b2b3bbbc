"""The whole production topology from processes: through nginx, with parts that die.

It brings its own PostgreSQL and Redis, so it runs once and not on every stack of ``make test``.
"""

import asyncio
import json
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from websockets.asyncio.client import connect

from healthcare.tests.deployment import Told, need, tell
from scripts.stack import Stack
from scripts.stack_parts import Part, StackError, _lives, free_port

CASE = b'{"symptoms":[{"name":"headache","severity":"moderate"}],"patient_info":{"age":30,"gender":"female"}}'
ANALYZE = "/api/symptoms/analyze"


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    need("postgres", "redis-server", "nginx")
    with Stack(backends=2, celery=False, static=False) as stack:
        yield stack


@pytest.fixture(scope="module")
def token(stack: Stack) -> str:
    return stack.token()


def analyze(stack: Stack, token: str, **headers: str) -> Told:
    return tell(
        stack.ports.nginx,
        "POST",
        ANALYZE,
        CASE,
        content_type="application/json",
        authorization=f"Token {token}",
        **headers,
    )


class Load:
    """Clients that ask for as long as they are in ``with``; counts what they were answered."""

    def __init__(self, stack: Stack, token: str, clients: int = 3) -> None:
        self.answers: Counter[int] = Counter()
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, args=(stack, token)) for _ in range(clients)
        ]

    def _ask(self, stack: Stack, token: str) -> None:
        while not self._over.is_set():
            self.answers[analyze(stack, token).status] += 1

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()


def test_it_is_healthy_and_closed(stack: Stack) -> None:
    health = tell(stack.ports.nginx, "GET", "/health")
    assert (health.status, json.loads(health.body)["checks"]["database"]["status"]) == (
        200,
        "healthy",
    )
    assert (
        tell(stack.ports.nginx, "POST", ANALYZE, CASE, content_type="application/json").status
        == 401
    )
    assert tell(stack.ports.nginx, "GET", "/metrics").status == 404
    assert set(stack.pids) == {"postgres", "redis", "web1", "web2", "nginx"}


def test_a_consultation_is_answered_and_stored(stack: Stack, token: str) -> None:
    answer = analyze(stack, token)
    assert answer.status == 200
    at = answer.headers["content-location"]
    stored = tell(stack.ports.nginx, "GET", at, authorization=f"Token {token}")
    assert json.loads(stored.body)["session_id"] == json.loads(answer.body)["session_id"]


async def test_events_come_through_nginx(stack: Stack, token: str) -> None:
    answer = await asyncio.to_thread(analyze, stack, token)
    session = json.loads(answer.body)["session_id"]
    address = f"ws://127.0.0.1:{stack.ports.nginx}/ws/sessions/{session}/"
    async with (
        asyncio.timeout(20),
        connect(address, additional_headers={"Authorization": f"Token {token}"}) as socket,
    ):
        kinds = [json.loads(message)["kind"] async for message in socket]
    assert (kinds[0], kinds[-1]) == ("session_started", "diagnosis_complete")


def test_with_a_backend_killed_the_others_answer(stack: Stack, token: str) -> None:
    backend = stack.part("web1")
    backend.kill()
    assert not backend.is_running
    assert [analyze(stack, token).status for _ in range(6)] == [200] * 6
    backend.start()
    assert analyze(stack, token).status == 200


def test_a_rolling_restart_loses_nothing(stack: Stack, token: str) -> None:
    before = stack.pids
    with Load(stack, token) as load:
        stack.rolling_restart()
    assert set(load.answers) == {200}
    assert load.answers[200] > 10
    after = stack.pids
    assert before["web1"] != after["web1"]
    assert before["nginx"] == after["nginx"]


def test_readiness_says_503_before_the_listener_closes(stack: Stack) -> None:
    backend = stack.part("web2")
    seen: list[Any] = []
    stopping = threading.Thread(target=backend.stop)
    stopping.start()
    while stopping.is_alive():
        try:
            seen.append(tell(backend.port, "GET", "/health/ready", timeout=5).status)
        except OSError:
            seen.append("closed")
        time.sleep(0.03)
    stopping.join()
    backend.start()
    in_order = [each for at, each in enumerate(seen) if not at or seen[at - 1] != each]
    assert in_order[-2:] == [503, "closed"]


def test_redis_may_be_away(stack: Stack, token: str) -> None:
    redis = stack.part("redis")
    redis.pause()
    try:
        assert analyze(stack, token).status == 200
    finally:
        redis.resume()
    redis.restart()
    assert analyze(stack, token).status == 200


def test_postgres_is_killed_and_comes_back(stack: Stack, token: str) -> None:
    postgres = stack.part("postgres")
    postgres.kill()
    answer = analyze(stack, token)
    assert (answer.status, "retry-after" in answer.headers) == (503, True)
    postgres.start()
    until = time.monotonic() + 20
    while analyze(stack, token).status != 200:
        assert time.monotonic() < until
        time.sleep(0.1)


def test_a_part_that_is_none_is_named(stack: Stack) -> None:
    with pytest.raises(StackError, match="no part 'mysql' in this stack; there are postgres"):
        stack.part("mysql")
    with pytest.raises(StackError, match="web1 is running already"):
        stack.part("web1").launch()


def test_prometheus_reads_each_backend(stack: Stack) -> None:
    secret = stack.environment["METRICS_TOKEN"]
    for url in stack.backend_urls:
        request = urllib.request.Request(
            f"{url}/metrics", headers={"Authorization": f"Bearer {secret}"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert b"cds_requests_in_flight" in answer.read()


def test_a_second_stack_on_the_same_port_is_refused(stack: Stack) -> None:
    with pytest.raises(StackError, match=r"in use: does another stack run\?"):
        Stack(ports=stack.ports).__enter__()
    assert tell(stack.ports.nginx, "GET", "/health/live").status == 200


# --- parts, without a stack -----------------------------------------------------------------------


def part(tmp_path: Path, *command: str, ready: bool = True, port: int = 0) -> Part:
    return Part(
        name="it",
        command=command,
        is_ready=lambda: ready,
        log=tmp_path / "it.log",
        port=port,
        environment={"PATH": "/usr/bin:/bin"},
    )


def test_a_part_that_ends_is_told_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"it ended as soon as it was started.*\n.*no such thing"):
        part(tmp_path, "sh", "-c", "echo no such thing", ready=False).start()


def test_a_part_that_is_not_ready_in_time_is_told(tmp_path: Path) -> None:
    waiting = part(tmp_path, "sleep", "60", ready=False)
    waiting.launch()
    with pytest.raises(StackError, match=r"it was not ready in 0\.2 s"):
        waiting.await_ready(0.2)
    waiting.kill()


def test_a_part_that_does_not_stop_is_killed_and_told(tmp_path: Path) -> None:
    stubborn = part(tmp_path, "sh", "-c", "trap '' TERM; sleep 60 & echo up; wait; sleep 60")
    stubborn.start()
    while b"up" not in stubborn.log.read_bytes():
        time.sleep(0.01)
    family = psutil.Process(stubborn.pid).children(recursive=True)
    with pytest.raises(StackError, match=r"it did not stop in 0\.3 s and was killed"):
        stubborn.stop(0.3)
    assert not stubborn.is_running
    assert not any(_lives(child) for child in family)


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", free_port())) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StackError, match=f"it cannot start: port {port} is in use"):
            part(tmp_path, "sleep", "60", port=port).start()
