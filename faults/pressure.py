"""More than can be done is asked for, and clients that take their time."""

import asyncio
import time

from msgspec import Struct

from faults.client import ANALYZE, Client, Entry, load, quantile
from faults.findings import Finding, judged
from faults.site import MAX_CONNECTIONS, Site, eventually, told

TIMES = 3
GOODPUT = 0.8
RECOVERED_S = 10.0
REFUSED_S = 0.1
MOST_WAITING = 1500
"""Requests that the generator keeps open at most."""


async def overload(site: Site) -> Finding:
    """Three times a second what as many clients as one backend takes have reached before."""
    seconds = site.times(2, 12)
    peak = await _peak(site, seconds)
    client = site.client()
    flood = await _offered(client, peak * TIMES, seconds)
    recovered = await eventually(lambda: _all_well(client), 30.0)
    statuses = flood.statuses
    # the neighbours of a shared machine come and go, so that the higher of two counts
    peak = max(peak, await _peak(site, seconds))
    refused = [e for e in flood.entries if e.status == 503]
    share = flood.goodput / peak if peak else 0.0
    slow = quantile(refused, 0.95)
    _, broken = await site.kept(client)
    return judged(
        f"Offered load {TIMES} times capacity",
        "goodput at least 80 % of peak; 503 with Retry-After within 100 ms; recovers within 10 s",
        f"peak {peak:.0f}/s, offered {flood.offered:.0f}/s, goodput {flood.goodput:.0f}/s "
        f"({share:.0%}); answers {told(statuses)}; 503: median {quantile(refused, 0.5) * 1000:.0f} "
        f"ms, p95 {slow * 1000:.0f} ms; well again after {recovered:.1f} s",
        broken,
        bool(refused),
        client.ledger.lacking_retry_after() == 0,
        set(statuses) <= {200, 503},
        recovered < float("inf"),
        site.within(recovered, RECOVERED_S),
        site.within(slow, REFUSED_S),
        site.short or share >= GOODPUT,
    )


class _Flood(Struct):
    entries: list[Entry]
    offered: float
    goodput: float

    @property
    def statuses(self) -> dict[int, int]:
        counts: dict[int, int] = {}
        for entry in self.entries:
            counts[entry.status] = counts.get(entry.status, 0) + 1
        return counts


async def _peak(site: Site, seconds: float) -> float:
    """Acknowledged a second, with one client a free place of one backend."""
    client = site.client()
    began = time.monotonic()

    async def ask() -> None:
        while time.monotonic() - began < seconds:
            await client.analyze(keyed=False)

    await asyncio.gather(*(ask() for _ in range(MAX_CONNECTIONS)))
    spent = time.monotonic() - began
    client.close()
    return len(client.ledger.of("acknowledged")) / spent


async def _offered(client: Client, rate: float, seconds: float) -> _Flood:
    """Requests are sent when they are due, whatever became of the earlier ones."""
    waiting: set[asyncio.Task[Entry]] = set()
    began = time.monotonic()
    sent = 0
    while (now := time.monotonic() - began) < seconds:
        while sent < now * rate and len(waiting) < MOST_WAITING:
            task = asyncio.create_task(client.analyze(keyed=False))
            waiting.add(task)
            task.add_done_callback(waiting.discard)
            sent += 1
        await asyncio.sleep(0.005)
    good = len(client.ledger.of("acknowledged"))
    if waiting:
        await asyncio.wait(waiting)
    return _Flood(list(client.ledger.entries), sent / seconds, good / seconds)


async def _all_well(client: Client) -> bool:
    """Ten in a row are acknowledged."""
    for _ in range(10):
        if (await client.analyze(keyed=False)).promise != "acknowledged":
            return False
    return True


async def slow_clients(site: Site) -> Finding:
    """Connections that send a byte now and then hold places of nginx and none of a backend."""
    count, seconds = site.times(100, 500), site.times(1, 15)
    before = await _healthy(site, seconds)
    crawling = [asyncio.create_task(_crawl(site, number)) for number in range(count)]
    await asyncio.sleep(1)
    during = await _healthy(site, seconds)
    alive = sum(not task.done() for task in crawling)
    for task in crawling:
        task.cancel()
    await asyncio.gather(*crawling, return_exceptions=True)
    normal, slow = quantile(before, 0.99), quantile(during, 0.99)
    failed = sum(entry.promise == "unknown" for entry in during)
    return judged(
        f"{count} slow clients",
        "healthy p99 at most twice",
        f"p99 {normal * 1000:.0f} to {slow * 1000:.0f} ms with {alive} of them connected; "
        f"{failed} of {len(during)} healthy requests failed",
        [],
        failed == 0,
        site.within(slow, 2 * normal),
    )


async def _healthy(site: Site, seconds: float) -> list[Entry]:
    client = site.client()
    async with load(client, 4, keyed=False) as ledger:
        await asyncio.sleep(seconds)
    return ledger.entries


async def _crawl(site: Site, number: int) -> None:
    """Half of them never end their headers, half never their body."""
    start = f"POST {ANALYZE} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Token {site.token}\r\n"
    if number % 2:
        start += "Content-Type: application/json\r\nContent-Length: 5000\r\n\r\n"
    while True:
        _, writer = await asyncio.open_connection("127.0.0.1", site.stack.ports.nginx)
        try:
            writer.write(start.encode())
            while not writer.is_closing():
                await asyncio.sleep(1)
                writer.write(b"x" if number % 2 else b"X-Slow: 1\r\n")
                await writer.drain()
        except OSError:
            # nginx has had enough of it; another one comes
            continue
        finally:
            writer.close()
