"""The stack that the faults happen to, and how strictly it is judged."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from faults.client import Client, Ledger
from faults.rows import broken_promises
from scripts.stack import Stack
from scripts.stack_parts import Part

SETTINGS = {
    # a key whose worker died is free again after this
    "SESSION_LIMIT_S": "5",
}
MAX_CONNECTIONS = 64
"""Low, so that too much is offered before the generator needs the processors for itself."""


class Site:
    """``short`` is the form for CI: fewer times, and no judgement of times."""

    def __init__(self, stack: Stack, *, short: bool) -> None:
        self.stack = stack
        self.short = short
        self.token = stack.token()

    def times(self, short: int, long: int) -> int:
        return short if self.short else long

    def within(self, seconds: float, limit_s: float) -> bool:
        """Shared machines stall, so that the short form judges no time."""
        return self.short or seconds <= limit_s

    def client(self) -> Client:
        return Client(self.stack.ports.nginx, self.token)

    def part(self, name: str) -> Part:
        return self.stack.part(name)

    async def kept(self, client: Client) -> tuple[int, list[str]]:
        """Repeats what is unknown; how much that was, and what was not kept."""
        repeated = await client.replay_unknown()
        return repeated, await self.broken(client.ledger)

    async def broken(self, ledger: Ledger) -> list[str]:
        return await asyncio.to_thread(broken_promises, ledger, self.stack.database_url)


def stack_of(*, short: bool) -> Stack:
    return Stack(
        backends=2 if short else 3,
        max_connections=MAX_CONNECTIONS,
        celery=False,
        static=False,
        environment=SETTINGS,
    )


async def eventually(condition: Callable[[], Awaitable[bool] | bool], patience_s: float) -> float:
    """Seconds until the condition held; infinite where it did not in time."""
    began = time.monotonic()
    while time.monotonic() - began < patience_s:
        answer = condition()
        if answer if isinstance(answer, bool) else await answer:
            return time.monotonic() - began
        await asyncio.sleep(0.02)
    return float("inf")


def told(statuses: dict[int, int]) -> str:
    """``200: 12, 503: 3``; lost connections and time-outs by their name."""
    return ", ".join(
        f"{status or 'no answer'}: {count}" for status, count in sorted(statuses.items())
    )
