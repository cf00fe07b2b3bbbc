"""What a fault showed, and the page that is made of it."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
import psutil
from msgspec import Struct

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "reliability.md"
ROWS: Final = PAGE.with_suffix(".json")
MOST: Final = 20
"""Sentences of one fault that are kept."""
INTRODUCTION: Final = Path(__file__).with_name("introduction.md")


class Finding(Struct, frozen=True):
    """One row. ``passed`` judges counts and ratios; ``broken`` are promises that were not kept."""

    fault: str
    expected: str
    measured: str
    passed: bool
    broken: tuple[str, ...] = ()
    date: str = ""


def judged(
    fault: str, expected: str, measured: str, broken: Sequence[str], *conditions: bool
) -> Finding:
    """Passed where every promise was kept and every condition holds."""
    passed = not broken and all(conditions)
    return Finding(fault, expected, measured, passed, tuple(broken[:MOST]), _today())


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


def machine() -> str:
    memory = psutil.virtual_memory().total / 2**30
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores, {memory:.0f} GiB of memory, {platform.system()}, shared with the load"


def page(findings: Sequence[Finding]) -> str:
    rows = "\n".join(_row(finding) for finding in findings)
    broken = "".join(f"\n- {f.fault}: {sentence}" for f in findings for sentence in f.broken[:5])
    return (
        f"{INTRODUCTION.read_text(encoding='utf-8')}\n"
        f"## Measured\n\nOn {machine()}.\n\n"
        f"| fault | expected | measured | passed | on |\n|---|---|---|---|---|\n{rows}\n"
        + (f"\nNot kept:\n{broken}\n" if broken else "")
    )


def _row(finding: Finding) -> str:
    passed = "yes" if finding.passed else "**no**"
    cells = (finding.fault, finding.expected, finding.measured, passed, finding.date)
    return f"| {' | '.join(cells)} |"


def kept(name: str, finding: Finding, order: Sequence[str]) -> None:
    """Writes the page with this row instead of its last one; those that did not run stay."""
    rows: dict[str, Finding] = {}
    if ROWS.exists():
        rows = msgspec.json.decode(ROWS.read_bytes(), type=dict[str, Finding])
    rows[name] = finding
    ordered = {each: rows[each] for each in order if each in rows}
    ROWS.write_bytes(msgspec.json.format(msgspec.json.encode(ordered)) + b"\n")
    PAGE.write_text(page(list(ordered.values())), encoding="utf-8")
