"""Bounds every request body before Django sees it: Django alone would spool any size to disk."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from diagnosis.problems import BODY_TOO_LARGE, CONTENT_TYPE, Problem
from diagnosis.serializers.requests import MAX_BODY_BYTES

Receive: TypeAlias = Callable[[], Awaitable[Mapping[str, Any]]]
Send: TypeAlias = Callable[[Mapping[str, Any]], Awaitable[None]]
App: TypeAlias = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]

UPLOAD_BYTES: Final = 8 * 1024 * 1024
"""For the admin's imports and for batches; what another door reads is at most MAX_BODY_BYTES."""
UPLOADS: Final = ("/admin/", "/api/batches/", "/api/v1/batches/")
DRAINED_BYTES: Final = 32 * 1024 * 1024
"""Read and thrown away after a refusal, so that the client gets to read the answer."""


class BodyLimit:
    """ASGI wrapper: reads the body, answers 413 beyond the limit, hands the rest on whole."""

    def __init__(self, app: App, uploads: Sequence[str] = UPLOADS) -> None:
        self.app = app
        self.uploads = tuple(uploads)

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        limit = UPLOAD_BYTES if scope["path"].startswith(self.uploads) else MAX_BODY_BYTES
        first = await receive()
        if first["type"] == "http.request" and first.get("more_body", False):
            body = await _read(first.get("body", b""), receive, limit)
        else:
            body = first.get("body", b"")
        if body is None:
            return
        if len(body) > limit:
            await _refuse(scope["path"], send)
            return
        await self.app(scope, _replayed(first, body, receive), send)


def _replayed(first: Mapping[str, Any], body: bytes, receive: Receive) -> Receive:
    """Gives the body as one message, then whatever comes."""
    told = False

    async def once_then_live() -> Mapping[str, Any]:
        nonlocal told
        if told:
            return await receive()
        told = True
        if first["type"] != "http.request":
            return first
        return {"type": "http.request", "body": body, "more_body": False}

    return once_then_live


async def _read(start: bytes, receive: Receive, limit: int) -> bytes | None:
    """The whole body, or one byte more than the limit; None where the client has gone."""
    body = bytearray(start)
    seen = len(body)
    more = True
    while more and seen <= DRAINED_BYTES:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        seen += len(message.get("body", b""))
        if len(body) <= limit:
            body += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(body[: limit + 1])


async def _refuse(path: str, send: Send) -> None:
    problem = Problem(BODY_TOO_LARGE)
    body = problem.encoded(path)
    headers = [
        (b"content-type", CONTENT_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
