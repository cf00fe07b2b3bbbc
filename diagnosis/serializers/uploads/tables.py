"""CSV: a header of known columns, then one case a row.

``symptoms`` and ``absent`` hold names separated by ';'. A vital sign or an age is a number, with
a unit if it is not ours: ``101 F``, ``3 months``.
"""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from agents.types import SECTIONS, Case
from diagnosis.serializers.faults import misfit, refused_field
from diagnosis.serializers.requests import CaseBody, VitalsBody, case_of
from diagnosis.serializers.uploads.faults import Gathered
from diagnosis.serializers.uploads.lines import MAX_ROW_BYTES

_VITALS: Final = VitalsBody.__struct_fields__
_PATIENT: Final = ("age", "sex", "gender", "pregnant")
_SECTIONS: Final = tuple(name for name in SECTIONS if name != "text")
COLUMNS: Final = (
    "reference",
    "note",
    *_SECTIONS,
    "symptoms",
    "absent",
    *_VITALS,
    *_PATIENT,
    "setting",
)
_DELIMITERS: Final = ",;\t"
_AMOUNT: Final = re.compile(r"(-?\d{1,6}(?:\.\d{1,6})?)\s*([^\d\s.,-][^\d\s]{0,9})?")
_YES_NO: Final[Mapping[str, bool]] = {
    "true": True,
    "yes": True,
    "1": True,
    "false": False,
    "no": False,
    "0": False,
}


def read_table(text: str, gathered: Gathered) -> None:
    """Every row that is not blank; the header's line is 1."""
    delimiter = max(_DELIMITERS, key=text.partition("\n")[0].count)
    # not splitlines: it would also split at characters that a cell may hold
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    began = 1
    header: list[str] | None = None
    try:
        for cells in rows:
            row, began = began, rows.line_num + 1
            if header is None:
                header = _header(cells, gathered)
                if gathered.faults:
                    return
            elif any(map(str.strip, cells)):
                _read_row(row, header, cells, gathered)
            if gathered.is_full:
                return
    except csv.Error as error:
        gathered.fault(began, "row", f"cannot be read: {error}.")


def _header(cells: Sequence[str], gathered: Gathered) -> list[str]:
    names = [cell.strip().lower() for cell in cells]
    for name in dict.fromkeys(names):
        if name not in COLUMNS:
            known = ", ".join(COLUMNS)
            gathered.fault(1, name[:80] or "header", f"is not a known column. Known: {known}.")
        elif names.count(name) > 1:
            gathered.fault(1, name, "is given twice.")
    return names


def _read_row(row: int, header: Sequence[str], cells: Sequence[str], gathered: Gathered) -> None:
    if len(cells) != len(header):
        gathered.fault(row, "row", f"has {len(cells)} cells; the header has {len(header)}.")
        return
    if sum(len(cell.encode()) for cell in cells) > MAX_ROW_BYTES:
        gathered.fault(row, "row", f"is longer than {MAX_ROW_BYTES // 1024} KiB.")
        return
    given = {name: text for name, cell in zip(header, cells, strict=True) if (text := cell.strip())}
    gathered.take(row, given.pop("reference", ""), lambda: _case(given))


def _case(given: Mapping[str, str]) -> Case:
    try:
        return case_of(msgspec.convert(_body(given), CaseBody))
    except msgspec.ValidationError as error:
        raise misfit(str(error)) from None


def _body(given: Mapping[str, str]) -> dict[str, Any]:
    """The row in the form of a REST body, which then is checked as such."""
    body: dict[str, Any] = {}
    note = {"text": given["note"]} if "note" in given else {}
    if note := note | {name: given[name] for name in _SECTIONS if name in given}:
        body["note"] = note
    body["symptoms"] = [
        *({"name": name} for name in _names(given.get("symptoms", ""))),
        *({"name": name, "presence": "absent"} for name in _names(given.get("absent", ""))),
    ]
    if vitals := {name: _vital(name, given[name]) for name in _VITALS if name in given}:
        body["vitals"] = vitals
    if patient := {name: _detail(name, given[name]) for name in _PATIENT if name in given}:
        body["patient_info"] = patient
    if "setting" in given:
        body["setting"] = given["setting"].lower()
    return body


def _names(cell: str) -> list[str]:
    return [name for part in cell.split(";") if (name := part.strip())]


def _vital(name: str, cell: str) -> Any:
    if name == "consciousness":
        return cell.lower()
    if name == "on_oxygen":
        return _yes_no(f"vitals.{name}", cell)
    amount = _amount(f"vitals.{name}", cell)
    is_whole = isinstance(amount, float) and amount.is_integer()
    return int(cell) if name == "gcs" and is_whole else amount


def _detail(name: str, cell: str) -> Any:
    if name == "age":
        return _amount("patient_info.age", cell)
    if name == "pregnant" and cell.lower() in _YES_NO:
        return _YES_NO[cell.lower()]
    return cell.lower()


def _yes_no(field: str, cell: str) -> bool:
    if cell.lower() not in _YES_NO:
        raise refused_field(field, "has to be true or false.")
    return _YES_NO[cell.lower()]


def _amount(field: str, cell: str) -> float | dict[str, Any]:
    """A number, or a number with its unit."""
    read = _AMOUNT.fullmatch(cell)
    if read is None:
        raise refused_field(field, 'has to be a number, or a number with a unit such as "101 F".')
    value = float(read[1])
    return {"value": value, "unit": read[2]} if read[2] else value
