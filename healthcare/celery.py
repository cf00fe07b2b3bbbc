"""Background work on many machines: ``celery -A healthcare.celery:app worker`` and ``beat``.

The tasks are those of ``diagnosis.services.tasks``; this file only carries them to Celery. What
travels is a name and ids. A task raises nothing: Celery would log what an error says, and that
may quote a case.
"""

import asyncio
import os
from collections.abc import Sequence
from typing import Any

import structlog
from celery import Celery
from celery.signals import beat_init, worker_process_init, worker_process_shutdown, worker_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "healthcare.settings")

app = Celery("healthcare")
app.config_from_object("django.conf:settings", namespace="CELERY")
log = structlog.get_logger(__name__)


def send(name: str, ids: Sequence[str]) -> None:
    """Puts a task into the queue. Raises at once where the broker does not answer."""
    app.send_task(name, args=list(ids), retry=False)


@app.on_after_finalize.connect
def register(sender: Any, **kwargs: Any) -> None:
    """Each task of the registry; beat is told of the periodic ones."""
    from diagnosis.services.tasks import TASKS

    for task in TASKS.values():
        sender.task(_runner(task.name), name=task.name)
        if task.every_s is not None:
            # one that nobody took before the next was due is not worth doing twice
            options = {"expires": task.every_s}
            entry = {"task": task.name, "schedule": task.every_s, "options": options}
            sender.conf.beat_schedule[task.name] = entry


def _runner(name: str) -> Any:
    def run(*ids: str) -> None:
        try:
            asyncio.run(_done(name, ids))
        except Exception as error:
            log.error("task_failed", task=name, ids=ids, error=type(error).__name__)

    return run


async def _done(name: str, ids: Sequence[str]) -> None:
    from diagnosis import live
    from diagnosis.events import diagnosis_events
    from diagnosis.services.tasks import TASKS

    try:
        await TASKS[name].work(*ids)
    finally:
        await diagnosis_events.drained()
        await live.feed.stop()


@worker_process_init.connect
def ready_process(**kwargs: Any) -> None:
    """The knowledge is compiled before the first case waits for it."""
    from diagnosis.selectors import current_knowledge

    try:
        current_knowledge()
    except Exception as error:
        log.warning("knowledge_not_ready", error=type(error).__name__)


@worker_process_shutdown.connect
def end_process(**kwargs: Any) -> None:
    """Writes what waits and closes connections."""
    from diagnosis.services.journal import journal
    from diagnosis.threads import close_threads

    journal.close()
    close_threads()


@worker_ready.connect
def take_up(**kwargs: Any) -> None:
    """What an earlier worker left is taken up at once, not when beat next asks."""
    from diagnosis.services.tasks import RESUME_BATCHES

    send(RESUME_BATCHES, ())


@beat_init.connect
def log_schedule(sender: Any, **kwargs: Any) -> None:
    """Says what beat will ask for."""
    log.info("beat_started", tasks=sorted(app.conf.beat_schedule))
