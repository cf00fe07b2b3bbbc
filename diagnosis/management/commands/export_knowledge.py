"""``manage.py export_knowledge FOLDER``: the tables back into files."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from agents.errors import InvalidKnowledge
from diagnosis import services


class Command(BaseCommand):
    help = "Writes the knowledge in the database to files; unchanged files are left alone."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["folder"]
        try:
            changed = services.export_knowledge(folder)
        except InvalidKnowledge as error:
            raise CommandError("\n".join(error.faults)) from None
        for path in changed:
            self.stdout.write(str(path.relative_to(folder)))
        self.stdout.write(f"{len(changed)} files changed")
