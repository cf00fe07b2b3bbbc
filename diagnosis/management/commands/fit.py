"""``manage.py fit CASES.jsonl [...]``: fits the parameters of the ranking, with cross-validation.

Prints what it finds; the defaults in ``agents.inference.Parameters`` are changed by hand in a
commit that carries this output, so that every change of behaviour is reviewed.
"""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from msgspec import structs

from agents.fitting import fit, prepared
from agents.inference import Parameters
from agents.knowledge.base import compile_knowledge
from agents.knowledge.loader import read_shipped
from diagnosis.management.commands.evaluate import read_file


class Command(BaseCommand):
    help = "Fits the parameters of the ranking on vignettes and reports the held-out score."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("cases", nargs="+", type=Path)
        parser.add_argument("--folds", type=int, default=4)

    def handle(self, *args: Any, **options: Any) -> None:
        knowledge = compile_knowledge(read_shipped())
        cases = prepared([v for path in options["cases"] for v in read_file(path)], knowledge)
        if len(cases) < 2 * options["folds"]:
            raise CommandError("There are too few cases for so many folds.")
        found = fit(cases, knowledge, Parameters(), options["folds"], self.stdout.write)
        self.stdout.write(f"mean log probability of the right condition, {len(cases)} cases")
        self.stdout.write(f"  now       {found.before:.3f}")
        self.stdout.write(f"  fitted    {found.fitted:.3f}")
        self.stdout.write(f"  held out  {found.held_out:.3f}")
        for name, value in structs.asdict(found.parameters).items():
            changed = "" if value == getattr(Parameters(), name) else "  (changed)"
            self.stdout.write(f"  {name} = {value:g}{changed}")
