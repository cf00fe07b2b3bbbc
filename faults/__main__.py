"""``make faults``: every fault of the table, and docs/reliability.md as it came out."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import uvloop

from faults import agents, database, disk, pressure, redis_away, repeats, workers
from faults.findings import Finding, kept
from faults.site import Site, stack_of

Fault = Callable[[Site], Awaitable[Finding]]
FAULTS: Final[tuple[Fault, ...]] = (
    repeats.duplicates,
    database.postgres_killed,
    database.pool_exhausted,
    redis_away.redis_paused,
    redis_away.redis_killed,
    agents.agents_in_trouble,
    workers.worker_killed,
    workers.rolling_restarts,
    pressure.overload,
    pressure.slow_clients,
    database.control,
)
LEFT_OUT: Final = (redis_away.redis_paused, workers.rolling_restarts)
"""Of the short form: a killed Redis stands for a paused one, and the tests of the deployment
(``healthcare/tests/test_deploy_stack.py``) roll through their stack already."""
DISK: Final = disk.disk_full.__name__
LIMIT_S: Final = 1200.0


async def found(names: Sequence[str], *, short: bool) -> bool:
    """One fault after another on one stack, the full disk on its own; whether all passed."""
    everything = [fault for fault in FAULTS if not (short and fault in LEFT_OUT)]
    chosen = [fault for fault in FAULTS if fault.__name__ in names] if names else everything
    passed = True
    if chosen:
        with stack_of(short=short) as stack:
            site = Site(stack, short=short)
            for fault in chosen:
                passed &= await _found(fault.__name__, fault(site), short=short)
    if DISK in names or not (names or short):
        passed &= await _found(DISK, disk.disk_full(short=short), short=short)
    return passed


async def _found(name: str, fault: Awaitable[Finding], *, short: bool) -> bool:
    async with asyncio.timeout(LIMIT_S):
        finding = await fault
    print(f"{'passed' if finding.passed else 'FAILED'}  {finding.fault}: {finding.measured}")
    for sentence in finding.broken:
        print(f"        {sentence}")
    sys.stdout.flush()
    if not short:
        kept(name, finding, [*(each.__name__ for each in FAULTS[:-1]), DISK, FAULTS[-1].__name__])
    return finding.passed


def main() -> int:
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--short", action="store_true", help="fewer times, nothing is written")
    names = [*(fault.__name__ for fault in FAULTS), DISK]
    parser.add_argument("names", nargs="*", metavar="fault", help=", ".join(names))
    given = parser.parse_args()
    if unknown := sorted(set(given.names) - set(names)):
        parser.error(f"no such fault: {', '.join(unknown)}; there are {', '.join(names)}")
    # whoever ends this command ends what it started too
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
    return 0 if uvloop.run(found(given.names, short=given.short)) else 1


if __name__ == "__main__":
    sys.exit(main())
