"""Collects the static files for a local stack, once for as long as nothing has changed."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from scripts.stack_parts import ROOT, StackError


def collected_static(target: Path, environment: Mapping[str, str]) -> None:
    """Compressing takes a minute; stacks that start one after another share the files."""
    stamp = target / ".made-from"
    wanted = _made_from()
    if stamp.exists() and stamp.read_text(encoding="ascii") == wanted:
        return
    target.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--noinput", "--clear", "-v", "0"],
        cwd=ROOT,
        env={**environment, "STATIC_ROOT": str(target)},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    if done.returncode != 0:
        raise StackError(f"The static files could not be collected: {done.stderr.strip()[-2000:]}")
    # a stack that looks meanwhile sees the old stamp or the whole new one
    fresh = stamp.with_suffix(f".{os.getpid()}")
    fresh.write_text(wanted, encoding="ascii")
    fresh.replace(stamp)


def _made_from() -> str:
    digest = hashlib.sha256((ROOT / "requirements.txt").read_bytes())
    for path in sorted((ROOT / "static").rglob("*")):
        if path.is_file():
            digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()
