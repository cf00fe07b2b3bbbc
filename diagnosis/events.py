"""What happened, for whoever wants to know: the service layer publishes, others subscribe.

Events carry ids, durations, urgencies and counts; never a word of the patient's. Observers
import this module, and this module imports none of them.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Literal, TypeAlias
from uuid import UUID

import structlog
from msgspec import Struct

EventKind: TypeAlias = Literal[
    "session_started",
    "agent_started",
    "agent_completed",
    "agent_failed",
    "emergency_detected",
    "diagnosis_complete",
    "session_interrupted",
    "outcome_recorded",
    "knowledge_published",
]
Scalar: TypeAlias = str | int | float | bool | None
FINAL_KINDS: frozenset[EventKind] = frozenset({"diagnosis_complete", "session_interrupted"})
"""After one of these a session says no more."""

log = structlog.get_logger(__name__)


class DiagnosisEvent(Struct, frozen=True):
    """One thing that happened; ``summary`` holds counts, durations in ms and enum words only."""

    kind: EventKind
    occurred_at: datetime
    session_id: UUID | None = None
    agent: str | None = None
    summary: dict[str, Scalar] = {}


Subscriber: TypeAlias = Callable[[DiagnosisEvent], Awaitable[None] | None]


class DiagnosisEvents:
    """Publish and subscribe within one process.

    A plain function is called at once and must not block; a coroutine function runs as a task
    beside the others. A subscriber that fails is logged by name and harms nobody.
    """

    def __init__(self) -> None:
        self._subscribers: dict[str, list[Subscriber]] = defaultdict(list)
        self._tasks: set[asyncio.Future[None]] = set()

    def subscribe(self, kind: EventKind, callback: Subscriber) -> Callable[[], None]:
        """Calls ``callback`` for every event of ``kind``; the answer ends the subscription."""
        self._subscribers[kind].append(callback)

        def unsubscribe() -> None:
            if callback in self._subscribers[kind]:
                self._subscribers[kind].remove(callback)

        return unsubscribe

    def wanted(self, kind: EventKind) -> bool:
        """Whether anybody would be told."""
        return bool(self._subscribers.get(kind))

    def publish(self, event: DiagnosisEvent) -> None:
        """Tells every subscriber and returns without waiting for those that wait.

        Outside an event loop, coroutine subscribers are run to their end here.
        """
        waiting = [
            self._called(callback, event)
            for callback in tuple(self._subscribers.get(event.kind, ()))
        ]
        pending = [awaitable for awaitable in waiting if awaitable is not None]
        if not pending:
            return
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            asyncio.run(_all(pending))
            return
        for awaitable in pending:
            task = asyncio.ensure_future(awaitable)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def drained(self) -> None:
        """Waits until every subscriber that was told has finished."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _called(self, callback: Subscriber, event: DiagnosisEvent) -> Awaitable[None] | None:
        try:
            answer = callback(event)
        except Exception as error:
            _complain(callback, event, error)
            return None
        return None if answer is None else _guarded(callback, event, answer)


async def _all(pending: list[Awaitable[None]]) -> None:
    await asyncio.gather(*pending)


async def _guarded(callback: Subscriber, event: DiagnosisEvent, answer: Awaitable[None]) -> None:
    try:
        await answer
    except Exception as error:
        _complain(callback, event, error)


def _complain(callback: Subscriber, event: DiagnosisEvent, error: Exception) -> None:
    # the error's own message may quote what it was given, so only its type is written down
    log.error(
        "subscriber_failed",
        subscriber=getattr(callback, "__qualname__", type(callback).__name__),
        kind=event.kind,
        error=type(error).__name__,
    )


diagnosis_events = DiagnosisEvents()
"""The one of this process."""
