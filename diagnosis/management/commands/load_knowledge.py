"""``manage.py load_knowledge``: the shipped files into the database, published."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from agents.errors import InvalidKnowledge
from agents.knowledge.loader import SHIPPED, read_shipped
from diagnosis import services
from diagnosis.policies import Actor


class Command(BaseCommand):
    help = "Loads the knowledge files into the database and publishes them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--from", dest="root", type=Path, default=SHIPPED, metavar="FOLDER")
        parser.add_argument(
            "--replace-edited",
            action="store_true",
            help="Also overwrite what staff have edited in the admin.",
        )
        parser.add_argument("--no-publish", action="store_true", help="Only fill the tables.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            change = services.load_knowledge(
                Actor.system(),
                read_shipped(options["root"]),
                replace_edited=options["replace_edited"],
                publish=not options["no_publish"],
            )
        except InvalidKnowledge as error:
            raise CommandError(
                "Nothing was loaded:\n" + "\n".join(f"- {fault}" for fault in error.faults)
            ) from None
        self.stdout.write(
            f"{change.added} added, {change.changed} changed, {change.removed} removed"
        )
        for kept in change.kept_edited:
            self.stdout.write(f"kept as edited: {kept}")
        if change.release:
            word = "published" if change.published else "already in use:"
            self.stdout.write(f"{word} release {change.release[:12]}")
