"""The short form of ``make faults``: each fault a few times, counts and promises only.

It brings its own PostgreSQL and Redis, so it runs once and not on every stack of ``make test``.
"""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from faults.client import Entry, Ledger
from faults.findings import Finding, page
from faults.rows import _of_entry
from healthcare.tests.deployment import need

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 400


def test_the_promises_are_kept() -> None:
    need("postgres", "redis-server", "nginx")
    ended = subprocess.run(
        [sys.executable, "-m", "faults", "--short"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
    assert "FAILED" not in ended.stdout
    assert "Negative control" in ended.stdout


# --- the check itself -----------------------------------------------------------------------------


def entry(promise: str, *, key: str = "k", status: int = 200) -> Entry:
    told = Entry("ref", key, b"", 0.0, session="id", status=status)
    told.promise = promise  # type: ignore[assignment]
    return told


@pytest.mark.parametrize(
    ("told", "stored", "said"),
    [
        (entry("acknowledged"), {"id": "ref"}, []),
        (entry("acknowledged"), {}, ["acknowledged and missing: ref"]),
        (entry("acknowledged"), {"id": "another"}, ["acknowledged and missing: ref"]),
        (entry("acknowledged"), {"id": "ref", "2": "ref"}, ["stored 2 times: ref"]),
        (entry("refused", status=400), {}, []),
        (entry("refused", status=400), {"1": "ref"}, ["refused with 400 and stored: ref"]),
        (entry("unknown", key="", status=503), {"1": "ref"}, []),
        (entry("unknown", status=409), {}, ["repeated without an answer (409): ref"]),
    ],
)
def test_a_promise_that_was_not_kept_is_said(
    told: Entry, stored: dict[str, str], said: list[str]
) -> None:
    assert _of_entry(told, stored, references(stored)) == said


def references(stored: dict[str, str]) -> "Counter[str]":
    return Counter(stored.values())


def test_a_503_without_retry_after_is_counted() -> None:
    assert Ledger([entry("unknown", status=503), entry("unknown", status=0)]).lacking_retry_after()


def test_the_page_says_what_failed() -> None:
    text = page([Finding("a fault", "all is well", "3 lost", False, ("acknowledged: x",))])
    assert "| a fault | all is well | 3 lost | **no** |" in text
    assert "- a fault: acknowledged: x" in text
