"""What a case must satisfy before any agent sees it."""

import math
import unicodedata
from collections.abc import Iterator

from agents.errors import InvalidCase
from agents.types import SECTIONS, Case, Note, Presence, Sex, StatedFinding, Vitals

MAX_NOTE_CHARACTERS = 20_000
MAX_FINDINGS = 100
MAX_NAME_CHARACTERS = 200
MAX_AGE_YEARS = 120.0
MAX_DURATION_HOURS = 24 * 366 * 120.0
_YOUNGEST_PREGNANT = 9.0
_OLDEST_PREGNANT = 65.0
_ALLOWED_CONTROLS = frozenset("\n\r\t")

VITAL_LIMITS: dict[str, tuple[float, float, str]] = {
    "temperature": (20.0, 46.0, "degrees Celsius"),
    "heart_rate": (0.0, 350.0, "beats per minute"),
    "respiratory_rate": (0.0, 150.0, "breaths per minute"),
    "systolic_bp": (0.0, 350.0, "mmHg"),
    "diastolic_bp": (0.0, 250.0, "mmHg"),
    "spo2": (0.0, 100.0, "percent"),
    "glucose": (0.0, 150.0, "mmol/L"),
    "weight": (0.2, 650.0, "kilograms"),
    "gcs": (3.0, 15.0, "points"),
}
"""Lowest and highest value that a living patient or an honest device can show."""


def checked_case(case: Case) -> Case:
    """The case itself; raises InvalidCase for the first rule that it breaks."""
    _check_note(case.note)
    _check_findings(case.findings)
    _check_vitals(case.vitals)
    _check_person(case)
    if not (case.note.sections() or case.findings or case.vitals != Vitals()):
        raise InvalidCase("case", "is empty: give a note, findings or vitals.")
    if not _says_something(case):
        raise InvalidCase("note", "holds no letters or digits.")
    return case


def _says_something(case: Case) -> bool:
    if case.findings or case.vitals != Vitals():
        return True
    return any(c.isalnum() for _, text in case.note.sections() for c in text)


def _check_note(note: Note) -> None:
    total = 0
    for section in SECTIONS:
        text = getattr(note, section)
        _check_text(f"note.{section}", text)
        total += len(text)
    if total > MAX_NOTE_CHARACTERS:
        raise InvalidCase(
            "note", f"has {total} characters; at most {MAX_NOTE_CHARACTERS} are read."
        )


def _check_text(field: str, text: str) -> None:
    for character in _unusual(text):
        code = ord(character)
        if 0xD800 <= code <= 0xDFFF:
            raise InvalidCase(field, "holds half of a surrogate pair; send valid Unicode.")
        raise InvalidCase(field, f"holds the control character U+{code:04X}.")


def _unusual(text: str) -> Iterator[str]:
    if text.isascii() and text.isprintable():
        return
    for character in text:
        category = unicodedata.category(character)
        if category == "Cs" or (category == "Cc" and character not in _ALLOWED_CONTROLS):
            yield character


def _check_findings(findings: tuple[StatedFinding, ...]) -> None:
    if len(findings) > MAX_FINDINGS:
        raise InvalidCase("findings", f"has {len(findings)} items; at most {MAX_FINDINGS}.")
    for number, finding in enumerate(findings):
        field = f"findings[{number}]"
        if not finding.name.strip():
            raise InvalidCase(f"{field}.name", "is empty.")
        if len(finding.name) > MAX_NAME_CHARACTERS:
            raise InvalidCase(f"{field}.name", f"is longer than {MAX_NAME_CHARACTERS} characters.")
        _check_text(f"{field}.name", finding.name)
        if finding.duration_hours is not None:
            _check_number(
                f"{field}.duration_hours", finding.duration_hours, 0.0, MAX_DURATION_HOURS, "hours"
            )


def _check_vitals(vitals: Vitals) -> None:
    for name, (low, high, unit) in VITAL_LIMITS.items():
        value = getattr(vitals, name)
        if value is not None:
            _check_number(f"vitals.{name}", float(value), low, high, unit)
    systolic, diastolic = vitals.systolic_bp, vitals.diastolic_bp
    if systolic is not None and diastolic is not None and diastolic > systolic:
        raise InvalidCase("vitals.diastolic_bp", "is higher than systolic_bp.")


def _check_number(field: str, value: float, low: float, high: float, unit: str) -> None:
    if not math.isfinite(value):
        raise InvalidCase(field, "is not a finite number.")
    if not low <= value <= high:
        raise InvalidCase(field, f"must lie between {low:g} and {high:g} {unit}; got {value:g}.")


def _check_person(case: Case) -> None:
    if case.age_years is not None:
        _check_number("age_years", case.age_years, 0.0, MAX_AGE_YEARS, "years")
    if case.pregnant is not Presence.PRESENT:
        return
    if case.sex is Sex.MALE:
        raise InvalidCase("pregnant", "does not go with sex 'male'.")
    age = case.age_years
    if age is not None and not _YOUNGEST_PREGNANT <= age <= _OLDEST_PREGNANT:
        raise InvalidCase("pregnant", f"does not go with an age of {age:g} years.")
