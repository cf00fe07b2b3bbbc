"""``python -m healthcare.serve``: uvicorn that leaves without failing a request.

On SIGTERM readiness answers 503 while requests are still taken (``DRAIN_S``), so that a balancer
that asks sends nothing more. Then the listener closes, connections that a proxy keeps are ended
by the answer they carry or by the proxy, and at last what is in flight is waited for (``GRACE_S``).
A connection closed while idle would meet the next request halfway: a lost POST.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from types import FrameType
from typing import Any, Final

from django.conf import settings
from uvicorn import Config, Server
from uvicorn.supervisors import multiprocess

from monitoring import health

IDLE_S: Final = 4.0
"""How long a proxy may keep an idle connection: longer than ``keepalive_timeout`` of nginx.conf."""


class DrainingServer(Server):
    """One worker."""

    _leave_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first SIGTERM starts to drain; a second one, or SIGINT, does not wait."""
        if sig != signal.SIGTERM or not settings.DRAIN_S or self._leave_at is not None:
            super().handle_exit(sig, frame)
            return
        self._captured_signals.append(sig)
        self._leave_at = time.monotonic() + settings.DRAIN_S
        health.start_draining()

    async def on_tick(self, counter: int) -> bool:
        if self._leave_at is not None and time.monotonic() >= self._leave_at:
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._leave_at is not None and not self.force_exit:
            await self._close_listeners(sockets or [])
            await self._connections_ended()
        await super().shutdown(sockets)

    async def _close_listeners(self, sockets: Sequence[socket.socket]) -> None:
        """Nobody who has connected is turned away: a reset would be a request lost."""
        self.server_state.default_headers = [
            *self.server_state.default_headers,
            (b"connection", b"close"),
        ]
        listening = [
            socket.socket(fileno=os.dup(each.fileno()))
            for server in self.servers
            for each in server.sockets
        ]
        for server in self.servers:
            server.close()
        for original in sockets:
            original.close()
        # a server that closes takes a turn of the loop to let go of its socket
        await asyncio.sleep(0)
        for each in listening:
            await self._take_those_waiting(each)

    async def _take_those_waiting(self, listener: socket.socket) -> None:
        taken = []
        listener.setblocking(False)
        with listener, contextlib.suppress(BlockingIOError):
            while True:
                taken.append(listener.accept()[0])
        loop = asyncio.get_running_loop()
        for connection in taken:
            await loop.connect_accepted_socket(self._protocol, connection)

    def _protocol(self) -> asyncio.Protocol:
        protocol: Any = self.config.http_protocol_class
        made: asyncio.Protocol = protocol(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made

    async def _connections_ended(self) -> None:
        """Until the last HTTP connection has gone, or only idle ones can be left."""
        protocol: Any = self.config.http_protocol_class
        until = time.monotonic() + IDLE_S
        for connection in list(self.server_state.connections):
            if not isinstance(connection, protocol):
                # a WebSocket; its client reconnects elsewhere and misses nothing
                connection.shutdown()
        # uvicorn has no event for it
        while time.monotonic() < until and self._has_reason_to_wait(protocol):  # noqa: ASYNC110
            await asyncio.sleep(0.05)

    def _has_reason_to_wait(self, protocol: Any) -> bool:
        connections = list(self.server_state.connections)
        return not self.force_exit and any(isinstance(each, protocol) for each in connections)


class Worker(multiprocess.Process):
    """A worker process whose server drains."""

    @property
    def server(self) -> Server:
        if self._server is None:
            self._server = DrainingServer(self.config)
        return self._server


class Workers(multiprocess.Multiprocess):
    """The parent of several workers."""

    def handle_term(self) -> None:
        """Lets go of the listener: while a copy is open, clients connect and nobody answers."""
        super().handle_term()
        for listener in self.sockets:
            listener.close()


# uvicorn has no other place to say which kind of worker its supervisor starts
multiprocess.Process = Worker  # type: ignore[misc]


def configured(host: str, port: int) -> Config:
    """uvicorn's options; whatever a site may choose is in the settings."""
    return Config(
        "healthcare.asgi:application",
        host=host,
        port=port,
        workers=settings.WORKERS,
        lifespan="on",
        access_log=False,
        # Django's settings say how to log
        log_config=None,
        server_header=False,
        ws_max_size=16_384,
        forwarded_allow_ips=settings.TRUSTED_PROXIES,
        # the proxy ends idle connections, never we
        timeout_keep_alive=75,
        timeout_graceful_shutdown=int(settings.GRACE_S),
    )


def serve(host: str, port: int) -> int:
    config = configured(host, port)
    if settings.WORKERS == 1:
        server = DrainingServer(config)
        # Ctrl+C is told again once everything has been tidied
        with contextlib.suppress(KeyboardInterrupt):
            server.run()
        return 0 if server.started else 1
    with tempfile.TemporaryDirectory(prefix="cds-metrics-") as folder:
        # the figures of all workers, whichever of them is asked
        os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", folder)
        Workers(config, [config.bind_socket()]).run()
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="healthcare.serve", description="Serve the product.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    given = parser.parse_args(arguments)
    return serve(given.host, given.port)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "healthcare.settings")
    sys.exit(main())
