"""Fills the database of ``DATABASE_URL`` up to a number of sessions and measures it; prints JSON.

Run by ``benchmarks.growth`` in a shell of ``manage.py``.
"""

import asyncio
import json
import random
import re
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from django.contrib.auth.models import User
from django.db import connection

from benchmarks.cases import CODED
from diagnosis import selectors, services
from diagnosis.actors import Actor
from diagnosis.identifiers import first_at
from diagnosis.models import DiagnosisSession
from diagnosis.services import partitions
from diagnosis.services.consultations import _whole_session
from diagnosis.services.journal import journal
from diagnosis.services.seeding import seed_sessions
from diagnosis.services.story import Story
from diagnosis.threads import close_threads, in_database

MONTHS = 24
DAYS = 720
WAITING = 64
_PLANNING = re.compile(r"Planning Time: ([0-9.]+) ms")


def main(size: int) -> None:
    _make_past_months()
    begun = time.monotonic()
    missing = size - DiagnosisSession.objects.count()
    if missing > 0:
        until = datetime.now(UTC) - timedelta(minutes=1)
        asyncio.run(_seeded(missing, until))
    seed_s = time.monotonic() - begun
    with connection.cursor() as cursor:
        # what autovacuum does in time, so that it does not do it meanwhile
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
    figures = {"sessions": size, "seed_s": seed_s, "version": _version(), **_reads()}
    figures |= asyncio.run(_writes())
    sys.stdout.write(json.dumps(figures) + "\n")


async def _seeded(number: int, until: datetime) -> None:
    await seed_sessions(number, DAYS, lambda stored: None, until)
    await asyncio.to_thread(close_threads)


def _make_past_months() -> None:
    """A database that has been in use for two years; the empty partition of the past goes."""
    if not partitions.is_partitioned() or len(partitions.session_spans()) > MONTHS:
        return
    with connection.cursor() as cursor:
        for table in reversed(partitions.KEYS):
            cursor.execute(f"ALTER TABLE {table} DETACH PARTITION {table}_before")
            cursor.execute(f"DROP TABLE {table}_before")
    this = partitions.Month.of(datetime.now(UTC))
    for back in range(1, MONTHS + 1):
        partitions._made(this.plus(-back))


# --- reads ----------------------------------------------------------------------------------------


def _reads() -> dict[str, Any]:
    chance = random.Random(1)
    doctor = User.objects.filter(username__startswith="seed_clinician").order_by("id")[3]
    staff, actor = Actor.system(), Actor(doctor.pk, doctor.username, is_clinician=True)
    ids = [_some_id(chance) for _ in range(200)]
    newest = selectors.latest_before(selectors.sessions_for(actor))[:51]
    one = DiagnosisSession.objects.filter(id=ids[0])
    return {
        "newest_ms": _timed(lambda at: selectors.sessions_page(actor, 50)),
        "middle_ms": _timed(lambda at: selectors.sessions_page(actor, 50, before=ids[at])),
        "by_id_ms": _timed(lambda at: selectors.session_for(staff, ids[at])),
        "events_ms": _timed(lambda at: selectors.moments_after(ids[at], 0)),
        "plan_newest_ms": _planning(newest),
        "plan_by_id_ms": _planning(one),
        "count_ms": _timed(lambda at: DiagnosisSession.objects.count(), 5),
    }


def _some_id(chance: random.Random) -> Any:
    moment = datetime.now(UTC) - timedelta(days=chance.random() * (DAYS - 1) + 0.5)
    rows = DiagnosisSession.objects.filter(id__gte=first_at(moment)).order_by("id")
    return rows.values_list("id", flat=True)[0]


def _timed(work: Callable[[int], object], times: int = 200) -> float:
    taken = []
    for number in range(times):
        begun = time.perf_counter()
        work(number)
        taken.append((time.perf_counter() - begun) * 1000)
    return _undisturbed(taken)


def _undisturbed(taken: list[float]) -> float:
    """The fastest tenth begins here: what others do on the machine is not the store's cost."""
    return statistics.quantiles(taken, n=10)[0]


def _planning(rows: Any) -> float | None:
    if connection.vendor != "postgresql":
        return None
    found = [_PLANNING.search(rows.explain(analyze=True)) for _ in range(20)]
    return statistics.median(float(each[1]) for each in found if each)


def _version() -> str:
    if connection.vendor != "postgresql":
        return ""
    return ".".join(map(str, connection.get_database_version()))


# --- writes ---------------------------------------------------------------------------------------


async def _writes() -> dict[str, Any]:
    consultation = await services.consult_unstored(CODED)
    encoded = msgspec.json.encode(consultation)

    async def store() -> None:
        story = Story()
        story.tell("session_started")
        # as many moments as the agents tell
        for name in ("agent_started", "agent_completed") * 4:
            story.tell(name)  # type: ignore[arg-type]
        story.finish(consultation)
        record = _whole_session(Actor.anonymous(), CODED, story, consultation, encoded)
        await journal.write(record)

    for _ in range(50):
        await store()
    taken = []
    for _ in range(200):
        begun = time.perf_counter()
        await store()
        taken.append((time.perf_counter() - begun) * 1000)
    begun = time.perf_counter()
    await asyncio.gather(*(_again(store, 30) for _ in range(WAITING)))
    rate = WAITING * 30 / (time.perf_counter() - begun)
    await in_database(_forget)
    await asyncio.to_thread(journal.close)
    await asyncio.to_thread(close_threads)
    return {
        "write_ms": _undisturbed(taken),
        "write_p50_ms": statistics.median(taken),
        "writes_s": rate,
        "answer_kb": round(len(encoded) / 1000),
    }


async def _again(store: Callable[[], Any], times: int) -> None:
    for _ in range(times):
        await store()


def _forget() -> None:
    """The next size starts from seeded sessions only."""
    DiagnosisSession.objects.exclude(worker="seed").filter(
        id__gte=first_at(datetime.now(UTC) - timedelta(hours=1))
    ).delete()
