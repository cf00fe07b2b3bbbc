"""The registry: what workers do, by name. Celery and the worker inside a server both read it.

A task is an async function of ids, all text. One with ``every_s`` is done without being asked;
any can be sent by name with ``background.send``. To add one, add it to TASKS.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from diagnosis.services import background
from diagnosis.services.batch_work import QUIET_S, resume_batches, work_on_batch
from diagnosis.services.batches import CONSULT_BATCH, delete_old_batches
from diagnosis.services.retention import drop_past_sessions
from diagnosis.threads import in_database

TURN_S = 20.0
"""After so long a batch goes to the end of the queue, so that others get their turn."""
RESUME_BATCHES = "resume_batches"


@dataclass(frozen=True)
class Task:
    """``work`` may be done twice and may be broken off; ``every_s`` is in seconds."""

    name: str
    work: Callable[..., Awaitable[None]]
    every_s: float | None = None


async def _consult_batch(batch_id: str) -> None:
    polite = not settings.BACKGROUND_SENDER
    if not await work_on_batch(UUID(batch_id), budget_s=TURN_S, polite=polite):
        background.send(CONSULT_BATCH, batch_id)


async def _resume_batches() -> None:
    await in_database(resume_batches)


async def _delete_old_batches() -> None:
    await in_database(delete_old_batches)


async def _drop_past_sessions() -> None:
    await in_database(drop_past_sessions)


TASKS = {
    task.name: task
    for task in (
        Task(CONSULT_BATCH, _consult_batch),
        Task(RESUME_BATCHES, _resume_batches, every_s=QUIET_S),
        Task("delete_old_batches", _delete_old_batches, every_s=3600),
        Task("drop_past_sessions", _drop_past_sessions, every_s=86_400),
    )
}
