"""``manage.py consult_batch FILE``: hands in many cases and consults them here, with progress.

Rows say how far it has got, so that a run that was broken off goes on with ``--resume ID``.
"""

import asyncio
from argparse import ArgumentParser
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from agents.errors import DecisionSupportError
from diagnosis import live, selectors, services
from diagnosis.policies import Actor
from diagnosis.problems import problem_of
from diagnosis.serializers.batches import results_file
from diagnosis.serializers.uploads import FORMATS, Upload, upload_from

FORMAT_OF_SUFFIX = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "fhir"}
PAGE = 100
LOOK_AGAIN_S = 5.0
FAULTS_SHOWN = 50


class Command(BaseCommand):
    help = "Consults a file of cases: CSV, JSON lines, or a FHIR Bundle."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", type=Path, help="the cases; not with --resume")
        parser.add_argument("--format", choices=tuple(FORMATS), help="unless the name says it")
        parser.add_argument("--out", type=Path, help="write results, as .csv or .jsonl")
        parser.add_argument("--resume", type=UUID, metavar="ID", help="go on with this batch")

    def handle(self, *args: Any, **options: Any) -> None:
        if (options["file"] is None) is (options["resume"] is None):
            raise CommandError("Give a file, or --resume with the id of a batch.")
        batch_id = options["resume"] or self._submitted(options["file"], options["format"])
        try:
            # a batch that is not there is said before anything is done
            selectors.batch_for(Actor.system(), batch_id)
            asyncio.run(self._consulted(batch_id))
        except (DecisionSupportError, KeyboardInterrupt) as error:
            raise CommandError(_stopped(error, batch_id)) from None
        if options["out"]:
            self._write(options["out"], batch_id)

    def _submitted(self, path: Path, given: str | None) -> UUID:
        upload_format = given or FORMAT_OF_SUFFIX.get(path.suffix.lower())
        if upload_format is None:
            raise CommandError(f"Say with --format what {path.name} holds.")
        try:
            body = path.read_bytes()
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}.") from None
        try:
            upload = _read(body, upload_format)
            batch, _ = services.submit_batch(
                Actor.system(), upload_format, upload.cases, body, ignored=upload.ignored
            )
        except DecisionSupportError as error:
            raise CommandError(problem_of(error).detail) from None
        for kind, count in upload.ignored.items():
            self.stderr.write(f"not read: {count} {kind}")
        self.stderr.write(f"batch {batch.pk}: {batch.total} cases")
        return UUID(str(batch.pk))

    async def _consulted(self, batch_id: UUID) -> None:
        watching = asyncio.create_task(self._watch(batch_id))
        try:
            # another worker may still have some of the cases, or have died over them
            while not watching.done():
                await services.work_on_batch(batch_id)
                await asyncio.wait({watching}, timeout=LOOK_AGAIN_S)
            await watching
        finally:
            watching.cancel()
            await services.shutdown()

    async def _watch(self, batch_id: UUID) -> None:
        async for moment in live.stream_of_batch(batch_id):
            told = moment.detail
            done = told["total"] - told["left"]
            line = f"\r{done} of {told['total']} cases, {told['failed']} failed"
            self.stderr.write(line, ending="" if told["left"] else "\n")
            self.stderr.flush()

    def _write(self, path: Path, batch_id: UUID) -> None:
        form = "jsonl" if path.suffix.lower() in (".jsonl", ".ndjson") else "csv"
        pages = partial(_page, batch_id)
        with path.open("wb") as out:
            out.writelines(results_file(form, pages))
        self.stderr.write(f"results in {path}")


def _page(batch_id: UUID, after: int) -> list[Any]:
    return selectors.batch_results(batch_id, after, PAGE)


def _read(body: bytes, upload_format: str) -> Upload:
    """Raises CommandError with every fault."""
    upload = upload_from(
        body,
        upload_format,
        most_cases=settings.BATCH_MAX_CASES,
        today=datetime.now(UTC).date(),
    )
    if upload.faults:
        told = [f"row {f.row}, {f.field}: {f.reason}" for f in upload.faults[:FAULTS_SHOWN]]
        more = len(upload.faults) - len(told)
        raise CommandError("\n".join([*told, f"... and {more} more"] if more else told))
    return upload


def _stopped(error: BaseException, batch_id: UUID) -> str:
    problem = problem_of(error)
    why = (
        "Stopped." if isinstance(error, KeyboardInterrupt) else problem.detail or problem.kind.page
    )
    return f"{why}\nGo on with: manage.py consult_batch --resume {batch_id}"
