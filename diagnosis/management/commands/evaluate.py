"""``manage.py evaluate CASES.jsonl [...] [--out RANKS.jsonl]``: accuracy and triage on vignettes.

Needs no server, no service and no prepared database: it uses the shipped knowledge.
"""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError

from agents.coordinator import Coordinator
from agents.evaluation import (
    DEPTHS,
    LEVELS,
    Report,
    Share,
    Vignette,
    evaluate,
    read_vignettes,
)
from agents.knowledge.base import compile_knowledge
from agents.knowledge.loader import read_shipped


class Command(BaseCommand):
    help = "Measures accuracy, triage and calibration on a file of vignettes (JSON lines)."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("cases", nargs="+", type=Path, help="files in the neutral case format")
        parser.add_argument("--out", type=Path, help="write the ranks, a line a case")
        parser.add_argument("--misses", type=int, default=40, help="how many misses to list")

    def handle(self, *args: Any, **options: Any) -> None:
        vignettes = [v for path in options["cases"] for v in read_file(path)]
        if not vignettes:
            raise CommandError("There is no case in these files.")
        knowledge = compile_knowledge(read_shipped())
        report = evaluate(vignettes, knowledge, Coordinator(), self._progress)
        if options["out"]:
            _write(options["out"], report)
        self._print(report, options["misses"])

    def _progress(self, done: int, total: int) -> None:
        if done == total or done % 20 == 0:
            self.stderr.write(f"\r{done} of {total} cases", ending="\n" if done == total else "")
            self.stderr.flush()

    def _print(self, report: Report, misses: int) -> None:
        self.stdout.write(f"cases        {len(report.outcomes)}")
        for depth in DEPTHS:
            self.stdout.write(f"M{depth:<12}{_shown(report.found_within(depth))}")
        self.stdout.write(f"unanswered   {report.unanswered()}")
        self.stdout.write(f"Brier score  {report.brier():.3f}")
        if report.triage().total:
            self.stdout.write(f"triage       {_shown(report.triage())}")
            for level in LEVELS:
                self.stdout.write(f"  {level:<14}{_shown(report.triage(level))}")
            self.stdout.write(f"emergencies under-triaged  {_shown(report.under_triaged())}")
        missed = report.misses()
        if missed:
            self.stdout.write(f"\nnot first ({len(missed)}):")
        for outcome in missed[:misses]:
            gold = outcome.vignette.gold.name
            self.stdout.write(f"  {outcome.vignette.id}  {gold}: {outcome.reason}")
        if len(missed) > misses:
            self.stdout.write(f"  ... and {len(missed) - misses} more (--misses)")


def _shown(share: Share) -> str:
    if not share.total:
        return "no case"
    low, high = share.interval
    return (
        f"{100 * share.value:5.1f} %  ({100 * low:.1f} to {100 * high:.1f})"
        f"  {share.hits} of {share.total}"
    )


def read_file(path: Path) -> list[Vignette]:
    """Raises CommandError for a file that is not there or not in the format."""
    try:
        with path.open(encoding="utf-8") as lines:
            return read_vignettes(lines)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CommandError(f"{path}: not in the case format: {error}") from error


def _write(path: Path, report: Report) -> None:
    with path.open("wb") as out:
        for outcome in report.outcomes:
            out.write(msgspec.json.encode(outcome.ranks) + b"\n")
