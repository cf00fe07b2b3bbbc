"""WebSocket clients that watch a session each, in a process of their own.

Raw sockets: a client library would need more CPU for 4,000 connections than the server. Frames
from a server are not masked, so that reading one is a few lines.
"""

import argparse
import asyncio
import base64
import contextlib
import os
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import msgspec
import uvloop

from benchmarks.load.figures import summed_up

AT_ONCE = 64
"""Handshakes under way: each asks the database who it is."""
HANDSHAKE_S = 15.0
SETTLING_S = 6.0
"""From the first message until they are counted."""
TEXT, CLOSE, PING = 0x1, 0x8, 0x9


class Told(msgspec.Struct):
    at: datetime
    seq: int


class Watcher(asyncio.Protocol):
    """One client; ``latencies`` is shared by all and None until they are counted."""

    latencies: list[float] | None = None
    gaps = 0

    def __init__(self, handshake: bytes) -> None:
        self._handshake = handshake
        self._buffer = bytearray()
        self._seq = 0
        self.accepted: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.open = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's is none by its class
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._handshake)

    def connection_lost(self, error: Exception | None) -> None:
        self.open = False
        if not self.accepted.done():
            self.accepted.set_result(False)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self.accepted.done():
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            self.accepted.set_result(self._buffer.startswith(b"HTTP/1.1 101"))
            del self._buffer[: end + 4]
        while (frame := self._frame()) is not None:
            self._take(*frame)

    @property
    def is_accepted(self) -> bool:
        done = self.accepted
        return done.done() and not done.cancelled() and done.result()

    def _frame(self) -> tuple[int, bytes] | None:
        if len(self._buffer) < 4:
            return None
        length, start = self._buffer[1], 2
        if length == 126:
            length, start = int.from_bytes(self._buffer[2:4], "big"), 4
        if len(self._buffer) < start + length:
            return None
        frame = self._buffer[0] & 0x0F, bytes(self._buffer[start : start + length])
        del self._buffer[: start + length]
        return frame

    def _take(self, kind: int, payload: bytes) -> None:
        if kind == PING:
            self._transport.write(bytes([0x8A, 0x80 | len(payload), 0, 0, 0, 0]) + payload)
        elif kind == CLOSE:
            self._transport.close()
        elif kind == TEXT:
            self._hear(msgspec.json.decode(payload, type=Told))

    def _hear(self, told: Told) -> None:
        if told.seq != self._seq + 1:
            Watcher.gaps += 1
        self._seq = told.seq
        if Watcher.latencies is not None:
            Watcher.latencies.append(time.time() - told.at.timestamp())


def handshake(host: str, session_id: str, token: str) -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    return (
        f"GET /ws/sessions/{session_id}/?after=0 HTTP/1.1\r\nHost: {host}\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: {key}\r\nAuthorization: Token {token}\r\n\r\n"
    ).encode()


async def watched(
    url: str, sessions: list[str], token: str, seconds: float, connecting_s: float
) -> bytes:
    """Connects all, says so on standard output, listens for ``seconds`` and sums up."""
    address = urlsplit(url)
    gate = asyncio.Semaphore(AT_ONCE)
    loop = asyncio.get_running_loop()

    async def opened(session_id: str) -> Watcher:
        greeting = handshake(address.netloc, session_id, token)
        async with gate:
            _, watcher = await loop.create_connection(
                lambda: Watcher(greeting), address.hostname, address.port
            )
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HANDSHAKE_S):
                    await watcher.accepted
        return watcher

    async with asyncio.timeout(connecting_s):
        watchers = await asyncio.gather(*(opened(session_id) for session_id in sessions))
    refused = sum(not watcher.is_accepted for watcher in watchers)
    print("connected", flush=True)  # noqa: T201 - the feeder begins
    await asyncio.sleep(SETTLING_S)
    Watcher.latencies = []
    await asyncio.sleep(seconds)
    heard, Watcher.latencies = Watcher.latencies, None
    lost = sum(not watcher.open for watcher in watchers) - refused
    return msgspec.json.encode(summed_up(heard, refused + lost + Watcher.gaps, seconds))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.load.sockets")
    parser.add_argument("url")
    parser.add_argument("sessions", type=Path, help="a file with one id a line")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--connecting", type=float, default=60)
    given = parser.parse_args(arguments)
    sessions = given.sessions.read_text(encoding="ascii").split()
    token = os.environ["BENCH_TOKEN"]
    work = watched(given.url, sessions, token, given.seconds, given.connecting)
    sys.stdout.write(uvloop.run(work).decode())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
