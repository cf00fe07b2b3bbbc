"""Events of a session or a batch over WebSocket: in order, numbered, replayed after a reconnect.

``/ws/sessions/<id>/?after=<seq>`` and ``/ws/batches/<id>/?after=<seq>`` first send the events with
a number above ``seq`` from their rows, then the others as they happen, and close with 1000 after
the last one. Messages carry ids, counts, durations and enum words, never patient text.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qs
from uuid import UUID

import msgspec
from channels.generic.websocket import AsyncWebsocketConsumer

from agents.errors import DecisionSupportError
from diagnosis import live, selectors
from diagnosis.policies import Actor, actor_of
from diagnosis.problems import (
    BODY_TOO_LARGE,
    INVALID_REQUEST,
    TOO_MANY_REQUESTS,
    UNEXPECTED,
    ProblemKind,
    problem_of,
)
from diagnosis.serializers.requests import sequence_number
from diagnosis.threads import in_database
from diagnosis.values import BatchMoment, SessionMoment

MAX_FRAME_BYTES: Final = 1024
MAX_FRAMES: Final = 60
"""A client has nothing to say but ping; more than this in one connection is no client."""
RUNNING: Final = "running"
PING: Final = '{"type":"ping"}'
PONG: Final = '{"type":"pong"}'

Moment: TypeAlias = SessionMoment | BatchMoment


class _Watching(AsyncWebsocketConsumer):
    """One client watching one thing, whose id is the only argument of the path."""

    # ``diagnosis.live`` brings what others tell; a channel of each client's own would need a Redis
    # that answers before a handshake is accepted
    channel_layer_alias = "none"
    sending: asyncio.Task[None] | None = None
    frames = 0

    async def connect(self) -> None:
        # a close code reaches the client only after the handshake, so refusals accept first
        await self.accept()
        (watched,) = self.scope["url_route"]["kwargs"].values()
        try:
            query = parse_qs(self.scope["query_string"].decode("latin-1"))
            after = sequence_number(query.get("after", ["0"])[-1])
            actor = await in_database(actor_of, self.scope["user"])
            moments = await self.moments(actor, watched, after)
        except DecisionSupportError as error:
            await self._refuse(problem_of(error).kind)
            return
        self.sending = asyncio.create_task(self._send_moments(moments))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        self.frames += 1
        if self.frames > MAX_FRAMES:
            await self._refuse(TOO_MANY_REQUESTS)
        elif len(text_data or bytes_data or "") > MAX_FRAME_BYTES:
            await self._refuse(BODY_TOO_LARGE)
        elif text_data is None or "".join(text_data.split()) != PING:
            await self._refuse(INVALID_REQUEST)
        else:
            await self.send(PONG)

    async def disconnect(self, code: int) -> None:
        if self.sending is not None:
            self.sending.cancel()
            with suppress(asyncio.CancelledError):
                await self.sending

    async def moments(self, actor: Actor, watched: UUID, after: int) -> AsyncIterator[Moment]:
        """What follows ``after``. Raises NotFound or SignInRequired before the first."""
        raise NotImplementedError

    async def _send_moments(self, moments: AsyncIterator[Moment]) -> None:
        try:
            async for moment in moments:
                await self.send(msgspec.json.encode(moment).decode())
        except DecisionSupportError as error:
            await self._refuse(problem_of(error).kind)
        except Exception:
            await self._refuse(UNEXPECTED)
            raise
        else:
            await self.close(1000)

    async def _refuse(self, kind: ProblemKind) -> None:
        """Says why, then closes with the code of the table."""
        if self.sending is not None and self.sending is not asyncio.current_task():
            self.sending.cancel()
        await self.send(msgspec.json.encode({"type": "problem", "title": kind.title}).decode())
        await self.close(kind.close_code)


class SessionConsumer(_Watching):
    """One client watching one session."""

    async def moments(self, actor: Actor, watched: UUID, after: int) -> AsyncIterator[Moment]:
        session = await in_database(selectors.session_for, actor, watched)
        return _moments(session, after)


class BatchConsumer(_Watching):
    """One client watching how far a batch has got."""

    async def moments(self, actor: Actor, watched: UUID, after: int) -> AsyncIterator[Moment]:
        await in_database(selectors.batch_for, actor, watched)
        return live.stream_of_batch(watched, after)


async def _moments(session: Any, after: int) -> AsyncIterator[SessionMoment]:
    """What follows ``after``; nothing will follow the last moment of a session that has ended."""
    if session.status == RUNNING:
        async for moment in live.stream(session.id, after):
            yield moment
    else:
        for moment in await in_database(selectors.moments_after, session.id, after):
            yield moment
