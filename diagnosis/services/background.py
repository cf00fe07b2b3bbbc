"""What may take long is sent to a worker: a name and ids, never anything of a patient's.

Rows say what is to be done; what is sent only wakes somebody up. So a call that is lost, or
comes twice, costs time and nothing else, and sending never fails a request.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import structlog
from django.conf import settings
from django.utils.module_loading import import_string

Job = tuple[str, tuple[str, ...]]
"""Name of a task, and ids."""

log = structlog.get_logger(__name__)


class Inbox:
    """Jobs for the worker inside this process, each once, in the order they came."""

    def __init__(self) -> None:
        self._waiting: dict[Job, None] = {}
        self._woken = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def put(self, job: Job) -> None:
        """From any thread."""
        self._loop.call_soon_threadsafe(self._add, job)

    def _add(self, job: Job) -> None:
        self._waiting.setdefault(job)
        self._woken.set()

    async def get(self, patience_s: float) -> Job | None:
        """The oldest job; None where none came for so long."""
        try:
            async with asyncio.timeout(max(0.0, patience_s)):
                while not self._waiting:
                    self._woken.clear()
                    await self._woken.wait()
        except TimeoutError:
            return None
        job = next(iter(self._waiting))
        del self._waiting[job]
        return job


inbox: Inbox | None = None
"""Of the worker inside this process; None where there is none."""


def send(name: str, *ids: str, copies: int = 1) -> None:
    """Has a worker do it soon: as many at once as there are ``copies`` and workers."""
    try:
        if settings.BACKGROUND_SENDER:
            sender: Callable[..., Any] = import_string(settings.BACKGROUND_SENDER)
            for _ in range(copies):
                sender(name, ids)
        elif inbox is not None:
            inbox.put((name, ids))
    except Exception as error:
        # the next round of 'resume_batches' finds what was not sent
        log.warning("work_not_sent", task=name, error=type(error).__name__)
