"""Backup and restore as docs/operations.md has them, on a PostgreSQL of the test's own."""

import subprocess

import pytest
from django.db import connection

from scripts.restore_drill import Drill, DrillFailed, a_place
from scripts.stack_parts import ROOT

pytestmark = pytest.mark.services


@pytest.fixture(autouse=True)
def needs_postgres() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite is copied with its own backup command")


def test_nothing_acknowledged_is_missing_after_a_restore() -> None:
    with a_place() as home:
        drill = Drill(home)
        told = drill.run(60)

    assert len(drill.acknowledged) >= 80
    assert " 0 of them missing" in told


def test_the_drill_notices_what_is_missing() -> None:
    with a_place() as home, pytest.raises(DrillFailed, match=r"[1-9]\d* of them missing"):
        Drill(home, synchronous=False).run(60)


def test_a_restore_does_not_write_over_anything() -> None:
    with a_place() as home:
        (home / "data").mkdir()
        (home / "data" / "PG_VERSION").write_text("15")
        done = subprocess.run(
            [ROOT / "scripts" / "restore", home, home, home / "data"],
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert "not empty" in done.stderr
