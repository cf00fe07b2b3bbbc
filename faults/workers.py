"""A backend is killed, or all are replaced one after another, while cases come in."""

import asyncio
import time

from faults.client import load
from faults.findings import Finding, judged
from faults.rows import doubled, lost
from faults.site import Site, told

ENOUGH = 10_000
MOST_S = 900.0


async def worker_killed(site: Site) -> Finding:
    """SIGKILL: what it had in hand is unknown, and repeated with its key ends as one row."""
    client = site.client()
    times = site.times(1, 6)
    async with load(client, 8) as ledger:
        for number in range(times):
            await asyncio.sleep(0.7)
            backend = site.stack.backends[number % len(site.stack.backends)]
            await asyncio.to_thread(backend.kill)
            await asyncio.sleep(0.5)
            await asyncio.to_thread(backend.start)
    statuses = ledger.statuses()
    repeated, broken = await site.kept(client)
    return judged(
        f"Worker killed (SIGKILL), {times} times",
        "0 lost, 0 stored twice",
        f"{lost(broken)} lost and {doubled(broken)} twice of {len(ledger.entries)}; "
        f"answers {told(statuses)}; {repeated} unknown repeated",
        broken,
        ledger.lacking_retry_after() == 0,
        500 not in statuses,
    )


async def rolling_restarts(site: Site) -> Finding:
    """SIGTERM to one backend after another."""
    client = site.client()
    began, restarts = time.monotonic(), 0
    wanted = 0 if site.short else ENOUGH
    async with load(client, site.times(4, 12)) as ledger:
        while restarts < site.times(2, 30) or len(ledger.entries) < wanted:
            await asyncio.to_thread(
                site.stack.backends[restarts % len(site.stack.backends)].restart
            )
            restarts += 1
            if time.monotonic() - began > MOST_S:
                break
    failed = sum(entry.promise == "unknown" for entry in ledger.entries)
    statuses = ledger.statuses()
    _, broken = await site.kept(client)
    return judged(
        f"Rolling SIGTERM of {len(site.stack.backends)} replicas, {restarts} restarts under load",
        "0 failed requests" + ("" if site.short else f" of {ENOUGH:,}"),
        f"{failed} failed of {len(ledger.entries):,}; answers {told(statuses)}",
        broken,
        failed == 0,
        len(ledger.entries) >= wanted,
        restarts >= site.times(2, 30),
    )
