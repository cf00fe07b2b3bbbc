"""JSON lines: on each line the body of ``POST /api/sessions/``, with a ``reference`` if need be."""

from typing import Final

from diagnosis.serializers.requests import MAX_BODY_BYTES, CaseBody, case_of, decoded
from diagnosis.serializers.uploads.faults import Gathered

MAX_ROW_BYTES: Final = MAX_BODY_BYTES


class CaseLine(CaseBody, frozen=True, forbid_unknown_fields=True):
    """A case of a batch; ``reference`` is the sender's own pseudonym for it."""

    reference: str = ""


def read_lines(text: str, gathered: Gathered) -> None:
    """Every line that is not blank; lines count from 1."""
    # not splitlines: it would also split at characters that JSON allows within text
    for row, line in enumerate(text.split("\n"), start=1):
        if gathered.is_full:
            return
        if line.strip():
            _read_line(row, line.encode(), gathered)


def _read_line(row: int, line: bytes, gathered: Gathered) -> None:
    if len(line) > MAX_ROW_BYTES:
        gathered.fault(row, "row", f"is longer than {MAX_ROW_BYTES // 1024} KiB.")
        return
    with gathered.faults_of(row):
        body = decoded(line, CaseLine)
        gathered.take(row, body.reference, lambda: case_of(_case_body(body)))


def _case_body(line: CaseLine) -> CaseBody:
    return CaseBody(**{name: getattr(line, name) for name in CaseBody.__struct_fields__})
