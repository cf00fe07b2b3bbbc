"""``manage.py partitions``: the months of sessions: made ahead, listed, and dropped when old."""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand

from diagnosis.services.partitions import ensure_months, is_partitioned, session_spans
from diagnosis.services.retention import drop_past_sessions, kept_since
from diagnosis.values import SessionSpan


class Command(BaseCommand):
    help = (
        "Makes this month's partition and those ahead (SESSION_MONTHS_AHEAD), and lists all. With "
        "--drop, sessions past SESSION_KEEP_MONTHS are removed for good, on SQLite too."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--drop", action="store_true", help="remove sessions past their time")

    def handle(self, *args: Any, **options: Any) -> None:
        for name in ensure_months():
            self.stdout.write(f"made {name}")
        if options["drop"]:
            for name in drop_past_sessions():
                self.stdout.write(f"dropped {name}")
        if not is_partitioned():
            self.stdout.write("Sessions are in one table: only PostgreSQL has partitions here.")
            return
        limit = kept_since()
        for span in session_spans():
            self.stdout.write(_line(span, limit))


def _line(span: SessionSpan, limit: datetime | None) -> str:
    if span.until is None:
        # a session here came when its month had not been made; the next run moves it
        return f"{span.name:<40} whatever has no month, about {span.rows} sessions"
    since = f"{span.since:%Y-%m-%d}" if span.since else "the first"
    past = "  past its time, --drop removes it" if limit and span.until <= limit else ""
    size = f"{span.size / 2**20:.1f} MiB"
    return (
        f"{span.name:<40} {since:>10} to {span.until:%Y-%m-%d}"
        f"  about {span.rows} sessions, {size}{past}"
    )
