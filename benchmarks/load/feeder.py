"""Another worker, as far as the watched one can tell: sessions that run and say a word a second.

Each moment is a row before it is published, and moments go out in a batch each twentieth of a
second, as those of a busy worker do. Ends when its standard input does.
"""

import asyncio
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "healthcare.settings")
django.setup()

from diagnosis import live, services  # noqa: E402
from diagnosis.identifiers import uuid7  # noqa: E402
from diagnosis.services.bulk import SESSIONS, Row  # noqa: E402
from diagnosis.services.journal import Record, journal  # noqa: E402
from diagnosis.services.story import moment_rows  # noqa: E402
from diagnosis.services.workers import this_worker  # noqa: E402
from diagnosis.values import SessionMoment  # noqa: E402

BATCHES_A_SECOND = 20


def running_session() -> Row:
    values = {
        "id": uuid7(),
        "created_at": datetime.now(UTC),
        "finished_at": None,
        "status": "running",
        "clinician": None,
        "duration_ms": None,
        "worker": this_worker(),
        "case": "{}",
    }
    return tuple(values.get(name, "") for name in SESSIONS.fields)


async def say(sessions: list[Row], seq: int) -> None:
    """One moment of each."""
    now = datetime.now(UTC)
    moments = [
        SessionMoment(row[0], seq, "agent_completed", now, 1.0, "condition_matcher", {"n": seq})
        for row in sessions
    ]
    await journal.write(Record(rows=(moment_rows(moments),)))
    # the clock starts at the commit: what is measured is delivery
    now = datetime.now(UTC)
    live.tell([SessionMoment(m.session_id, seq, m.kind, now, 1.0, m.agent) for m in moments])


async def feed(sessions: list[Row]) -> None:
    await journal.write(Record(rows=((SESSIONS, sessions),)))
    print("ready", flush=True)  # noqa: T201 - the clients may connect
    await asyncio.to_thread(sys.stdin.readline)
    loop = asyncio.get_running_loop()
    over = loop.run_in_executor(None, sys.stdin.read)
    due, turn = loop.time(), 0
    while not over.done():
        group = sessions[turn % BATCHES_A_SECOND :: BATCHES_A_SECOND]
        if group:
            await say(group, turn // BATCHES_A_SECOND + 1)
        turn += 1
        due += 1 / BATCHES_A_SECOND
        await asyncio.sleep(max(0.0, due - loop.time()))
    await services.shutdown()


if __name__ == "__main__":
    to_watch = [running_session() for _ in range(int(sys.argv[1]))]
    Path(sys.argv[2]).write_text("\n".join(str(row[0]) for row in to_watch), encoding="ascii")
    asyncio.run(feed(to_watch))
