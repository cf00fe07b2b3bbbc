"""The measurements of one run against stacks that it starts and stops itself."""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.baselines.servers import running
from benchmarks.load import costs
from benchmarks.load.bodies import PATH, Kind, written
from benchmarks.load.ceiling import ceiling
from benchmarks.load.figures import Figures
from benchmarks.load.held import Held
from benchmarks.load.plan import Plan
from benchmarks.load.results import (
    FAST,
    LITERAL,
    ONE_WORKER,
    OURS,
    THROUGH_NGINX,
    Measured,
    Results,
)
from benchmarks.load.users import locust
from scripts.stack import Stack
from scripts.stack_parts import ROOT

ENVIRONMENT: Final = {"OPEN_ANALYZE": "1", "SESSION_LIMIT_S": "3600"}
"""The original load test brings no account; sessions that are watched run as long as they like."""
MAX_CONNECTIONS: Final = 4096
BEHIND_TLS: Final = {"X-Forwarded-Proto": "https"}
"""What nginx would say to a backend, for those that are asked directly."""
REST_S: Final = 2.0
"""Between measurements: what the last one left in flight is answered."""


class Bench:
    """One run; ``say`` is told of every figure as it is found."""

    def __init__(self, plan: Plan, results: Results, say: Callable[[str], None]) -> None:
        self._plan, self._results, self._say = plan, results, say
        self._folder = Path(tempfile.mkdtemp(prefix="cds-bench-"))
        self._cases = {kind: written(self._folder, kind) for kind in ("coded", "note")}

    def run(self) -> Results:
        try:
            return self._run()
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self) -> Results:
        self._results.engine = _engine()
        with self._stack(backends=1, workers=2) as stack:
            self._two_workers(stack)
            if not self._plan.three_backends:
                self._through_nginx(stack)
                self._sockets(stack)
            for part in stack.backends:
                part.stop()
            self._baseline("literal", LITERAL, stack)
            self._baseline("fast", FAST, stack)
        if self._plan.three_backends:
            with self._stack(backends=3, workers=1) as stack:
                self._through_nginx(stack)
                self._sockets(stack)
        return self._results

    @contextmanager
    def _stack(self, *, backends: int, workers: int) -> Iterator[Stack]:
        self._say(f"Starting a stack: {backends} backends with {workers} workers each.")
        with Stack(
            backends=backends,
            workers=workers,
            max_connections=MAX_CONNECTIONS,
            drain_s=0,
            celery=False,
            static=False,
            environment=ENVIRONMENT,
        ) as stack:
            yield stack

    # --- the product ------------------------------------------------------------------------------

    def _two_workers(self, stack: Stack) -> None:
        plan, url = self._plan, stack.backend_urls[0]
        self._ceilings("coded", OURS, url, stack.pids, BEHIND_TLS)
        self._ceiling("note", OURS, url, stack.pids, plan.note_connections, BEHIND_TLS)
        for rate in plan.rates:
            self._measured(
                "steady", OURS, rate, stack.pids,
                lambda rate=rate: generated(url, plan.rate_seconds, "--rate", rate, BEHIND_TLS),
            )  # fmt: skip
        self._measured(
            "users", OURS, plan.users, stack.pids,
            lambda: generated(stack.url, plan.user_seconds, "--users", plan.users, {}),
        )  # fmt: skip
        self._measured(
            "locust", OURS, plan.users, stack.pids,
            lambda: locust(stack.url, plan.users, plan.user_seconds, self._folder),
        )  # fmt: skip
        self._memory(OURS, stack.pids)

    def _through_nginx(self, stack: Stack) -> None:
        self._ceilings("coded", THROUGH_NGINX, stack.url, stack.pids, {})
        self._memory(THROUGH_NGINX, stack.pids)

    def _sockets(self, stack: Stack) -> None:
        for clients in self._plan.sockets:
            held = Held(stack, clients, self._plan.socket_seconds, self._folder)
            figures, spent = held.figures()
            self._found(Measured("sockets", ONE_WORKER, clients, figures, spent))

    # --- the baselines ----------------------------------------------------------------------------

    def _baseline(self, name: str, build: str, stack: Stack) -> None:
        with running(name, stack.database_url, self._folder) as server:
            pids = server.pids | {"postgres": stack.part("postgres").pid}
            self._ceilings("coded", build, server.url, pids, {})
            self._memory(build, server.pids)

    # --- one measurement --------------------------------------------------------------------------

    def _ceilings(
        self, kind: Kind, build: str, url: str, pids: Mapping[str, int], headers: Mapping[str, str]
    ) -> None:
        ceiling(url + PATH, self._cases[kind], 16, self._plan.warm_seconds, headers)
        for connections in self._plan.connections:
            self._ceiling(kind, build, url, pids, connections, headers)

    def _ceiling(
        self,
        kind: Kind,
        build: str,
        url: str,
        pids: Mapping[str, int],
        connections: int,
        headers: Mapping[str, str],
    ) -> None:
        cases, seconds = self._cases[kind], self._plan.seconds
        self._measured(
            kind, build, connections, pids,
            lambda: ceiling(url + PATH, cases, connections, seconds, headers),
        )  # fmt: skip

    def _measured(
        self,
        what: str,
        build: str,
        size: int,
        pids: Mapping[str, int],
        work: Callable[[], Figures],
    ) -> None:
        time.sleep(REST_S)
        before = costs.all_cpu_s(pids)
        figures = work()
        spent = costs.ms_a_request(before, costs.all_cpu_s(pids), figures.answered)
        self._found(Measured(what, build, size, figures, spent))

    def _found(self, found: Measured) -> None:
        self._results.measured.append(found)
        figures = found.figures
        self._say(
            f"{found.what:<8}{found.build:<36}{found.size:>6}: {figures.rate:8.1f}/s  "
            f"p50 {figures.p50_ms:8.1f}  p99 {figures.p99_ms:8.1f} ms  errors {figures.errors}  "
            f"CPU {found.cpu_ms}"
        )

    def _memory(self, build: str, pids: Mapping[str, int]) -> None:
        servers = [pid for name, pid in pids.items() if name.startswith("web")]
        self._results.memory_mb[build] = costs.worker_memory_mb(servers)


def generated(
    url: str, seconds: float, option: str, size: int, headers: Mapping[str, str]
) -> Figures:
    """Our own generator, in its own process."""
    command = ["benchmarks.load.generator", url, "--seconds", str(seconds), option, str(size)]
    for name, value in headers.items():
        command += ["--header", f"{name}: {value}"]
    return msgspec.json.decode(_told(command, seconds + 120), type=Figures)


def _engine() -> dict[str, dict[str, float]]:
    return msgspec.json.decode(
        _told(["benchmarks.load.engine"], 120), type=dict[str, dict[str, float]]
    )


def _told(command: list[str], patience_s: float) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, timeout=patience_s,
    )  # fmt: skip
    return done.stdout
