"""``manage.py publish_knowledge``: what stands in the tables becomes the release in use."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from agents.errors import InvalidKnowledge
from diagnosis import services
from diagnosis.policies import Actor


class Command(BaseCommand):
    help = "Publishes the knowledge in the database; every worker picks it up."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            change = services.publish_knowledge(Actor.system())
        except InvalidKnowledge as error:
            raise CommandError(
                "Nothing was published:\n" + "\n".join(f"- {fault}" for fault in error.faults)
            ) from None
        word = "published" if change.published else "already in use:"
        self.stdout.write(f"{word} release {change.release[:12]}")
