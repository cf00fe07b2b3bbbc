"""``manage.py consult``: a case from a file or standard input, its consultation to the terminal.

Nothing is stored, and no database has to be there: without one the shipped knowledge is used.
"""

import asyncio
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError

from agents.errors import DecisionSupportError, InvalidKnowledge
from agents.types import Case, Note, Presence, Setting, Sex
from diagnosis import services
from diagnosis.management.plain_text import plain_text
from diagnosis.problems import problem_of
from diagnosis.serializers.requests import case_from_body


class Command(BaseCommand):
    help = "Prints the consultation of a case: a note in plain text, or the JSON of the REST API."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", default="-", help="a file, or - for standard input")
        parser.add_argument("--format", choices=("text", "json"), default="text")
        parser.add_argument("--age", type=float, help="years; for a note in plain text")
        parser.add_argument("--sex", choices=[sex.value for sex in Sex])
        parser.add_argument("--pregnant", action="store_true")
        parser.add_argument(
            "--setting",
            choices=[setting.value for setting in Setting],
            default=Setting.PRIMARY_CARE.value,
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            case = _case(_read(options["file"]), options)
            consultation = asyncio.run(services.consult_unstored(case))
        except InvalidKnowledge as error:
            raise CommandError("\n".join(error.faults)) from None
        except DecisionSupportError as error:
            raise CommandError(_reason(error)) from None
        if options["format"] == "json":
            self.stdout.write(msgspec.json.encode(consultation).decode())
        else:
            self.stdout.write(plain_text(consultation))


def _reason(error: DecisionSupportError) -> str:
    problem = problem_of(error)
    faults = [f"{fault.field}: {fault.reason}" for fault in problem.errors]
    return "\n".join(faults) or problem.detail or problem.kind.page


def _read(name: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror}.") from None


def _case(body: bytes, options: dict[str, Any]) -> Case:
    """JSON is taken as the body of a REST request, anything else as a note."""
    if body.lstrip().startswith(b"{"):
        return case_from_body(body)
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise CommandError("The note has to be UTF-8 text.") from None
    return Case(
        note=Note(text=text.strip()),
        age_years=options["age"],
        sex=Sex(options["sex"]) if options["sex"] else None,
        pregnant=Presence.PRESENT if options["pregnant"] else Presence.UNKNOWN,
        setting=Setting(options["setting"]),
    )
