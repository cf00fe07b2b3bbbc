"""``manage.py seed_sessions``: made-up sessions by the million, to see what growth costs."""

import time
from argparse import ArgumentParser
from typing import Any

from asgiref.sync import async_to_sync
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from diagnosis.services.seeding import seed_sessions


class Command(BaseCommand):
    help = "Stores made-up sessions, marked as such for good. Not for an installation in use."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("number", type=int)
        parser.add_argument("--days", type=int, default=365, help="how far back they reach")
        parser.add_argument("--yes", action="store_true", help="in production too")

    def handle(self, *args: Any, **options: Any) -> None:
        number, days = options["number"], options["days"]
        if number < 1 or days < 1:
            raise CommandError("Give a number of sessions and of days above 0.")
        if settings.PRODUCTION and not options["yes"]:
            raise CommandError(
                "This is production: made-up sessions would stand among real ones. --yes overrides."
            )
        begun = time.monotonic()
        async_to_sync(seed_sessions)(number, days, self._told)
        took = time.monotonic() - begun
        self.stdout.write(f"{number} made-up sessions in {took:.1f} s")

    def _told(self, stored: int) -> None:
        if stored % 100_000 == 0:
            self.stdout.write(f"  {stored}", ending="\r")
