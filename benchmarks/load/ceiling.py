"""The ceiling: as many requests as a number of connections can get answered, by wrk.

wrk costs a few microseconds of CPU a request; a generator in Python would take half of what the
server is to be measured on.
"""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from benchmarks.load.figures import Figures
from scripts.stack_services import found

SCRIPT: Final = Path(__file__).with_name("ceiling.lua")
PATIENCE_S: Final = 30


def ceiling(
    url: str, cases: Path, connections: int, seconds: float, headers: Mapping[str, str]
) -> Figures:
    """Requests a second and their latency; ``cases`` has one body a line."""
    command = [found("wrk", "wrk"), "--threads", "1", "--connections", str(connections)]
    command += ["--duration", f"{max(1, round(seconds))}s", "--timeout", f"{PATIENCE_S}s"]
    command += ["--script", str(SCRIPT), url, "--", str(cases)]
    command += [f"{name}={value}" for name, value in headers.items()]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=seconds + 2 * PATIENCE_S
    )
    return _read(done.stdout)


def _read(output: str) -> Figures:
    line = next(line for line in output.splitlines() if line.startswith("RESULT "))
    answered, took_us, p50, p99, refused, broken = (float(word) for word in line.split()[1:])
    sound = max(0, round(answered - refused))
    return Figures(
        answered=sound,
        errors=round(refused + broken),
        seconds=took_us / 1e6,
        p50_ms=p50,
        p99_ms=p99,
    )
