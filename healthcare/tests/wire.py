"""A client that speaks ASGI to the whole application, as a server would."""

import json
from typing import Any

from asgiref.testing import ApplicationCommunicator
from msgspec import Struct

from healthcare.asgi import application

JSON = {"content-type": "application/json"}


class Answer(Struct):
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def scope_of(method: str, path: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
    path, _, query = path.partition("?")
    sent = {"host": "localhost", **(headers or {})}
    return {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "scheme": "http",
        "headers": [
            (name.lower().encode(), value.encode("latin-1")) for name, value in sent.items()
        ],
        "client": ("127.0.0.1", 40000),
        "server": ("localhost", 8000),
    }


async def ask(
    method: str,
    path: str,
    body: Any = b"",
    headers: dict[str, str] | None = None,
    *,
    chunk: int = 65_536,
    app: Any = application,
) -> Answer:
    """One request. A body that is no bytes is sent as JSON."""
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
        headers = {**JSON, **(headers or {})}
    communicator = ApplicationCommunicator(
        app, scope_of(method, path, {"content-length": str(len(body)), **(headers or {})})
    )
    pieces = [body[at : at + chunk] for at in range(0, len(body), chunk)] or [b""]
    for number, piece in enumerate(pieces, start=1):
        more = number < len(pieces)
        await communicator.send_input({"type": "http.request", "body": piece, "more_body": more})
    return await _answered(communicator)


async def _answered(communicator: ApplicationCommunicator) -> Answer:
    start = await communicator.receive_output(timeout=30)
    body = b""
    while True:
        message = await communicator.receive_output(timeout=30)
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    await communicator.wait(timeout=30)
    headers = {name.decode().lower(): value.decode("latin-1") for name, value in start["headers"]}
    return Answer(start["status"], headers, body)
