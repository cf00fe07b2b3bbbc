"""A client that keeps what it was promised.

Every request is a case of its own, found again by the reference in its note. An answer is a
promise: 2xx acknowledged, 4xx refused, anything else (5xx, time-out, lost connection) unknown.
"""

import asyncio
import contextlib
import itertools
import json
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Final, Literal

from msgspec import Struct, field

from faults.wire import Answer, Lost, Pool, request

ANALYZE: Final = "/api/symptoms/analyze"
PATIENCE_S: Final = 40.0
"""Longer than nginx waits for a backend."""
REPLAY_S: Final = 40.0
Promise = Literal["acknowledged", "refused", "unknown"]


class Entry(Struct):
    """One request, by its reference: how it was answered first, and what is promised by now."""

    reference: str
    key: str
    body: bytes
    began: float
    promise: Promise = "unknown"
    session: str = ""
    status: int = 0
    """0 where no answer came."""
    seconds: float = 0.0
    retry_after: bool = False
    ended: float = 0.0


class Ledger(Struct):
    """Every request of a run."""

    entries: list[Entry] = field(default_factory=list)

    def of(self, promise: Promise) -> list[Entry]:
        return [entry for entry in self.entries if entry.promise == promise]

    def statuses(self) -> Counter[int]:
        return Counter(entry.status for entry in self.entries)

    def lacking_retry_after(self) -> int:
        return sum(e.status in (502, 503) and not e.retry_after for e in self.entries)

    def first_success_after(self, moment: float) -> float:
        """Seconds until a request that was sent after ``moment`` was acknowledged."""
        ended = [e.ended for e in self.of("acknowledged") if e.began >= moment]
        return min(ended) - moment if ended else float("inf")

    def between(self, start: float, end: float) -> list[Entry]:
        return [e for e in self.entries if start <= e.began < end]


def quantile(entries: list[Entry], share: float) -> float:
    """Seconds; 0 where nothing was asked."""
    ordered = sorted(entry.seconds for entry in entries)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def case(reference: str, age: int = 30) -> bytes:
    return json.dumps(
        {
            "symptoms": [{"name": "headache", "severity": "moderate"}, {"name": "fever"}],
            "patient_info": {"age": age, "gender": "female"},
            "note": f"Reference {reference}.",
        }
    ).encode()


class Client:
    """Asks one address and writes down what became of it."""

    def __init__(self, port: int, token: str, **headers: str) -> None:
        self._pool = Pool(port)
        self._host = f"127.0.0.1:{port}"
        self._headers = {
            "Authorization": f"Token {token}",
            "Content-Type": "application/json",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        self.ledger = Ledger()

    def close(self) -> None:
        self._pool.close()

    async def analyze(self, *, keyed: bool = True, age: int = 30) -> Entry:
        """One new case; an impossible age has it refused."""
        reference = secrets.token_hex(8)
        body = case(reference, age)
        entry = Entry(reference, reference if keyed else "", body, time.monotonic())
        self.ledger.entries.append(entry)
        await self._told(entry)
        return entry

    async def ask(
        self, method: str, path: str = ANALYZE, body: bytes = b"", **headers: str
    ) -> Answer:
        """A request that no ledger knows of. Raises Lost, OSError or TimeoutError."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        asked = request(method, path, self._host, self._headers | named, body)
        return await self._pool.ask(asked, PATIENCE_S)

    async def replay_unknown(self) -> int:
        """Repeats what is unknown, each with its key, until it is not; how many were repeated."""
        unknown = [entry for entry in self.ledger.of("unknown") if entry.key]
        gate = asyncio.Semaphore(8)
        await asyncio.gather(*(self._replayed(entry, gate) for entry in unknown))
        return len(unknown)

    async def _replayed(self, entry: Entry, gate: asyncio.Semaphore) -> None:
        until = time.monotonic() + REPLAY_S
        while entry.promise != "acknowledged" and time.monotonic() < until:
            async with gate:
                await self._asked_for(entry)
            if entry.promise == "refused":
                return
            if entry.promise != "acknowledged":
                await asyncio.sleep(0.3)

    async def _told(self, entry: Entry) -> None:
        began = time.monotonic()
        answer = await self._asked_for(entry)
        if answer is not None:
            entry.status = answer.status
            entry.retry_after = "retry-after" in answer.headers
        entry.ended = time.monotonic()
        entry.seconds = entry.ended - began

    async def _asked_for(self, entry: Entry) -> Answer | None:
        key = {"Idempotency-Key": entry.key} if entry.key else {}
        try:
            answer = await self.ask("POST", ANALYZE, entry.body, **key)
        except (Lost, OSError, TimeoutError):
            entry.promise = "unknown"
            return None
        entry.promise = promise_of(answer)
        if entry.promise == "acknowledged":
            entry.session = json.loads(answer.body)["session_id"]
        return answer


def promise_of(answer: Answer) -> Promise:
    """409 says that the first request may still be stored, so that it promises nothing."""
    if answer.status < 300:
        return "acknowledged"
    return "refused" if answer.status < 500 and answer.status != 409 else "unknown"


@contextlib.asynccontextmanager
async def load(client: Client, clients: int = 4, *, keyed: bool = True) -> AsyncIterator[Ledger]:
    """So many clients ask, one case after another, for as long as the block lasts."""
    over = asyncio.Event()

    async def ask() -> None:
        for number in itertools.count():
            if over.is_set():
                return
            # now and then a case that has to be refused
            entry = await client.analyze(keyed=keyed, age=-1 if number % 20 == 19 else 30)
            # as a client does that was told to wait
            await asyncio.sleep(0.1 if entry.promise == "unknown" else 0.02)

    asking = [asyncio.create_task(ask()) for _ in range(clients)]
    try:
        yield client.ledger
    finally:
        over.set()
        await asyncio.gather(*asking)
