"""What growth costs: ``python -m benchmarks.growth [--sizes 10000,1000000]``.

Each store (PostgreSQL with monthly partitions, PostgreSQL with one table, SQLite) is made afresh
in a temporary place, filled with made-up sessions over two years and measured at each size by a
process of its own, which prints JSON lines. The parent writes docs/performance-growth.md.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg

from scripts import stack_parts, stack_services

ROOT: Final = Path(__file__).resolve().parent.parent
MEASURE: Final = "from benchmarks.growth_measure import main; main({})"
PAGE: Final = ROOT / "docs" / "performance-growth.md"
STORES: Final = {
    "partitions": "PostgreSQL, monthly partitions",
    "plain": "PostgreSQL, one table",
    "sqlite": "SQLite",
}
_COLUMNS: Final = {
    "write_ms": "write, ms",
    "write_p50_ms": "write, median, ms",
    "writes_s": "writes/s, 64 waiting",
    "newest_ms": "newest 50, ms",
    "middle_ms": "50 from the middle, ms",
    "by_id_ms": "by id, ms",
    "events_ms": "events by id, ms",
    "plan_newest_ms": "of it planning newest 50, ms",
    "plan_by_id_ms": "of it planning by id, ms",
    "count_ms": "count(*), ms (never asked)",
}
_HEAD: Final = """\
# What growth costs

Written by `make bench-growth`: the fastest tenth of 200 calls on {cores} shared cores (what others
do there is not the store's cost), and the median of writes. PostgreSQL {version} with 512 MiB of
shared buffers, fsync on. Sessions are made up (`manage.py seed_sessions`), spread over 24 months
and 20 clinicians, with two events and an audit row each; their answers are shortened to 2 KB. A
write is a whole session with its opinions, events and audit as a consultation stores it (the
answer of ten coded findings, {answer_kb} KB); it returns after the commit. Newest 50 is a
clinician's list, with Django's part of it. Seeding took {seeding}.

"""


@dataclass(frozen=True)
class Store:
    name: str
    url: str
    size_of: str = ""

    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return kept | {"ENV_FILE": "", "DATABASE_URL": self.url, "LOG_LEVEL": "WARNING"}

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment(),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return done.stdout


@contextmanager
def stores(names: list[str]) -> Iterator[list[Store]]:
    """One PostgreSQL cluster with a database for each variant, and a file."""
    with tempfile.TemporaryDirectory(prefix="cds-growth-") as place:
        home = Path(place)
        home.chmod(0o755)
        (home / "logs").mkdir()
        port = stack_parts.free_port()
        options = {"shared_buffers": "512MB", "max_wal_size": "8GB"}
        cluster = stack_services.postgres(home, port, options)
        cluster.start()
        try:
            yield [_store(name, home, port) for name in names]
        finally:
            cluster.stop()


def _store(name: str, home: Path, port: int) -> Store:
    if name == "sqlite":
        return Store(name, f"sqlite:///{home / 'growth.sqlite3'}")
    url = stack_services.postgres_url(port, "postgres")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return Store(name, stack_services.postgres_url(port, name))


def measured(store: Store, sizes: list[int]) -> Iterator[dict[str, Any]]:
    # 'plain' is the schema of the migration before the partitions
    target = ["diagnosis", "0005"] if store.name == "plain" else []
    if store.name == "plain":
        store.run("manage.py", "migrate", "auth", "-v0")
    store.run("manage.py", "migrate", *target, "-v0")
    for size in sizes:
        line = store.run("manage.py", "shell", "-c", MEASURE.format(size))
        yield json.loads(line.splitlines()[-1]) | {"store": store.name}


def page(rows: list[dict[str, Any]]) -> str:
    seeded = [row for row in rows if row["seed_s"] > 20]
    seeding = "; ".join(
        f"{row['sessions']:,} sessions {row['seed_s']:.0f} s ({STORES[row['store']]})"
        for row in seeded
    )
    version = next((row["version"] for row in rows if row["version"]), "")
    head = _HEAD.format(
        cores=os.cpu_count(), version=version, answer_kb=rows[0]["answer_kb"], seeding=seeding
    )
    lines = [
        "| store | stored sessions | " + " | ".join(_COLUMNS.values()) + " |",
        "|---" * (len(_COLUMNS) + 2) + "|",
    ]
    for row in rows:
        figures = [_figure(row[column]) for column in _COLUMNS]
        lines.append(
            f"| {STORES[row['store']]} | {row['sessions']:,} | " + " | ".join(figures) + " |"
        )
    return head + "\n".join(lines) + "\n"


def _figure(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.growth", description=__doc__)
    parser.add_argument("--sizes", default="10000,1000000")
    parser.add_argument("--stores", default=",".join(STORES))
    parser.add_argument("--page", help="only write the page, from a file of printed lines")
    given = parser.parse_args(arguments)
    if given.page:
        printed = Path(given.page).read_text(encoding="utf-8").splitlines()
        PAGE.write_text(page([json.loads(line) for line in printed]), encoding="utf-8")
        return 0
    rows: list[dict[str, Any]] = []
    with stores(given.stores.split(",")) as made:
        for store in made:
            for row in measured(store, [int(size) for size in given.sizes.split(",")]):
                sys.stdout.write(json.dumps(row) + "\n")
                sys.stdout.flush()
                rows.append(row)
    PAGE.write_text(page(rows), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
