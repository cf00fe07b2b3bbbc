"""The production topology from processes on loopback: ``make stack``, and ``Stack`` for tests.

    with Stack() as stack:                  # free ports, a temporary directory
        stack.url, stack.backend_urls, stack.token()
        stack.part("postgres").kill()       # redis, web1 ..., nginx, celery likewise
        stack.rolling_restart()

Three backends behind nginx, PostgreSQL, Redis, and a Celery worker once there is an app for it.
Everything that was started is stopped by its process id; logs lie in ``<home>/logs``.
"""

import argparse
import base64
import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from scripts import stack_nginx, stack_services
from scripts.stack_parts import ROOT, Part, StackError, free_port, is_listening
from scripts.stack_static import collected_static

HOME: Final = ROOT / "var" / "stack"
PYTHON: Final = sys.executable
ADMINISTRATOR: Final = "administrator"
CELERY_APP: Final = ROOT / "healthcare" / "celery.py"
COMMAND_S: Final = 300
DRAIN_S: Final = 2.5
"""Longer than nginx leaves a backend alone that has just been restarted (fail_timeout, in whole
seconds): the next one may not close before nginx is back at this one."""


@dataclass(frozen=True)
class Ports:
    """Where the parts listen; free ones unless given."""

    nginx: int = field(default_factory=free_port)
    postgres: int = field(default_factory=free_port)
    redis: int = field(default_factory=free_port)
    web: tuple[int, ...] = ()


class Stack:
    """Starts in ``with`` and stops at its end. ``environment`` wins over what the stack sets."""

    def __init__(
        self,
        home: Path | None = None,
        *,
        backends: int = 3,
        workers: int = 1,
        max_connections: int = 512,
        drain_s: float = DRAIN_S,
        celery: bool = True,
        static: bool = True,
        ports: Ports | None = None,
        environment: Mapping[str, str] | None = None,
        postgres_options: Mapping[str, str] | None = None,
    ) -> None:
        self._temporary = home is None
        self.home = home or Path(tempfile.mkdtemp(prefix="cds-stack-"))
        self.ports = ports or Ports()
        self.web_ports = self.ports.web or tuple(free_port() for _ in range(backends))
        self.max_connections = max_connections
        self.with_celery, self.with_static = celery, static
        self.parts: dict[str, Part] = {}
        self.notes: list[str] = []
        self._postgres_options = {"max_connections": "200", **(postgres_options or {})}
        self.environment = self._environment(workers, drain_s) | dict(environment or {})

    # --- what others ask of it --------------------------------------------------------------------

    @property
    def url(self) -> str:
        """nginx, the one way in."""
        return f"http://127.0.0.1:{self.ports.nginx}"

    @property
    def backend_urls(self) -> list[str]:
        return [f"http://127.0.0.1:{port}" for port in self.web_ports]

    @property
    def database_url(self) -> str:
        return stack_services.postgres_url(self.ports.postgres)

    @property
    def redis_url(self) -> str:
        return stack_services.redis_url(self.ports.redis)

    @property
    def backends(self) -> list[Part]:
        return [part for name, part in self.parts.items() if name.startswith("web")]

    @property
    def pids(self) -> dict[str, int]:
        return {name: part.pid for name, part in self.parts.items() if part.is_running}

    @property
    def password(self) -> str:
        """Of the account ``administrator``."""
        return self._secret("password", 12)

    def part(self, name: str) -> Part:
        """One part: ``kill``, ``stop``, ``start``, ``restart``, ``pause``, ``resume``."""
        try:
            return self.parts[name]
        except KeyError:
            raise StackError(
                f"There is no part '{name}' in this stack; there are {', '.join(self.parts)}."
            ) from None

    def token(self) -> str:
        """A new API token of the administrator."""
        basic = base64.b64encode(f"{ADMINISTRATOR}:{self.password}".encode()).decode()
        request = urllib.request.Request(  # noqa: S310 - our own address
            f"{self.url}/api/v1/tokens/", method="POST", headers={"Authorization": f"Basic {basic}"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return str(json.load(answer)["token"])

    def manage(self, *arguments: str, **environment: str) -> str:
        """Runs ``manage.py`` as a backend would; gives what it printed."""
        done = subprocess.run(
            [PYTHON, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_S,
        )
        if done.returncode != 0:
            raise StackError(f"manage.py {arguments[0]} failed: {done.stderr.strip()[-2000:]}")
        return done.stdout

    def rolling_restart(self) -> None:
        """One backend after another: SIGTERM, drained, started again, ready, then the next."""
        for backend in self.backends:
            backend.restart()

    # --- starting and stopping --------------------------------------------------------------------

    def __enter__(self) -> "Stack":
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Services first, then what needs them; the backends come up together."""
        if is_listening(self.ports.nginx):
            raise StackError(f"Port {self.ports.nginx} is in use: does another stack run?")
        self.home.mkdir(parents=True, exist_ok=True)
        # PostgreSQL and nginx run as accounts of their own
        self.home.chmod(0o755)
        (self.home / "logs").mkdir(exist_ok=True)
        self._start(stack_services.postgres(self.home, self.ports.postgres, self._postgres_options))
        self._start(stack_services.redis_server(self.home, self.ports.redis))
        self._prepare()
        for number, port in enumerate(self.web_ports, start=1):
            self._add(self._backend(number, port)).launch()
        if self.with_celery:
            self._start_celery()
        for backend in self.backends:
            backend.await_ready()
        self._start(stack_services.nginx(self.home, self.ports.nginx, self.nginx_configuration()))

    def stop(self) -> None:
        """Stops what still runs, last started first; says at the end what would not stop."""
        complaints = []
        for part in reversed(self.parts.values()):
            # nobody is in front of it any more, so there is nothing to drain for
            if part in self.backends:
                part.stop_signal = signal.SIGINT
            try:
                part.stop()
            except StackError as error:
                complaints.append(str(error))
        if self._temporary:
            shutil.rmtree(self.home, ignore_errors=True)
        if complaints:
            raise StackError(" ".join(complaints))

    def _add(self, part: Part) -> Part:
        self.parts[part.name] = part
        return part

    def _start(self, part: Part) -> None:
        self._add(part).start()

    def _prepare(self) -> None:
        stack_services.ensure_database(self.ports.postgres)
        if self.with_static:
            collected_static(Path(self.environment["STATIC_ROOT"]), self.environment)
        self.manage("migrate", "--verbosity", "0")
        self.manage("load_knowledge")
        with contextlib.suppress(StackError):
            # it is there already where the home is kept
            self.manage(
                "createsuperuser",
                "--noinput",
                f"--username={ADMINISTRATOR}",
                "--email=",
                DJANGO_SUPERUSER_PASSWORD=self.password,
            )

    # --- parts that are ours ----------------------------------------------------------------------

    def _backend(self, number: int, port: int) -> Part:
        name = f"web{number}"
        return Part(
            name=name,
            command=[PYTHON, "-m", "healthcare.serve", "--port", str(port)],
            is_ready=lambda: _answers_200(f"http://127.0.0.1:{port}/health/ready"),
            log=self.home / "logs" / f"{name}.log",
            port=port,
            environment=self.environment,
        )

    def _start_celery(self) -> None:
        if not CELERY_APP.exists():
            self.notes.append("There is no healthcare/celery.py yet, so no Celery worker runs.")
            return
        worker = [PYTHON, "-m", "celery", "-A", "healthcare.celery:app", "worker"]
        ready = self.home / "logs" / "celery.log"
        ready.write_bytes(b"")
        self._start(
            Part(
                name="celery",
                command=[*worker, "--concurrency=1", "--loglevel=INFO"],
                is_ready=lambda: b" ready" in ready.read_bytes(),
                log=ready,
                environment=self.environment | {"LOG_LEVEL": "INFO"},
            )
        )

    def nginx_configuration(self) -> str:
        addresses = [f"127.0.0.1:{port}" for port in self.web_ports]
        return stack_nginx.rendered(
            {
                "NGINX_RUN": str(self.home / "nginx"),
                "NGINX_ACCESS_LOG": str(self.home / "nginx" / "access.log"),
                "NGINX_WORKERS": "1",
                "NGINX_PORT": f"127.0.0.1:{self.ports.nginx}",
                "NGINX_LOCAL_RESOLVERS": "127.0.0.1",
                "NGINX_TRUSTED_PROXIES": "set_real_ip_from 127.0.0.1;",
                # stands for a site whose TLS ends in front of nginx
                "NGINX_SCHEME": "https",
                "NGINX_STATIC": self.environment["STATIC_ROOT"],
                "NGINX_MAX_CLIENTS": "4096",
                "NGINX_MAX_LIVE": "8192",
                "NGINX_BACKENDS": stack_nginx.servers(addresses, self.max_connections),
                "NGINX_LIVE_BACKENDS": stack_nginx.servers(addresses, 4096),
            }
        )

    def _environment(self, workers: int, drain_s: float) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return kept | {
            "ENV_FILE": "",
            "ENVIRONMENT": "production",
            "SECRET_KEY": self._secret("secret_key", 50),
            "METRICS_TOKEN": self._secret("metrics_token", 24),
            "ALLOWED_HOSTS": "localhost,127.0.0.1",
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "WORKERS": str(workers),
            "REPLICAS": str(len(self.web_ports)),
            "MAX_CONNECTIONS": str(self.max_connections),
            "DRAIN_S": f"{drain_s:g}",
            "STATIC_ROOT": str(HOME / "static" if self.with_static else self.home / "static"),
            "LOG_LEVEL": "WARNING",
            "PYTHONUNBUFFERED": "1",
        }

    def _secret(self, name: str, length: int) -> str:
        path = self.home / name
        if not path.exists():
            self.home.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_text(secrets.token_urlsafe(length), encoding="ascii")
        return path.read_text(encoding="ascii")


def _answers_200(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)
    except OSError:
        return False


# --- make stack -----------------------------------------------------------------------------------


def described(stack: Stack) -> dict[str, Any]:
    """What another program needs to use a running stack; kept in ``<home>/stack.json``."""
    return {
        "url": stack.url,
        "backends": stack.backend_urls,
        "database": stack.database_url,
        "redis": stack.redis_url,
        "pids": stack.pids,
    }


def _told(stack: Stack) -> str:
    facts = described(stack)
    lines = [f"Serving on {facts['url']}/ with {len(facts['backends'])} backends:"]
    lines += [f"  {name:<9} process {pid}" for name, pid in facts["pids"].items()]
    lines += stack.notes
    lines += [
        f"Sign in as {ADMINISTRATOR}; the password is in {stack.home}/password.",
        f"A token: curl -u {ADMINISTRATOR}:$(cat {stack.home}/password) "
        f"-X POST {stack.url}/api/v1/tokens/",
        "Stop with Ctrl+C.",
    ]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make stack", description=__doc__)
    parser.add_argument("--home", type=Path, default=HOME)
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--backends", type=int, default=int(os.environ.get("BACKENDS") or 3))
    parser.add_argument("--workers", type=int, default=int(os.environ.get("WORKERS") or 1))
    parser.add_argument(
        "--max-connections", type=int, default=int(os.environ.get("MAX_CONNECTIONS") or 512)
    )
    given = parser.parse_args(arguments)
    over = threading.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda number, frame: over.set())
    try:
        with Stack(
            given.home.resolve(),
            backends=given.backends,
            workers=given.workers,
            max_connections=given.max_connections,
            ports=Ports(nginx=given.port),
        ) as stack:
            note = given.home / "stack.json"
            note.write_text(json.dumps(described(stack), indent=2), encoding="utf-8")
            print(_told(stack), flush=True)
            over.wait()
            print("Stopping.", flush=True)
            note.unlink()
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
