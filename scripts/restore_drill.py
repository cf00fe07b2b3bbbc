"""The restore drill: ``python -m scripts.restore_drill [--writes 300] [--asynchronous]``.

A cluster of its own on loopback takes writes while ``scripts/archive-wal`` receives its WAL and
``scripts/backup`` copies it. Then it is killed, its files are deleted, and ``scripts/restore``
brings it back from backup and archive. Every write that was acknowledged must be there.
``--asynchronous`` leaves out the waiting for the archive, which may lose some: the control.
"""

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg

from scripts import stack_services
from scripts.stack_parts import ROOT, Part, account, free_port, handed_over

SYNCHRONOUS: Final = "ALTER SYSTEM SET synchronous_standby_names = 'cds_archive'"
WAIT_S: Final = 30.0


class DrillFailed(Exception):
    """A sentence that says what went wrong."""


class Drill:
    def __init__(self, home: Path, synchronous: bool = True) -> None:
        self.home, self.synchronous = home, synchronous
        self.port = free_port()
        self.user = account("postgres")
        self.backups = handed_over(home / "backups", self.user)
        self.wal = handed_over(home / "wal", self.user)
        self.acknowledged: list[int] = []

    def run(self, writes: int) -> str:
        cluster = self.cluster()
        cluster.start()
        try:
            archive = self._with_archive()
            # at it before, during and after the backup, and when the cluster is killed
            writer = threading.Thread(target=self._write)
            writer.start()
            try:
                self._await_writes(writes // 3)
                base = Path(self._script("backup", str(self.backups)).strip().splitlines()[-1])
                if not self.synchronous:
                    # an archive that falls behind, as it may where nobody waits for it
                    archive.send_signal(signal.SIGSTOP)
                self._await_writes(len(self.acknowledged) + writes)
            finally:
                cluster.kill()
                writer.join(WAIT_S)
                _ended(archive)
            shutil.rmtree(self.home / "postgres")
            self._script("restore", str(base), str(self.wal), str(self.home / "postgres"))
            begun = time.monotonic()
            cluster = self.cluster()
            cluster.start()
            return self._told(base, time.monotonic() - begun)
        finally:
            cluster.kill()

    def cluster(self) -> Part:
        options = {"wal_level": "replica", "max_wal_senders": "5", "max_replication_slots": "5"}
        return stack_services.postgres(self.home, self.port, options)

    def connected(self) -> psycopg.Connection:
        url = stack_services.postgres_url(self.port, "postgres")
        return psycopg.connect(url, autocommit=True, connect_timeout=5)

    def _with_archive(self) -> subprocess.Popen[bytes]:
        with self.connected() as connection:
            connection.execute("CREATE TABLE written (number bigint PRIMARY KEY, body text)")
        archive = self._started("archive-wal", str(self.wal))
        if self.synchronous:
            with self.connected() as connection:
                connection.execute(SYNCHRONOUS)
                connection.execute("SELECT pg_reload_conf()")
        self._await_archive("sync" if self.synchronous else "async")
        return archive

    def _await_archive(self, wanted: str) -> None:
        until = time.monotonic() + WAIT_S
        with self.connected() as connection:
            while time.monotonic() < until:
                row = connection.execute(
                    "SELECT sync_state FROM pg_stat_replication"
                    " WHERE application_name = 'cds_archive'"
                ).fetchone()
                if row == (wanted,):
                    return
                time.sleep(0.05)
        raise DrillFailed("The archive did not connect.")

    def _await_writes(self, number: int) -> None:
        until = time.monotonic() + WAIT_S
        while len(self.acknowledged) < number:
            if time.monotonic() > until:
                raise DrillFailed("The writes do not get on.")
            time.sleep(0.01)

    def _write(self) -> None:
        """Until the cluster is gone. A write counts once its INSERT has returned."""
        with contextlib.suppress(psycopg.Error), self.connected() as connection:
            for number in range(10**9):
                connection.execute("INSERT INTO written VALUES (%s, repeat('x', 2000))", [number])
                self.acknowledged.append(number)

    def _told(self, base: Path, seconds: float) -> str:
        with self.connected() as connection:
            kept = {row[0] for row in connection.execute("SELECT number FROM written")}
        lost = [number for number in self.acknowledged if number not in kept]
        told = (
            f"{len(self.acknowledged)} writes acknowledged, {len(lost)} of them missing after the "
            f"restore from {base.name} and {len(list(self.wal.iterdir()))} WAL files in "
            f"{seconds:.1f} s."
        )
        if lost:
            raise DrillFailed(told)
        return told

    # --- the scripts, as the account that owns the files ------------------------------------------

    def _environment(self) -> dict[str, str]:
        address = {"PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": "postgres"}
        return stack_services.PLAIN | address

    def _started(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.home / "logs" / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [ROOT / "scripts" / name, *arguments],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=self.user,
                cwd="/",
            )

    def _script(self, name: str, *arguments: str) -> str:
        done = subprocess.run(
            [ROOT / "scripts" / name, *arguments],
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            user=self.user,
            cwd="/",
        )
        if done.returncode != 0:
            raise DrillFailed(f"scripts/{name} failed: {done.stderr.strip()}")
        return done.stdout


def _ended(process: subprocess.Popen[bytes]) -> None:
    """SIGINT lets it finish what it has; one that was stopped is killed."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)


@contextmanager
def a_place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="cds-drill-") as name:
        home = Path(name)
        home.chmod(0o755)
        (home / "logs").mkdir()
        # the account of PostgreSQL makes its files here itself
        if (user := account("postgres")) is not None:
            shutil.chown(home, user)
        yield home


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="scripts/restore-drill")
    parser.add_argument("--writes", type=int, default=300)
    parser.add_argument("--asynchronous", action="store_true", help="the control: may lose writes")
    given = parser.parse_args(arguments)
    os.umask(0o022)
    with a_place() as home:
        try:
            print(Drill(home, not given.asynchronous).run(given.writes))
        except DrillFailed as failure:
            print(failure, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
