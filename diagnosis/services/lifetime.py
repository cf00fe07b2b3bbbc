"""What a serving process does when it starts, every now and then, and when it stops."""

import asyncio

import structlog
from django.conf import settings
from django.contrib.auth.models import Group, Permission
from django.db import DatabaseError

from agents.knowledge.loader import read_shipped
from diagnosis import live
from diagnosis.events import diagnosis_events
from diagnosis.policies import ROLES
from diagnosis.selectors import current_knowledge_async
from diagnosis.services.consultations import running_sessions_ended
from diagnosis.services.idempotency import forget_expired_keys
from diagnosis.services.interruptions import interrupt_abandoned
from diagnosis.services.journal import journal
from diagnosis.services.local_worker import start_local_worker, stop_local_worker
from diagnosis.services.partitions import ensure_months
from diagnosis.threads import close_threads, in_database, wait_shortly

SWEEP_EVERY_S = 30.0

log = structlog.get_logger(__name__)
_sweeping: asyncio.Task[None] | None = None


async def startup() -> None:
    """Readies this process to serve: compiles the knowledge, ends what dead workers left.

    Raises InvalidKnowledge where the shipped files are bad: a server runs no system checks.
    """
    global _sweeping
    wait_shortly()
    await asyncio.to_thread(read_shipped)
    await current_knowledge_async()
    live.feed.follow_others()
    if _sweeping is None or _sweeping.done():
        _sweeping = asyncio.get_running_loop().create_task(_sweep_for_ever())
    if not settings.BACKGROUND_SENDER:
        start_local_worker()


async def shutdown(patience_s: float = 5.0) -> None:
    """Lets running sessions end, writes what waits, closes threads and connections."""
    global _sweeping
    await stop_local_worker()
    await running_sessions_ended(patience_s)
    if _sweeping is not None:
        _sweeping.cancel()
        await asyncio.wait({_sweeping})
        _sweeping = None
    await live.feed.stop()
    await diagnosis_events.drained()
    await asyncio.to_thread(journal.close)
    await asyncio.to_thread(close_threads)


async def _sweep_for_ever() -> None:
    while True:
        try:
            await in_database(sweep)
        except DatabaseError as error:
            log.warning("sweep_failed", error=type(error).__name__)
        await asyncio.sleep(SWEEP_EVERY_S)


def sweep() -> None:
    """One round of tidying."""
    interrupt_abandoned()
    forget_expired_keys()
    # last: a role that may not make tables must not keep the rest from being done
    ensure_months()


def ensure_roles() -> None:
    """Makes the groups that every installation has, with their permissions."""
    for name, codenames in ROLES.items():
        group, _ = Group.objects.get_or_create(name=name)
        group.permissions.add(
            *Permission.objects.filter(content_type__app_label="diagnosis", codename__in=codenames)
        )
