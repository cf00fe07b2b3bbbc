"""``make bench``: measures and writes docs/performance.md; with ``--quick`` it only prints."""

import argparse
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
import psutil

from benchmarks.load.bench import Bench
from benchmarks.load.plan import QUICK, Plan
from benchmarks.load.report import page
from benchmarks.load.results import Results
from scripts.stack_parts import ROOT, StackError

PAGE: Final = ROOT / "docs" / "performance.md"
KEPT: Final = ROOT / "var" / "bench"
BUSY: Final = 0.5
"""Load of the machine, in processes ready to run, from which a run is said to be disturbed."""


def machine() -> str:
    """In general words."""
    gigabytes = psutil.virtual_memory().total / 2**30
    return f"{os.cpu_count()} cores shared with the generator, {gigabytes:.0f} GiB of memory."


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short run that publishes nothing")
    given = parser.parse_args(arguments)
    results = Results(f"{datetime.now(UTC):%d %B %Y}", machine())
    load = os.getloadavg()[0]
    if load > BUSY:
        results.notes.append(
            f"The machine was doing other work when the run began (load {load:.1f}): times are "
            "longer than on a quiet one, and ratios are off where that work came and went."
        )
    if given.quick:
        results.notes.append(
            "A quick run: one backend with two workers stands for every topology, times are too "
            "short to mean much, and nothing of it is published."
        )
    try:
        Bench(QUICK if given.quick else Plan(), results, _say).run()
    except StackError as error:
        _say(str(error))
        return 1
    _write(results, given.quick)
    return 0


def _write(results: Results, quick: bool) -> None:
    KEPT.mkdir(parents=True, exist_ok=True)
    name = "quick" if quick else "full"
    (KEPT / f"{name}.json").write_bytes(msgspec.json.format(msgspec.json.encode(results)))
    text = page(results)
    path: Path = KEPT / "quick.md" if quick else PAGE
    path.write_text(text, encoding="utf-8")
    _say(f"{text}\nWritten to {path.relative_to(ROOT)}.")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
