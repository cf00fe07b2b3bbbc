"""The same request many times at once, and a key that comes with another body."""

import asyncio
import secrets

from faults.client import case, promise_of
from faults.findings import Finding, judged
from faults.rows import SESSIONS, read
from faults.site import Site, told

MANY = 100


async def duplicates(site: Site) -> Finding:
    client = site.client()
    counts: list[int] = []
    conflicts: list[int] = []
    statuses: dict[int, int] = {}
    bodies: set[int] = set()
    for _ in range(site.times(1, 10)):
        key = secrets.token_hex(8)
        body = case(key)
        answers = await asyncio.gather(
            *(client.ask("POST", body=body, Idempotency_Key=key) for _ in range(MANY))
        )
        for answer in answers:
            statuses[answer.status] = statuses.get(answer.status, 0) + 1
        bodies.add(len({a.body for a in answers if promise_of(a) == "acknowledged"}))
        other = await client.ask("POST", body=case(key, age=31), Idempotency_Key=key)
        conflicts.append(other.status)
        rows = await asyncio.to_thread(read, site.stack.database_url, SESSIONS)
        counts.append(sum(reference == key for _, reference in rows))
    return judged(
        f"{MANY} parallel duplicates; the same key with another body",
        "1 row; 422",
        f"rows {sorted(set(counts))}; answers {told(statuses)}; "
        f"other body {sorted(set(conflicts))}",
        await site.broken(client.ledger),
        set(counts) == {1},
        set(conflicts) == {422},
        bodies == {1},
        set(statuses) <= {200, 409},
    )
