"""Batches as REST answers, and their results as files."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Struct

from agents.types import Consultation
from diagnosis.serializers.faults import misfit
from diagnosis.serializers.uploads import Upload
from diagnosis.serializers.uploads.faults import RowFault
from diagnosis.values import BatchCounts

MOST_LIKELY: Final = 5


class UploadQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """``dry_run`` reads and checks, and stores nothing."""

    dry_run: bool = False


class BatchDocument(Struct, frozen=True):
    """One batch. ``counts`` are those of its last event; ``ignored`` are FHIR resource types."""

    id: UUID
    format: Literal["csv", "jsonl", "fhir"]
    status: Literal["queued", "running", "completed", "cancelled", "failed"]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    counts: BatchCounts
    ignored: dict[str, int]
    self: str
    results: str
    events: str


class UploadReport(Struct, frozen=True):
    """What a dry run found; with faults in ``rows`` the upload would be refused."""

    format: Literal["csv", "jsonl", "fhir"]
    cases: int
    rows: tuple[RowFault, ...]
    ignored: dict[str, int]


class LikelyCondition(Struct, frozen=True):
    condition: str
    name: str
    icd10: tuple[str, ...]
    probability: float


class ResultLine(Struct, frozen=True):
    """What one case came to; ``row`` is its place in the upload.

    ``status`` is ``partial`` where an agent was missing, which ``missing_agents`` names; a
    partial answer is not a whole one. ``session`` is where everything else stands.
    """

    row: int
    reference: str
    status: Literal["queued", "running", "complete", "partial", "failed", "cancelled"]
    problem: str
    session_id: UUID | None = None
    session: str = ""
    urgency: str = ""
    most_likely: tuple[LikelyCondition, ...] = ()
    dont_miss: tuple[LikelyCondition, ...] = ()
    red_flags: tuple[str, ...] = ()
    missing_agents: tuple[str, ...] = ()
    unrecognised: tuple[str, ...] = ()
    engine: str = ""
    knowledge: str = ""


def upload_query(parameters: Mapping[str, str]) -> UploadQuery:
    """The query string. Raises Refusal that names the parameter."""
    try:
        return msgspec.convert(dict(parameters.items()), UploadQuery, strict=False)
    except msgspec.ValidationError as error:
        raise misfit(str(error)) from None


def batch_document(batch: Any) -> BatchDocument:
    """A batch from its row alone."""
    ended = batch.complete + batch.partial + batch.failed
    others = batch.total - ended
    is_cancelled = batch.status == "cancelled"
    path = f"/api/v1/batches/{batch.id}/"
    return BatchDocument(
        id=batch.id,
        format=batch.format,
        status=batch.status,
        created_at=batch.created_at,
        started_at=batch.started_at,
        finished_at=batch.finished_at,
        counts=BatchCounts(
            total=batch.total,
            complete=batch.complete,
            partial=batch.partial,
            failed=batch.failed,
            cancelled=others if is_cancelled else 0,
            left=0 if is_cancelled else others,
        ),
        ignored=batch.ignored,
        self=path,
        results=f"{path}results",
        events=f"/ws/batches/{batch.id}/",
    )


def upload_report(upload: Upload) -> UploadReport:
    """What was read, and every fault."""
    return UploadReport(
        format=upload.format,  # type: ignore[arg-type]
        cases=len(upload.cases),
        rows=upload.faults,
        ignored=upload.ignored,
    )


# --- results ------------------------------------------------------------------------------------


def result_line(case: Any) -> ResultLine:
    """One case of a batch with its stored session."""
    line = ResultLine(case.row, case.reference, case.status, case.problem)
    session = case.session
    if session is None or not session.consultation:
        return line
    consultation = msgspec.json.decode(session.consultation, type=Consultation)
    differential = consultation.differential
    return msgspec.structs.replace(
        line,
        session_id=session.id,
        session=f"/api/v1/sessions/{session.id}/",
        urgency=session.urgency,
        most_likely=_likely(differential.most_likely[:MOST_LIKELY]),
        dont_miss=_likely(differential.dont_miss),
        red_flags=tuple(flag.title for flag in consultation.red_flags),
        missing_agents=tuple(agent.value for agent in consultation.missing_agents),
        unrecognised=consultation.reading.unrecognised,
        engine=session.engine,
        knowledge=session.knowledge,
    )


def _likely(candidates: Iterable[Any]) -> tuple[LikelyCondition, ...]:
    return tuple(
        LikelyCondition(c.condition, c.name, c.icd10, round(c.probability, 6)) for c in candidates
    )


def jsonl_of(lines: Iterable[ResultLine]) -> bytes:
    """One JSON object a line."""
    return b"".join(msgspec.json.encode(line) + b"\n" for line in lines)


def _part(part: str, rank: int, line: ResultLine) -> str:
    if rank > len(line.most_likely):
        return ""
    likely = line.most_likely[rank - 1]
    texts = {
        "condition": likely.name,
        "icd10": " ".join(likely.icd10),
        "probability": f"{likely.probability:.4f}",
    }
    return texts[part]


COLUMNS: Final[Mapping[str, Callable[[ResultLine], str]]] = {
    "row": lambda line: str(line.row),
    "reference": lambda line: line.reference,
    "status": lambda line: line.status,
    "problem": lambda line: line.problem,
    "session_id": lambda line: str(line.session_id or ""),
    "urgency": lambda line: line.urgency,
    **{
        f"{part}_{rank}": partial(_part, part, rank)
        for rank in range(1, MOST_LIKELY + 1)
        for part in ("condition", "icd10", "probability")
    },
    "dont_miss": lambda line: "; ".join(each.name for each in line.dont_miss),
    "red_flags": lambda line: "; ".join(line.red_flags),
    "missing_agents": lambda line: "; ".join(line.missing_agents),
    "unrecognised": lambda line: "; ".join(line.unrecognised),
    "engine": lambda line: line.engine,
    "knowledge": lambda line: line.knowledge,
}
"""Columns of the CSV file, with what stands in them."""


def csv_header() -> bytes:
    """The first line."""
    return _written([tuple(COLUMNS)])


def csv_of(lines: Iterable[ResultLine]) -> bytes:
    """Rows without the header."""
    return _written([tuple(escaped(cell(line)) for cell in COLUMNS.values()) for line in lines])


def escaped(cell: str) -> str:
    """The cell such that a spreadsheet program shows it and does not compute it."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else cell


def _written(rows: Iterable[tuple[str, ...]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()


def results_file(form: str, pages: Callable[[int], list[Any]], start: int = 0) -> Iterator[bytes]:
    """The file piece by piece; ``pages`` gives the cases beyond a position, none at the end."""
    if form == "csv":
        yield csv_header()
    while cases := pages(start):
        lines = map(result_line, cases)
        yield csv_of(lines) if form == "csv" else jsonl_of(lines)
        start = cases[-1].position
