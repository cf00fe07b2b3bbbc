"""``manage.py demo_accounts``: a clinician and an administrator to try the product with."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from diagnosis.services.accounts import DEMO_ADMINISTRATOR, DEMO_CLINICIAN, make_demo_account
from healthcare.embedded import kept_secret


class Command(BaseCommand):
    help = "Makes demo accounts and prints their passwords, which are kept in var/."

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("There are no demo accounts in production.")
        for username in (DEMO_CLINICIAN, DEMO_ADMINISTRATOR):
            password = kept_secret(Path(settings.VAR_DIR) / f"demo_{username}", length=9)
            opens = make_demo_account(username, password)
            told = password if opens else "(was changed)"
            self.stdout.write(f"  {username:<14} {told}")
