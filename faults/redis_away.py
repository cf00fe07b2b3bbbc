"""Redis is paused and killed. It is cache, channel layer and throttle at once; each is asked."""

import asyncio
import base64
import contextlib
import json
from collections.abc import Awaitable, Callable

from websockets.asyncio.client import connect

from faults.client import Client, case, load, quantile
from faults.findings import Finding, judged
from faults.site import Site, told
from scripts.stack import ADMINISTRATOR

WATCH_S = 30.0
SLOWER = 2.0
NOISE_S = 0.02
"""On shared cores the tail of a few milliseconds moves by this with nothing amiss."""


async def redis_paused(site: Site) -> Finding:
    redis = site.part("redis")
    return await _without_redis(site, "paused (SIGSTOP)", redis.pause, redis.resume)


async def redis_killed(site: Site) -> Finding:
    redis = site.part("redis")
    return await _without_redis(site, "killed (SIGKILL)", redis.kill, redis.start)


async def _without_redis(
    site: Site, how: str, away: Callable[[], None], back: Callable[[], None]
) -> Finding:
    client = site.client()
    seconds = site.times(2, 8)
    async with load(client, 4) as ledger:
        await asyncio.sleep(seconds)
        before = list(ledger.entries)
        await asyncio.to_thread(away)
        try:
            others, watched = await asyncio.gather(
                _others(site), _watched(site), return_exceptions=False
            )
            await asyncio.sleep(seconds)
        finally:
            during = ledger.entries[len(before) :]
            await asyncio.to_thread(back)
        after = await _watched(site)
    normal, slow = quantile(before, 0.95), quantile(during, 0.95)
    _, broken = await site.kept(client)
    statuses = ledger.statuses()
    return judged(
        f"Redis {how}: cache, channel layer, throttle",
        "consultations go on, no 5xx, p95 at most twice; WebSocket replays from rows",
        f"answers {told(statuses)}; p95 {normal * 1000:.0f} to {slow * 1000:.0f} ms; cached page "
        f"and throttled sign-in {others}; event numbers on WebSocket "
        f"{'whole' if watched and after else 'with gaps'}",
        broken,
        set(statuses) <= {200, 400},
        all(status < 500 for status in others),
        watched,
        after,
        site.within(slow, max(SLOWER * normal, normal + NOISE_S)),
    )


async def _others(site: Site) -> list[int]:
    """A page that is cached, and a sign-in, which is throttled by the cache."""
    basic = base64.b64encode(f"{ADMINISTRATOR}:{site.stack.password}".encode()).decode()
    anybody = Client(site.stack.ports.nginx, site.token)
    asked: list[Awaitable[int]] = [
        _status(anybody, "GET", "/api/v1/guidelines/"),
        _status(anybody, "POST", "/api/v1/tokens/", Authorization=f"Basic {basic}"),
    ]
    return list(await asyncio.gather(*asked))


async def _status(client: Client, method: str, path: str, **headers: str) -> int:
    return (await client.ask(method, path, b"", **headers)).status


async def _watched(site: Site) -> bool:
    """A session is started on one backend and watched through another: every number is seen."""
    client = site.client()
    answer = await client.ask("POST", "/api/v1/sessions/", case("1" * 16), Prefer="respond-async")
    session = json.loads(answer.body)["session_id"]
    first = await _numbers(site, session, 0, most=3)
    rest = await _numbers(site, session, first[-1] if first else 0)
    numbers = first + rest
    return len(numbers) > 3 and numbers == list(range(1, len(numbers) + 1))


async def _numbers(site: Site, session: str, after: int, most: int = 1000) -> list[int]:
    """What is seen after ``after``; leaves after ``most``, as a client does that loses its line."""
    address = f"ws://127.0.0.1:{site.stack.ports.nginx}/ws/sessions/{session}/?after={after}"
    seen: list[int] = []
    with contextlib.suppress(TimeoutError):
        async with (
            asyncio.timeout(WATCH_S),
            connect(address, additional_headers={"Authorization": f"Token {site.token}"}) as socket,
        ):
            async for message in socket:
                seen.append(json.loads(message)["seq"])
                if len(seen) == most:
                    break
    return seen
