"""The worker inside a server: one task on its event loop, for installations without Celery.

What it does waits where requests would wait (database threads, the journal), so that it needs no
connection of its own, and between cases it leaves the loop to the requests.
"""

import asyncio
import time

import structlog

from diagnosis.services import background
from diagnosis.services.background import Inbox, Job
from diagnosis.services.tasks import TASKS

log = structlog.get_logger(__name__)
_working: asyncio.Task[None] | None = None


def start_local_worker() -> None:
    """Starts it on the running loop, once. What an earlier process left is taken up at once."""
    global _working
    if _working is None or _working.done():
        background.inbox = Inbox()
        _working = asyncio.get_running_loop().create_task(_work_for_ever(background.inbox))


async def stop_local_worker() -> None:
    """Ends it after the case in hand has been given back."""
    global _working
    background.inbox = None
    if _working is not None:
        _working.cancel()
        await asyncio.wait({_working})
        _working = None


async def _work_for_ever(inbox: Inbox) -> None:
    due = {task.name: 0.0 for task in TASKS.values() if task.every_s is not None}
    while True:
        job = _next_due(due) or await inbox.get(min(due.values()) - time.monotonic())
        if job is not None:
            await _done(job)


def _next_due(due: dict[str, float]) -> Job | None:
    """A periodic task whose time has come; its next time is noted."""
    now = time.monotonic()
    for name, at in due.items():
        if at <= now:
            due[name] = now + (TASKS[name].every_s or 0.0)
            return name, ()
    return None


async def _done(job: Job) -> None:
    name, ids = job
    try:
        await TASKS[name].work(*ids)
    except Exception as error:
        # its message may quote a case
        log.error("task_failed", task=name, ids=ids, error=type(error).__name__)
