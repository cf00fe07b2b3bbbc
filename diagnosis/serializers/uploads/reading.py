"""Which reader an upload needs, and what is refused before any row is read."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Final

from msgspec import Struct

from diagnosis.problems import (
    BODY_TOO_LARGE,
    INVALID_ROWS,
    UNSUPPORTED_UPLOAD,
    Problem,
    Refusal,
)
from diagnosis.serializers.uploads.bundles import read_bundle
from diagnosis.serializers.uploads.faults import Gathered, RowFault
from diagnosis.serializers.uploads.lines import read_lines
from diagnosis.serializers.uploads.tables import read_table
from diagnosis.values import UploadedCase

MAX_UPLOAD_BYTES: Final = 8 * 1024 * 1024
FORMATS: Final[Mapping[str, tuple[str, ...]]] = {
    "csv": ("text/csv",),
    "jsonl": ("application/jsonl", "application/x-ndjson", "application/x-jsonlines"),
    "fhir": ("application/fhir+json",),
}
"""Media types of each format; the first is the one that the schema names."""
_ARCHIVES: Final = (b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"\xd0\xcf\x11\xe0", b"7z\xbc\xaf")


class Upload(Struct, frozen=True):
    """What was read. ``ignored`` counts FHIR resource types that a case has no place for."""

    format: str
    cases: tuple[UploadedCase, ...]
    faults: tuple[RowFault, ...]
    ignored: dict[str, int]

    def refuse_faults(self) -> None:
        """Raises Refusal with every fault, where there is one."""
        if self.faults:
            told = (
                f"Nothing was taken. Correct what is wrong ({len(self.faults)}) and send all again."
            )
            rows = {"rows": [{f: getattr(x, f) for f in x.__struct_fields__} for x in self.faults]}
            raise Refusal(Problem(INVALID_ROWS, told, warnings=rows))


def format_of(content_type: str) -> str:
    """The format that a Content-Type announces. Raises Refusal (415)."""
    announced = content_type.partition(";")[0].strip().lower()
    for name, types in FORMATS.items():
        if announced in types:
            return name
    raise Refusal(Problem(UNSUPPORTED_UPLOAD))


def upload_from(body: bytes, upload_format: str, *, most_cases: int, today: date) -> Upload:
    """The cases of a body and everything that is wrong with it. Raises Refusal (413)."""
    if len(body) > MAX_UPLOAD_BYTES:
        told = f"An upload has at most {MAX_UPLOAD_BYTES // 1024 // 1024} MiB; send several."
        raise Refusal(Problem(BODY_TOO_LARGE, told))
    gathered = Gathered(most_cases)
    text = _text_of(body, gathered)
    if text is not None:
        _READERS[upload_format](text, gathered, today)
        _check_count(gathered)
    return Upload(
        upload_format, tuple(gathered.cases), tuple(gathered.faults), dict(gathered.ignored)
    )


_READERS: Final[Mapping[str, Callable[[str, Gathered, date], None]]] = {
    "csv": lambda text, gathered, today: read_table(text, gathered),
    "jsonl": lambda text, gathered, today: read_lines(text, gathered),
    "fhir": read_bundle,
}


def _text_of(body: bytes, gathered: Gathered) -> str | None:
    """The body as text; None with a fault where it is none."""
    if body.startswith(_ARCHIVES):
        reason = "is an archive or a spreadsheet file; export it as text and send that."
        gathered.fault(0, "body", reason)
        return None
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = body.count(b"\n", 0, error.start) + 1
        gathered.fault(row, "body", "is not UTF-8 text; save the file as UTF-8.")
        return None
    if "\x00" in text:
        row = text.count("\n", 0, text.index("\x00")) + 1
        gathered.fault(row, "body", "holds the control character U+0000.")
        return None
    if not text.strip():
        gathered.fault(0, "body", "is empty.")
        return None
    return text


def _check_count(gathered: Gathered) -> None:
    if len(gathered.cases) > gathered.most_cases:
        gathered.fault(0, "body", f"holds more than {gathered.most_cases} cases; send several.")
    elif not gathered.cases and not gathered.faults:
        gathered.fault(0, "body", "holds no case.")
