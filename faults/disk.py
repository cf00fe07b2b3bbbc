"""The disk of PostgreSQL fills up: a small tmpfs of its own, for which one has to be root."""

import asyncio
import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from faults.client import Client, load
from faults.findings import Finding, judged
from faults.rows import lost
from faults.site import Site, eventually, stack_of, told

SIZE = "400m"
LEFT_BYTES = 3 * 1024 * 1024
FAULT = "Disk full under PostgreSQL"
EXPECTED = "reads work, writes refused clearly (503), 0 lost, recovers"
PATIENCE_S = 60.0


async def disk_full(*, short: bool) -> Finding:
    """In a stack of its own, all of whose database lies on the small disk."""
    stack = stack_of(short=True)
    try:
        with _small_disk(stack.home), stack:
            ballast = stack.home / "postgres" / "ballast"
            return await _filled(Site(stack, short=short), ballast)
    except PermissionError as error:
        return Finding(FAULT, EXPECTED, f"not run: {error}", passed=short)
    finally:
        shutil.rmtree(stack.home, ignore_errors=True)


@contextlib.contextmanager
def _small_disk(home: Path) -> Iterator[None]:
    """Mounted in ``home``. Raises PermissionError where nothing may be mounted."""
    place = home / "postgres"
    place.mkdir(parents=True)
    # the account of PostgreSQL has to get there
    home.chmod(0o755)
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(place)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    if done.returncode != 0:
        raise PermissionError("a tmpfs cannot be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", str(place)], check=False, timeout=30)


async def _filled(site: Site, ballast: Path) -> Finding:
    client = site.client()
    first = await client.analyze()
    reads: list[int] = []
    async with load(client, 8) as ledger:
        await asyncio.to_thread(_fill, ballast)
        full = await eventually(lambda: 503 in ledger.statuses(), PATIENCE_S)
        for _ in range(20):
            reads.append(await _read(client, first.session))
            await asyncio.sleep(0.2)
        await asyncio.to_thread(ballast.unlink)
        postgres = site.part("postgres")
        stopped = not postgres.is_running
        if stopped:
            # as an administrator would who has made room
            await asyncio.to_thread(postgres.start)
    recovered = await eventually(lambda: _acknowledged(client), PATIENCE_S)
    statuses = ledger.statuses()
    repeated, broken = await site.kept(client)
    return judged(
        FAULT,
        EXPECTED,
        f"answers {told(statuses)}; reads while full {told({s: reads.count(s) for s in reads})}; "
        f"{lost(broken)} lost of {len(ledger.of('acknowledged'))}; {repeated} unknown repeated; "
        f"{'PostgreSQL ended and was started; ' if stopped else ''}"
        f"writing again {recovered:.1f} s after there was room",
        broken,
        full < PATIENCE_S,
        set(reads) == {200},
        set(statuses) <= {200, 400, 409, 503},
        ledger.lacking_retry_after() == 0,
        recovered < PATIENCE_S,
    )


async def _read(client: Client, session: str) -> int:
    return (await client.ask("GET", f"/api/v1/sessions/{session}/")).status


async def _acknowledged(client: Client) -> bool:
    return (await client.analyze()).promise == "acknowledged"


def _fill(ballast: Path) -> None:
    disk = os.statvfs(ballast.parent)
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, disk.f_bavail * disk.f_frsize - LEFT_BYTES)
