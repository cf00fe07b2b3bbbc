"""Starts a baseline against the PostgreSQL of a running stack, in a database of its own."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil
import psycopg

from scripts.stack_parts import ROOT, StackError

BACKLOG: Final = 4096
START_S: Final = 60.0
STOP_S: Final = 10.0
COMMANDS: Final = {
    "literal": ["-m", "daphne", "--verbosity", "0", "--fd", "{fd}",
                "benchmarks.baselines.literal.asgi:application"],
    "fast": ["-m", "uvicorn", "--no-access-log", "--log-level", "warning", "--fd", "{fd}",
             "benchmarks.baselines.fast:app"],
}  # fmt: skip


class Baseline:
    """``workers`` processes that share one listener; daphne alone has no process manager."""

    def __init__(self, name: str, database_url: str, home: Path, workers: int = 2) -> None:
        self.name = name
        self.url = ""
        self._log = home / f"{name}.log"
        self._workers = workers
        self._environment = _environment(name, own_database(database_url, f"baseline_{name}"))
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def pids(self) -> dict[str, int]:
        return {f"web{n}": process.pid for n, process in enumerate(self._processes, start=1)}

    def start(self) -> None:
        self._make_tables()
        with socket.create_server(("127.0.0.1", 0), backlog=BACKLOG) as listener:
            self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            for _ in range(self._workers):
                self._processes.append(self._launched(listener.fileno()))
        until = time.monotonic() + START_S
        while not self._is_ready():
            if time.monotonic() > until or any(p.poll() is not None for p in self._processes):
                raise StackError(f"The baseline '{self.name}' did not start; see {self._log}.")
            time.sleep(0.2)

    def stop(self) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(STOP_S)
        self._processes.clear()

    def _launched(self, listener: int) -> subprocess.Popen[bytes]:
        command = [word.format(fd=listener) for word in COMMANDS[self.name]]
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[listener],
                start_new_session=True,
            )

    def _make_tables(self) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.baselines.tables", self.name],
            cwd=ROOT,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        if done.returncode != 0:
            raise StackError(f"The baseline '{self.name}' has no tables: {done.stderr[-2000:]}")

    def _is_ready(self) -> bool:
        # every worker has to have loaded the knowledge before it accepts
        busy = [psutil.Process(pid) for pid in self.pids.values()]
        with contextlib.suppress(OSError, psutil.Error):
            if all(each.memory_info().rss > 100e6 for each in busy):
                with urllib.request.urlopen(f"{self.url}/health/ready", timeout=5) as answer:
                    return bool(answer.status == 200)
        return False


def _environment(name: str, database_url: str) -> dict[str, str]:
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
    driver = "postgresql+asyncpg://" if name == "fast" else "postgres://"
    return kept | {
        "BASELINE_DATABASE": database_url.replace("postgres://", driver, 1),
        "DJANGO_SETTINGS_MODULE": "benchmarks.baselines.literal.settings",
    }


def own_database(database_url: str, name: str) -> str:
    """An empty database on the same server; its address."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}"')
    return f"{database_url.rpartition('/')[0]}/{name}"


@contextmanager
def running(name: str, database_url: str, home: Path) -> Iterator[Baseline]:
    baseline = Baseline(name, database_url, home)
    try:
        baseline.start()
        yield baseline
    finally:
        baseline.stop()
