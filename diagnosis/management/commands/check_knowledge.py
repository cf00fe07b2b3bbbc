"""``manage.py check_knowledge``: what a reviewer of the shipped knowledge wants to know.

Faults that make the knowledge unusable stop it at once; everything else is reported. With
``--strict`` it fails where there is anything that has to be mended.
"""

from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from agents.errors import InvalidKnowledge
from agents.knowledge.base import compile_knowledge
from agents.knowledge.loader import read_shipped
from agents.knowledge.review import CLOSEST_NATS, OLD_YEARS, Review, review


class Command(BaseCommand):
    help = "Reports gaps, twins, collisions and sources of the shipped knowledge."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--all", action="store_true", help="list everything, not the first ten")
        parser.add_argument("--strict", action="store_true", help="fail where something is to mend")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            knowledge = compile_knowledge(read_shipped())
        except InvalidKnowledge as error:
            raise CommandError("\n".join(error.faults)) from None
        text = knowledge.text
        found = review(knowledge, timezone.localdate())
        self.stdout.write(
            f"{len(text.conditions)} conditions, {len(text.findings)} findings, "
            f"{len(text.red_flags)} red flags, {len(text.guidelines)} guidelines, "
            f"{len(text.sources)} sources; knowledge {knowledge.hash[:12]}"
        )
        self.stdout.write(
            f"{found.sourced_figures} of {found.figures} numbers name a source "
            f"({100 * found.sourced_share:.1f} %); the rest are estimates by band"
        )
        for title, entries in _sections(found):
            self._list(title, entries, None if options["all"] else 10)
        if options["strict"] and (found.without_hallmark or found.twins):
            raise CommandError("There are conditions without a hallmark, or twins.")

    def _list(self, title: str, entries: Sequence[str], most: int | None) -> None:
        self.stdout.write(f"\n{title}: {len(entries)}")
        for entry in entries[:most]:
            self.stdout.write(f"  {entry}")
        if most is not None and len(entries) > most:
            self.stdout.write(f"  ... and {len(entries) - most} more (--all)")


def _sections(found: Review) -> list[tuple[str, list[str]]]:
    return [
        ("conditions without a hallmark", list(found.without_hallmark)),
        ("conditions with fewer than twelve items", list(found.thin)),
        ("findings that nothing uses", list(found.unused_findings)),
        (
            f"pairs that {CLOSEST_NATS:g} nat or less separates",
            [f"{t.first} / {t.second} ({t.nats:g})" for t in found.twins],
        ),
        (f"sources older than {OLD_YEARS} years", list(found.old_sources)),
        (
            "wordings that several findings claim",
            [f"{c.wording!r}: {', '.join(c.findings)}" for c in found.collisions],
        ),
    ]
