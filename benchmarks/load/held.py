"""WebSocket clients of one worker, each told something every second by another worker."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec

from benchmarks.load import costs
from benchmarks.load.figures import Figures
from benchmarks.load.sockets import SETTLING_S
from scripts.stack import Stack
from scripts.stack_parts import ROOT

CONNECTING_S = 180.0


class Held:
    """Two processes: one that feeds, as a worker elsewhere would, and one that is all clients."""

    def __init__(self, stack: Stack, clients: int, seconds: float, folder: Path) -> None:
        self._stack, self._clients, self._seconds = stack, clients, seconds
        self._sessions = folder / f"sessions-{clients}"
        self._server = stack.backends[0].pid

    def figures(self) -> tuple[Figures, dict[str, float]]:
        """Latency from publication to the client, and CPU ms of the server a message."""
        feeder = _started(
            "feeder", [str(self._clients), str(self._sessions)], self._stack.environment
        )
        try:
            feeder.stdout.readline()  # type: ignore[union-attr]
            return self._watched(feeder)
        finally:
            _ended(feeder)

    def _watched(self, feeder: "subprocess.Popen[str]") -> tuple[Figures, dict[str, float]]:
        options = [self._stack.backend_urls[0], str(self._sessions)]
        options += ["--seconds", str(self._seconds), "--connecting", str(CONNECTING_S)]
        environment = os.environ | {"BENCH_TOKEN": self._stack.token()}
        clients = _started("sockets", options, environment)
        try:
            # ends by itself: the clients have a time in which they must have connected
            clients.stdout.readline()  # type: ignore[union-attr]
            feeder.stdin.write("begin\n")  # type: ignore[union-attr]
            feeder.stdin.flush()  # type: ignore[union-attr]
            before = costs.cpu_s(self._server)
            told, _ = clients.communicate(timeout=self._seconds + 60)
            spent = costs.cpu_s(self._server) - before
        finally:
            _ended(clients)
        figures = msgspec.json.decode(told, type=Figures)
        messages = figures.answered * (self._seconds + SETTLING_S) / self._seconds
        return figures, {"server": round(spent / max(1, messages) * 1000, 3)}


def _started(name: str, options: list[str], environment: dict[str, str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", f"benchmarks.load.{name}", *options],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _ended(process: "subprocess.Popen[str]") -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
