"""An HTTP/1.1 connection of the generator: one request at a time, the answer counted, not kept."""

import asyncio
from typing import cast


class Broken(Exception):
    """The connection ended before the answer did."""


class Connection(asyncio.Protocol):
    """``ask`` gives the status. A framework's client would cost more than the server."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[int] | None = None
        self._head = b""
        self._left = 0
        self._status = 0
        self.open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's is none by its class
        self._transport = cast(asyncio.Transport, transport)
        self.open = True

    def connection_lost(self, error: Exception | None) -> None:
        self.open = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(Broken())

    async def ask(self, request: bytes) -> int:
        """The status of the answer, once all of it is here. Raises Broken."""
        if self._transport is None or not self.open:
            raise Broken
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        if self._left:
            self._left -= len(data)
        else:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            self._status, length = _read_head(self._head[:end])
            self._left = end + 4 + length - len(self._head)
            self._head = b""
        if self._left <= 0 and self._answer is not None and not self._answer.done():
            self._answer.set_result(self._status)


def _read_head(head: bytes) -> tuple[int, int]:
    """Status and length of the body; every server measured here says how long it is."""
    lines = head.lower().split(b"\r\n")
    lengths = [line[15:] for line in lines if line.startswith(b"content-length:")]
    return int(lines[0].split(b" ")[1]), int(lengths[0]) if lengths else 0


async def connected(host: str, port: int) -> Connection:
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(Connection, host, port)
    return connection
