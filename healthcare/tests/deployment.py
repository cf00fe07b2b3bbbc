"""What the tests of the deployment share: may they have Debian's packages, and a plain client."""

import http.client
import os
from typing import Any

import pytest
from msgspec import Struct

from scripts.stack_parts import StackError
from scripts.stack_services import _postgres_programs, found


class Told(Struct):
    status: int
    headers: dict[str, str]
    body: bytes


def tell(
    port: int, method: str, path: str, body: bytes = b"", timeout: float = 30, **headers: str
) -> Told:
    """One request on a connection of its own; ``content_type`` becomes Content-Type."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, named)
        answer = connection.getresponse()
        told = {name.lower(): value for name, value in answer.getheaders()}
        return Told(answer.status, told, answer.read())
    finally:
        connection.close()


def need(*programs: str) -> None:
    """Skips where a program cannot be had; in CI that is a failure."""
    packages = {"nginx": "nginx-light", "redis-server": "redis-server"}
    try:
        for program in programs:
            if program == "postgres":
                _postgres_programs()
            else:
                found(program, packages[program])
    except StackError as error:
        told: Any = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        told(str(error))
