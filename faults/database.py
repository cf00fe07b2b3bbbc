"""PostgreSQL is killed under load, or has no connection left; and the control that must fail."""

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator

import psutil
import psycopg

from faults.client import Client, Ledger, load
from faults.findings import Finding, judged
from faults.rows import lost
from faults.site import Site, eventually, told
from faults.wire import Answer

RECOVERED_S = 5.0
REFUSED_S = 2.0
PATIENCE_S = 40.0
LOADED = "diagnosis_batch"
"""A table that pages read and consultations do not."""
READERS = 60
"""More than all pools of the installation have connections (50)."""


async def postgres_killed(site: Site) -> Finding:
    """SIGKILL to every process of PostgreSQL while cases come in, then a start as after a crash."""
    client, recoveries = site.client(), []
    async with load(client, 6) as ledger:
        for _ in range(site.times(2, 15)):
            await asyncio.sleep(random.uniform(0.5, 1.5))
            recoveries.append(await _killed_once(site, ledger))
    statuses = ledger.statuses()
    slowest = max((e.seconds for e in ledger.entries if e.status == 503), default=0.0)
    repeated, broken = await site.kept(client)
    return judged(
        f"PostgreSQL killed (SIGKILL) under load, {len(recoveries)} times",
        "0 acknowledged lost; 503 with Retry-After; writing again within 5 s",
        f"{lost(broken)} lost of {len(ledger.of('acknowledged'))}; answers {told(statuses)}; "
        f"slowest 503 {slowest:.1f} s; {ledger.lacking_retry_after()} without Retry-After; "
        f"{repeated} unknown repeated; writing again after at most {max(recoveries):.1f} s",
        broken,
        set(statuses) <= {200, 400, 409, 503},
        ledger.lacking_retry_after() == 0,
        max(recoveries) < float("inf"),
        site.within(max(recoveries), RECOVERED_S),
    )


async def _killed_once(site: Site, ledger: Ledger) -> float:
    postgres = site.part("postgres")
    await asyncio.to_thread(postgres.kill)
    await asyncio.sleep(random.uniform(0.5, 3.0))
    await asyncio.to_thread(postgres.start)
    up = time.monotonic()
    await eventually(lambda: ledger.first_success_after(up) < float("inf"), PATIENCE_S)
    return ledger.first_success_after(up)


async def pool_exhausted(site: Site) -> Finding:
    """Slow reads hold every connection of every backend while keyed cases come in."""
    client = site.client()
    await client.analyze()
    async with _held_connections(site) as waiting:
        during = [await client.analyze() for _ in range(site.times(3, 10))]
        fast = await client.analyze(keyed=False)
        extra = [await client.ask("GET", "/api/v1/batches/") for _ in range(3)]
    recovered = await eventually(lambda: _acknowledged(client), PATIENCE_S)
    await asyncio.gather(*waiting, return_exceptions=True)
    keyed = Counter(entry.status for entry in during)
    slowest = max([*(e.seconds for e in [*during, fast]), *(a.seconds for a in extra)])
    repeated, broken = await site.kept(client)
    return judged(
        "Pool exhausted by slow reads",
        "503 with Retry-After within 2 s; recovers within 5 s",
        f"with a key {told(keyed)}; without {fast.status}; "
        f"pages {told(Counter(a.status for a in extra))}; slowest {slowest:.1f} s; "
        f"recovered after {recovered:.1f} s; {repeated} repeated",
        broken,
        {*keyed, fast.status, *(a.status for a in extra)} <= {200, 503},
        503 in {*keyed, *(a.status for a in extra)},
        all("retry-after" in a.headers for a in extra if a.status == 503),
        client.ledger.lacking_retry_after() == 0,
        site.within(slowest, REFUSED_S),
        site.within(recovered, RECOVERED_S),
        recovered < float("inf"),
    )


async def _acknowledged(client: Client) -> bool:
    return (await client.analyze()).promise == "acknowledged"


@contextlib.asynccontextmanager
async def _held_connections(site: Site) -> AsyncIterator[list["asyncio.Task[Answer]"]]:
    """A lock on a table that pages read, and enough pages that wait for it."""
    readers = Client(site.stack.ports.nginx, site.token)
    tasks: list[asyncio.Task[Answer]] = []
    async with await psycopg.AsyncConnection.connect(site.stack.database_url) as connection:
        await connection.execute(f"LOCK TABLE {LOADED} IN ACCESS EXCLUSIVE MODE".encode())
        tasks += [
            asyncio.create_task(readers.ask("GET", "/api/v1/batches/")) for _ in range(READERS)
        ]
        await asyncio.sleep(2.5)
        yield tasks
        await connection.rollback()


async def control(site: Site) -> Finding:
    """The same kill with synchronous_commit=off: the check has to see what was lost.

    PostgreSQL then answers before its log leaves its own memory, which a SIGKILL takes away. Its
    log writer is held up, for it would hand over every full page within moments.
    """
    postgres, client = site.part("postgres"), site.client()
    kept = postgres.command
    careless = {"synchronous_commit": "off", "wal_buffers": "64MB"}
    words = [word for name, value in careless.items() for word in ("-c", f"{name}={value}")]
    try:
        await asyncio.to_thread(postgres.stop)
        postgres.command = [*kept, *words]
        await asyncio.to_thread(postgres.start)
        await eventually(lambda: _acknowledged(client), PATIENCE_S)
        async with load(client, 6, keyed=False):
            _log_writer(postgres.pid).suspend()
            await asyncio.sleep(2)
            await asyncio.to_thread(postgres.kill)
    finally:
        await asyncio.to_thread(postgres.stop)
        postgres.command = kept
        await asyncio.to_thread(postgres.start)
    await eventually(lambda: _acknowledged(site.client()), PATIENCE_S)
    missing = lost(await site.broken(client.ledger))
    return judged(
        "Negative control: the same kill with synchronous_commit=off",
        "the check fails",
        f"{missing} acknowledged of {len(client.ledger.of('acknowledged'))} were found missing",
        [],
        missing > 0,
    )


def _log_writer(postgres: int) -> psutil.Process:
    children = psutil.Process(postgres).children()
    return next(child for child in children if "walwriter" in " ".join(child.cmdline()))
