"""Writes docs/configuration.md and .env.example from what the settings read.

``python -m scripts.configuration`` writes them, with ``--check`` it only compares.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INTRODUCTION = """\
# Configuration

Written from `healthcare/settings.py` by `make configuration`; `make check` fails when it is stale.

Every setting is an environment variable, or a line of the file `.env` (`ENV_FILE` names another).
A secret can come from a file: set `NAME_FILE` to its path instead of `NAME`. A value that is
malformed stops the start with a sentence that names it, all of them at once.

| variable | default | meaning |
|---|---|---|
"""


def documents() -> dict[Path, str]:
    """What each file should hold."""
    os.environ["ENV_FILE"] = ""
    from healthcare.settings import env

    rows, example = [], ["# Copy to .env and change; see docs/configuration.md.\n"]
    for variable in sorted(
        env.known.values(), key=lambda v: (not v.required_in_production, v.name)
    ):
        needed = "**Required in production.** " if variable.required_in_production else ""
        default = (
            variable.default
            if not variable.default or " " in variable.default
            else f"`{variable.default}`"
        )
        rows.append(f"| `{variable.name}` | {default} | {needed}{variable.meaning} |\n")
        example.append(f"\n# {needed.replace('*', '')}{variable.meaning}\n#{variable.name}=\n")
    return {
        ROOT / "docs" / "configuration.md": INTRODUCTION + "".join(rows),
        ROOT / ".env.example": "".join(example),
    }


def main(arguments: list[str]) -> int:
    stale = [
        path
        for path, text in documents().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    if "--check" in arguments:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is out of date: make configuration", file=sys.stderr)
        return 1 if stale else 0
    for path in stale:
        path.write_text(documents()[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
