"""``manage.py delete_old_batches``: what beat does every hour, for who has another scheduler."""

from typing import Any

from django.core.management.base import BaseCommand

from diagnosis import services


class Command(BaseCommand):
    help = "Deletes batches that ended BATCH_KEEP_DAYS ago; their sessions stay."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{services.delete_old_batches()} batches deleted")
