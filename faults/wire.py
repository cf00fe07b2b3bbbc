"""The least HTTP/1.1 client that tells apart: answered, and lost on the way."""

import asyncio
from collections.abc import Mapping
from typing import Final, cast

from msgspec import Struct

_END: Final = b"\r\n\r\n"


class Lost(Exception):
    """The connection ended before the whole answer was there."""


class Answer(Struct, frozen=True):
    """``seconds`` count from the moment the request was handed to the socket."""

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float


def request(
    method: str, path: str, host: str, headers: Mapping[str, str], body: bytes = b""
) -> bytes:
    told = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{told}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Answer] | None = None
        self._received = bytearray()
        self._began = 0.0
        self.open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.open = True

    def connection_lost(self, error: Exception | None) -> None:
        self.open = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(Lost())

    async def ask(self, whole_request: bytes) -> Answer:
        """Raises Lost."""
        if self._transport is None or not self.open:
            raise Lost
        loop = asyncio.get_running_loop()
        self._answer, self._began = loop.create_future(), loop.time()
        self._received.clear()
        self._transport.write(whole_request)
        return await self._answer

    def close(self) -> None:
        self.open = False
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(_END)
        if end < 0 or self._answer is None or self._answer.done():
            return
        status, headers = _head(bytes(self._received[:end]))
        body = bytes(self._received[end + len(_END) :])
        if len(body) < int(headers.get("content-length", "0")):
            return
        if headers.get("connection", "").lower() == "close":
            self.close()
        spent = asyncio.get_running_loop().time() - self._began
        self._answer.set_result(Answer(status, headers, body, spent))


def _head(head: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return int(first.split(" ")[1]), {name.lower(): value.strip() for name, _, value in pairs}


async def connected(port: int) -> Connection:
    _, connection = await asyncio.get_running_loop().create_connection(
        Connection, "127.0.0.1", port
    )
    return connection


class Pool:
    """Connections that are kept; one that is not open any more is forgotten."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[Connection] = []

    async def ask(self, whole_request: bytes, patience_s: float) -> Answer:
        """Raises Lost, OSError or TimeoutError."""
        async with asyncio.timeout(patience_s):
            connection = await self._free()
            try:
                answer = await connection.ask(whole_request)
            except BaseException:
                connection.close()
                raise
        if connection.open:
            self._idle.append(connection)
        return answer

    async def _free(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.open:
                return connection
        return await connected(self._port)

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()
