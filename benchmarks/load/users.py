"""The realistic load: Locust with the original locustfile, in a process of its own."""

import csv
import subprocess
import sys
from pathlib import Path
from typing import Final

from benchmarks.load.figures import Figures
from scripts.stack_parts import ROOT

LOCUSTFILE: Final = ROOT / "loadtests" / "locustfile.py"


def locust(url: str, users: int, seconds: float, folder: Path) -> Figures:
    """``users`` who think for 1-3 s; counted once all of them are there."""
    ramp_s = max(1.0, users / 100)
    prefix = folder / "locust"
    command = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless"]
    command += ["--host", url, "--users", str(users), "--spawn-rate", f"{users / ramp_s:g}"]
    command += ["--run-time", f"{seconds + ramp_s:.0f}s", "--reset-stats", "--only-summary"]
    command += ["--csv", str(prefix), "--loglevel", "ERROR", "--exit-code-on-error", "0"]
    subprocess.run(
        command, cwd=ROOT, capture_output=True, check=True, timeout=seconds + ramp_s + 120
    )
    with Path(f"{prefix}_stats.csv").open(encoding="utf-8") as table:
        total = next(row for row in csv.DictReader(table) if row["Name"] == "Aggregated")
    return _read(total)


def _read(total: dict[str, str]) -> Figures:
    count, failed = int(total["Request Count"]), int(total["Failure Count"])
    rate = float(total["Requests/s"])
    return Figures(
        answered=count - failed,
        errors=failed,
        seconds=count / rate if rate else 0.0,
        p50_ms=_number(total["50%"]),
        p99_ms=_number(total["99%"]),
        mean_ms=round(_number(total["Average Response Time"]), 3),
    )


def _number(cell: str) -> float:
    return 0.0 if cell in {"", "N/A"} else float(cell)
