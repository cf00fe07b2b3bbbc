"""Moments of sessions and batches as they happen, for whoever watches one.

Rows are the truth: a stream starts from rows, goes on with what it is told, and goes back to
rows when a number is missing or nothing was said for a while. In one process it is told
directly; between processes by one subscription each on the Redis channel layer, and nothing is
lost if that is down, only later. There is no group for a session. Of a batch only the id is told:
its stream then looks at the rows, which are few.
"""

import asyncio
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from uuid import UUID

import msgspec
import structlog
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings

from diagnosis.events import FINAL_KINDS
from diagnosis.selectors import (
    batch_is_finished,
    batch_moments_after,
    forget_knowledge,
    is_finished,
    moments_after,
)
from diagnosis.threads import in_database
from diagnosis.values import BatchMoment, SessionMoment

GROUP = "diagnosis.live"
LOOK_AGAIN_S = 1.0
"""How long a stream waits before it looks at the rows again; twice as long after each look that
found nothing: thousands who watch must not ask the database thousands of times a second."""
LOOK_AGAIN_MOST_S = 5.0
SEND_TIMEOUT_S = 2.0
RESTART_S = 1.0

log = structlog.get_logger(__name__)


class _Listener:
    """One stream: a queue that belongs to the stream's event loop."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.queue: asyncio.Queue[SessionMoment | None] = asyncio.Queue()
        """None says: look at the rows."""


class LiveFeed:
    """Fan-out within a process, and the way in and out of it."""

    def __init__(self) -> None:
        self._name = secrets.token_hex(8)
        self._listeners: dict[UUID, set[_Listener]] = defaultdict(set)
        self._outgoing: list[SessionMoment] = []
        self._sending: asyncio.Task[None] | None = None
        self._receiving: asyncio.Task[None] | None = None

    def tell(self, moments: list[SessionMoment]) -> None:
        """Delivers to the streams of this process, and sends to the others. Never waits."""
        self._deliver(moments)
        if not settings.REDIS_URL:
            return
        self._outgoing.extend(moments)
        if self._sending is None or self._sending.done():
            self._sending = asyncio.get_running_loop().create_task(self._send_all())

    def nudge(self, watched: UUID) -> None:
        """Has the streams of one thing look at their rows. From any thread."""
        for listener in tuple(self._listeners.get(watched, ())):
            if not listener.loop.is_closed():
                listener.loop.call_soon_threadsafe(listener.queue.put_nowait, None)

    @contextmanager
    def listening(self, session_id: UUID) -> Iterator[_Listener]:
        listener = _Listener()
        self._listeners[session_id].add(listener)
        try:
            yield listener
        finally:
            self._listeners[session_id].discard(listener)
            if not self._listeners[session_id]:
                del self._listeners[session_id]

    def follow_others(self) -> None:
        """Starts the subscription of this process, once, where there is a Redis to follow."""
        if settings.REDIS_URL and (self._receiving is None or self._receiving.done()):
            self._receiving = asyncio.get_running_loop().create_task(self._receive_all())

    async def stop(self) -> None:
        """Ends the subscription and lets what is being sent go out."""
        if self._sending is not None:
            await asyncio.wait({self._sending}, timeout=SEND_TIMEOUT_S)
        if self._receiving is not None:
            self._receiving.cancel()
            await asyncio.wait({self._receiving})
        self._sending = self._receiving = None

    def _deliver(self, moments: list[SessionMoment]) -> None:
        if not self._listeners:
            return
        here = asyncio.get_running_loop()
        for moment in moments:
            for listener in tuple(self._listeners.get(moment.session_id, ())):
                if listener.loop is here:
                    listener.queue.put_nowait(moment)
                elif not listener.loop.is_closed():
                    listener.loop.call_soon_threadsafe(listener.queue.put_nowait, moment)

    # --- between processes ------------------------------------------------------------------

    async def _send_all(self) -> None:
        """One message for all moments that gathered while the last one went out."""
        while self._outgoing:
            moments, self._outgoing = self._outgoing, []
            await send({"origin": self._name, "moments": msgspec.json.encode(moments)})

    async def _receive_all(self) -> None:
        while True:
            try:
                await self._receive()
            except asyncio.CancelledError:
                raise
            except Exception as error:
                log.warning("live_subscription_lost", error=type(error).__name__)
                await asyncio.sleep(RESTART_S)

    async def _receive(self) -> None:
        layer = get_channel_layer()
        channel = await layer.new_channel()
        await layer.group_add(GROUP, channel)
        # whatever was published before this subscription stood may have been missed
        forget_knowledge()
        try:
            while True:
                self.take(await layer.receive(channel))
        finally:
            await layer.group_discard(GROUP, channel)

    def take(self, message: dict[str, Any]) -> None:
        """One message of another process."""
        if message.get("knowledge"):
            forget_knowledge()
        elif batch_id := message.get("batch"):
            self.nudge(UUID(batch_id))
        # most moments are of sessions that nobody watches, least of all here
        elif self._listeners and message.get("origin") != self._name:
            self._deliver(msgspec.json.decode(message["moments"], type=list[SessionMoment]))


async def send(content: dict[str, Any]) -> None:
    """One message to every process; a Redis that is down is logged and harms nobody."""
    try:
        async with asyncio.timeout(SEND_TIMEOUT_S):
            await get_channel_layer().group_send(GROUP, {"type": "live.message", **content})
    except Exception as error:
        log.warning("live_message_not_sent", error=type(error).__name__)


feed = LiveFeed()
"""The one of this process."""


def tell(moments: list[SessionMoment]) -> None:
    """Tells whoever watches these sessions; call on an event loop, after the commit."""
    feed.tell(moments)


def tell_knowledge_published() -> None:
    """Has every process ask for the newest release at its next use. Not on an event loop."""
    forget_knowledge()
    if settings.REDIS_URL:
        async_to_sync(send)({"knowledge": True})


def tell_batch(batch_id: UUID) -> None:
    """Tells whoever watches this batch that it has got on. Not on an event loop."""
    feed.nudge(batch_id)
    if settings.REDIS_URL:
        async_to_sync(send)({"batch": str(batch_id)})


async def stream_of_batch(batch_id: UUID, after_seq: int = 0) -> AsyncIterator[BatchMoment]:
    """As ``stream``, of a batch: call ``selectors.batch_for`` first."""
    feed.follow_others()
    seq = after_seq
    with feed.listening(batch_id) as listener:
        while True:
            moments, finished = await in_database(_batch_rows_after, batch_id, seq)
            for moment in moments:
                yield moment
                seq = moment.seq
            if finished:
                return
            await _nudged(listener)


def _batch_rows_after(batch_id: UUID, seq: int) -> tuple[list[BatchMoment], bool]:
    # asked in this order, a finished batch has all its rows
    finished = batch_is_finished(batch_id)
    return batch_moments_after(batch_id, seq), finished


async def _nudged(listener: _Listener) -> None:
    """Waits for a nudge, or a while; nudges that have gathered are one."""
    with suppress(TimeoutError):
        async with asyncio.timeout(LOOK_AGAIN_S):
            await listener.queue.get()
    while not listener.queue.empty():
        listener.queue.get_nowait()


async def stream(session_id: UUID, after_seq: int = 0) -> AsyncIterator[SessionMoment]:
    """The moments above ``after_seq`` in order, each once; ends after the session's last.

    Asks for no rights: call ``selectors.session_for`` first.
    """
    feed.follow_others()
    seq, patience_s = after_seq, LOOK_AGAIN_S
    with feed.listening(session_id) as listener:
        while True:
            moments, finished = await in_database(_rows_after, session_id, seq)
            for moment in moments:
                yield moment
                seq = moment.seq
            if finished:
                return
            # rows that it was not told of: it cannot rely on being told; a mere silence is none
            patience_s = LOOK_AGAIN_S if moments else min(2 * patience_s, LOOK_AGAIN_MOST_S)
            while (told := await _next(listener, seq, patience_s)) is not None:
                yield told
                seq = told.seq
                if told.kind in FINAL_KINDS:
                    return


def _rows_after(session_id: UUID, seq: int) -> tuple[list[SessionMoment], bool]:
    # asked in this order, a finished session has all its rows
    finished = is_finished(session_id)
    return moments_after(session_id, seq), finished


async def _next(listener: _Listener, seq: int, patience_s: float) -> SessionMoment | None:
    """The moment that follows ``seq``; None at a gap or after a silence."""
    while True:
        try:
            async with asyncio.timeout(patience_s):
                moment = await listener.queue.get()
        except TimeoutError:
            return None
        if moment is None:
            return None
        if moment.seq > seq:
            return moment if moment.seq == seq + 1 else None
