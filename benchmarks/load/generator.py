"""A steady offered rate, or users who think between cases; in a process of its own.

At a steady rate latency counts from the moment a request was due, not from when a connection was
free for it: a server that stalls is seen to stall.
"""

import argparse
import asyncio
import contextlib
import itertools
import random
import sys
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import msgspec
import uvloop

from benchmarks.load.bodies import requests
from benchmarks.load.figures import Figures, summed_up
from benchmarks.load.http import Broken, Connection, connected

MOST_CONNECTIONS = 2000
PATIENCE_S = 30.0
THINKING_S = (1.0, 3.0)


class Load:
    """One run: where to, what to ask, and what came of it."""

    def __init__(self, url: str, cases: list[bytes]) -> None:
        address = urlsplit(url)
        self._host, self._port = address.hostname or "", address.port or 80
        self._cases: Iterator[bytes] = itertools.cycle(cases)
        self._idle: list[Connection] = []
        self._connections: list[Connection] = []
        self._latencies: list[float] = []
        self._errors = 0
        self._asking: set[asyncio.Task[None]] = set()

    async def steady(self, rate: float, seconds: float) -> Figures:
        """``rate`` requests a second, sent when they are due whatever the server does."""
        began = time.perf_counter()
        for number in range(round(rate * seconds)):
            due = began + number / rate
            wait = due - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            task = asyncio.create_task(self._once(due))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)
        if self._asking:
            await asyncio.wait(self._asking, timeout=PATIENCE_S)
        self._errors += len(self._asking)
        # until the last answer: one that comes late was not answered at the offered rate
        return summed_up(self._latencies, self._errors, time.perf_counter() - began)

    async def users(self, count: int, seconds: float) -> Figures:
        """Each asks, thinks for one to three seconds, and asks again."""
        began = time.perf_counter()
        thinking = random.Random(2)
        await asyncio.gather(
            *(self._user(thinking, began + seconds) for _ in range(count)), return_exceptions=True
        )
        return summed_up(self._latencies, self._errors, time.perf_counter() - began)

    async def _user(self, thinking: random.Random, until: float) -> None:
        await asyncio.sleep(thinking.uniform(0, THINKING_S[1]))
        while time.perf_counter() < until:
            await self._once(time.perf_counter())
            await asyncio.sleep(thinking.uniform(*THINKING_S))

    async def _once(self, due: float) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                connection = await self._free()
                status = await connection.ask(next(self._cases))
        except (Broken, OSError, TimeoutError):
            self._errors += 1
            return
        self._idle.append(connection)
        if status == 200:
            self._latencies.append(time.perf_counter() - due)
        else:
            self._errors += 1

    async def _free(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.open:
                return connection
        if len(self._connections) >= MOST_CONNECTIONS:
            raise Broken
        connection = await connected(self._host, self._port)
        self._connections.append(connection)
        return connection

    async def close(self) -> None:
        for connection in self._connections:
            connection.close()
        # a transport closes in a later turn of the loop
        await asyncio.sleep(0.05)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.load.generator")
    parser.add_argument("url")
    parser.add_argument("--kind", choices=["coded", "note"], default="coded")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rate", type=float, help="requests a second")
    parser.add_argument("--users", type=int, help="users who think between cases")
    parser.add_argument("--header", action="append", default=[])
    given = parser.parse_args(arguments)
    host = urlsplit(given.url).netloc
    load = Load(given.url, requests(given.kind, host, given.header))
    work = (
        load.users(given.users, given.seconds)
        if given.users
        else load.steady(given.rate or 100, given.seconds)
    )
    with contextlib.suppress(KeyboardInterrupt):
        sys.stdout.write(msgspec.json.encode(uvloop.run(work)).decode())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
