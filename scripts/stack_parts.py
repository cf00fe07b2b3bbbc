"""One part of a local stack: a process that is started, watched and stopped by its id."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

ROOT: Final = Path(__file__).resolve().parent.parent
START_S: Final = 90.0
STOP_S: Final = 60.0


class StackError(Exception):
    """A sentence that says what could not be done."""


def free_port() -> int:
    """A port on loopback that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def account(name: str) -> str | None:
    """The account to run a part as: root's processes give up what they do not need."""
    if os.getuid() != 0:
        return None
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(name).pw_name
    raise StackError(f"There is no account '{name}' on this machine to run a part of the stack as.")


@dataclass
class Part:
    """``is_ready`` is asked until it says yes; ``stop_signal`` asks the process to end well."""

    name: str
    command: Sequence[str]
    is_ready: Callable[[], bool]
    log: Path
    port: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGTERM
    user: str | None = None
    process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Raises StackError where it does not run."""
        if self.process is None:
            raise StackError(f"{self.name} has not been started.")
        return self.process.pid

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Returns once it is ready."""
        self.launch()
        self.await_ready()

    def launch(self) -> None:
        """Starts the process and does not wait for it."""
        if self.is_running:
            raise StackError(f"{self.name} is running already (process {self.pid}).")
        if self.port and is_listening(self.port):
            raise StackError(f"{self.name} cannot start: port {self.port} is in use.")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # a group of its own: Ctrl+C is for whoever started the stack
                start_new_session=True,
                user=self.user,
                group=_group_of(self.user),
                extra_groups=None if self.user is None else [],
            )

    def await_ready(self, patience_s: float = START_S) -> None:
        until = time.monotonic() + patience_s
        while not self.is_ready():
            if not self.is_running:
                raise StackError(
                    f"{self.name} ended as soon as it was started. {self._last_words()}"
                )
            if time.monotonic() > until:
                raise StackError(
                    f"{self.name} was not ready in {patience_s:g} s. {self._last_words()}"
                )
            time.sleep(0.05)

    def stop(self, patience_s: float = STOP_S) -> None:
        """Asks it to end and waits; a process that does not is killed, and that is an error."""
        if self.process is None or not self.is_running:
            return
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise StackError(
                f"{self.name} did not stop in {patience_s:g} s and was killed."
            ) from None

    def kill(self) -> None:
        """SIGKILL to it and to what it started; returns when they are gone."""
        if self.process is None or not self.is_running:
            return
        group = _family(self.process.pid)
        for one in group:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        self.process.wait(STOP_S)
        until = time.monotonic() + STOP_S
        while any(_lives(one) for one in group) and time.monotonic() < until:
            time.sleep(0.01)

    def pause(self) -> None:
        """SIGSTOP: it is there and does not answer."""
        for one in _family(self.pid):
            one.suspend()

    def resume(self) -> None:
        for one in _family(self.pid):
            one.resume()

    def restart(self) -> None:
        self.stop()
        self.start()

    def _last_words(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
        return f"The end of {self.log}:\n" + "\n".join(lines)


def _group_of(user: str | None) -> int | None:
    return None if user is None else pwd.getpwnam(user).pw_gid


def _family(pid: int) -> list[psutil.Process]:
    """The process and all that descend from it, it first so that it cannot replace them."""
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _lives(process: psutil.Process) -> bool:
    try:
        # one that has ended stays until its new parent asks for it
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def handed_over(folder: Path, user: str | None) -> Path:
    """The folder, made, and owned by ``user``. Raises StackError where they cannot get there."""
    folder.mkdir(parents=True, exist_ok=True)
    if user is None:
        return folder
    shutil.chown(folder, user)
    folder.chmod(0o700)
    reached = subprocess.run(["test", "-w", folder], check=False, user=user)
    if reached.returncode != 0:
        raise StackError(
            f"The account '{user}' cannot write in {folder}: a folder above it is closed to "
            "others. Give another place with --home."
        )
    return folder


def ensure_packages(*packages: str) -> None:
    """Debian's packages; raises StackError with what the script said."""
    done = subprocess.run(
        [ROOT / "scripts" / "ensure-packages", *packages],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    if done.returncode != 0:
        raise StackError(done.stderr.strip() or f"Could not install {', '.join(packages)}.")
