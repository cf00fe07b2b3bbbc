"""Stopping without losing a request: readiness first, then the listener, then connections."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
import uvicorn
from prometheus_client.parser import text_string_to_metric_families

from healthcare import serve
from healthcare.serve import DrainingServer, Workers, configured
from monitoring import health, metrics

LENGTH = [(b"content-length", b"2")]
ASK = b"POST /held HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"


class App:
    """Answers at once, ``/held`` when it is let go."""

    def __init__(self) -> None:
        self.let_go = asyncio.Event()
        self.answered = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/held":
            await self.let_go.wait()
        await send({"type": "http.response.start", "status": 200, "headers": LENGTH})
        await send({"type": "http.response.body", "body": b"ok"})
        self.answered += 1


class Running:
    """A server on this loop, as far as signals go in the main thread of a process of its own."""

    def __init__(self, server: DrainingServer, app: App, task: "asyncio.Task[None]") -> None:
        self.server, self.app, self.task = server, app, task

    @property
    def port(self) -> int:
        port: int = self.server.servers[0].sockets[0].getsockname()[1]
        return port

    async def connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)


@pytest.fixture
async def running(settings: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    settings.DRAIN_S = 0.4
    monkeypatch.setattr(serve, "IDLE_S", 1.0)
    app = App()
    config = uvicorn.Config(
        app, port=0, lifespan="off", log_config=None, timeout_keep_alive=75, access_log=False
    )
    server = DrainingServer(config)
    task = asyncio.get_running_loop().create_task(server._serve())
    async with asyncio.timeout(10):
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
    yield Running(server, app, task)
    health._draining.clear()
    server.should_exit = server.force_exit = True
    with suppress(asyncio.CancelledError):
        await asyncio.wait_for(task, 10)


async def answer_of(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(10):
        head = await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(2) == b"ok"
    return head.lower()


async def refused(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return True
    writer.close()
    return False


async def closed(port: int) -> None:
    """Waits until nobody listens there any more."""
    async with asyncio.timeout(10):
        while not await refused(port):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_readiness_says_no_while_requests_are_still_taken(running: Running) -> None:
    running.server.handle_exit(signal.SIGTERM, None)

    report = await health.readiness()
    assert (report.status, list(report.checks)) == ("unhealthy", ["draining"])
    reader, writer = await running.connected()
    writer.write(ASK.replace(b"/held", b"/else"))
    # a connection that goes on being used: a balancer that asks has not been told yet
    assert b"connection: close" not in await answer_of(reader)
    writer.close()


async def test_what_is_in_flight_is_answered_after_the_listener_has_closed(
    running: Running,
) -> None:
    reader, writer = await running.connected()
    writer.write(ASK)
    port = running.port
    running.server.handle_exit(signal.SIGTERM, None)
    await closed(port)

    assert running.app.answered == 0
    running.app.let_go.set()
    await answer_of(reader)
    await asyncio.wait_for(running.task, 10)
    writer.close()


async def test_an_idle_connection_is_not_closed_under_a_request(running: Running) -> None:
    """A proxy that keeps it may be sending just now; what it sends is answered, and is the last."""
    reader, writer = await running.connected()
    writer.write(ASK.replace(b"/held", b"/else"))
    await answer_of(reader)
    port = running.port
    running.server.handle_exit(signal.SIGTERM, None)
    await closed(port)

    writer.write(ASK.replace(b"/held", b"/else"))
    assert b"connection: close" in await answer_of(reader)
    assert await reader.read() == b""
    writer.close()
    # nobody is left, so nobody is waited for
    await asyncio.wait_for(running.task, 0.9)


async def test_those_who_have_connected_are_not_turned_away(running: Running) -> None:
    """Ten connect and are not accepted yet when the listener closes."""
    server = running.server
    port = running.port
    server._leave_at = 0.0
    clients = [await running.connected() for _ in range(10)]
    await server._close_listeners([])
    assert await refused(port)
    for reader, writer in clients:
        writer.write(ASK.replace(b"/held", b"/else"))
        assert b"connection: close" in await answer_of(reader)
        writer.close()
    server.servers.clear()
    server.should_exit = True


@pytest.mark.parametrize("hurry", [signal.SIGINT, signal.SIGTERM])
async def test_a_second_signal_does_not_wait(
    running: Running, settings: Any, hurry: signal.Signals
) -> None:
    settings.DRAIN_S = 300
    running.server.handle_exit(signal.SIGTERM, None)
    assert not running.server.should_exit
    running.server.handle_exit(hurry, None)
    assert running.server.should_exit


async def test_without_a_time_to_drain_it_stops_at_once(running: Running, settings: Any) -> None:
    settings.DRAIN_S = 0
    running.server.handle_exit(signal.SIGTERM, None)
    assert running.server.should_exit
    assert not health._draining.is_set()


def test_options_of_the_server(settings: Any) -> None:
    settings.WORKERS, settings.GRACE_S = 3, 12.0
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    config = configured("127.0.0.1", 1)
    assert (config.workers, config.timeout_graceful_shutdown) == (3, 12)
    assert config.forwarded_allow_ips == ["10.0.0.0/8"]
    assert config.timeout_keep_alive > serve.IDLE_S
    assert serve.Worker(config, []).server.__class__ is DrainingServer


def test_the_parent_lets_go_of_the_listener(monkeypatch: pytest.MonkeyPatch) -> None:
    """While it holds a copy clients connect, and nobody answers."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    config = configured("127.0.0.1", 0)
    listener = config.bind_socket()
    workers = Workers(config, [listener])
    workers.handle_term()
    assert listener.fileno() == -1
    assert workers.should_exit.is_set()


def test_the_figures_of_all_workers_are_told(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    body, _ = metrics.exposition()
    # no worker has written a figure there
    assert list(text_string_to_metric_families(body.decode())) == []
