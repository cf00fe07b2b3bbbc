"""Bodies that come in over REST, decoded and checked into a ``Case``.

Decoding is strict: unknown fields, wrong types, duplicate names and deep nesting are refused with
the field's path, before anything reaches a service.
"""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from agents.cases import checked_case
from agents.errors import InvalidCase
from agents.types import (
    Case,
    Consciousness,
    Course,
    Note,
    Onset,
    Presence,
    Setting,
    Severity,
    Sex,
    StatedFinding,
    Vitals,
)
from diagnosis.serializers.faults import malformed, misfit, refused_field
from diagnosis.serializers.quantities import Quantity, lasting, measured

MAX_BODY_BYTES: Final = 256 * 1024

Name = Annotated[str, Meta(min_length=1, max_length=200)]
StatedSex = Literal["female", "male", "other", "unknown"]
"""FHIR's administrative gender; only female and male change what is likely."""

T = TypeVar("T")


class NoteBody(Note, frozen=True, forbid_unknown_fields=True):
    """The note by sections; ``text`` is for a note of unknown structure."""


class SymptomBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A finding by id, name or synonym; ``duration`` is ``"3 days"`` or a quantity."""

    name: Name
    presence: Presence = Presence.PRESENT
    severity: Severity | None = None
    duration: str | Quantity | None = None
    duration_hours: float | None = None
    onset: Onset | None = None
    course: Course | None = None


class VitalsBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Plain numbers are in degrees Celsius, /min, mmHg, percent, mmol/L and kilograms."""

    temperature: float | Quantity | None = None
    heart_rate: float | Quantity | None = None
    respiratory_rate: float | Quantity | None = None
    systolic_bp: float | Quantity | None = None
    diastolic_bp: float | Quantity | None = None
    spo2: float | Quantity | None = None
    on_oxygen: bool | None = None
    consciousness: Consciousness | None = None
    glucose: float | Quantity | None = None
    weight: float | Quantity | None = None
    gcs: int | None = None


class PatientBody(Struct, frozen=True, forbid_unknown_fields=True):
    """``age`` in years or with a unit; ``gender`` is another word for ``sex``."""

    age: float | Quantity | None = None
    sex: StatedSex | None = None
    gender: StatedSex | None = None
    pregnant: bool | Presence | None = None


class CaseBody(Struct, frozen=True, forbid_unknown_fields=True):
    """What ``POST /api/symptoms/analyze`` and ``POST /api/sessions/`` take."""

    note: str | NoteBody | None = None
    symptoms: tuple[SymptomBody, ...] = ()
    vitals: VitalsBody | None = None
    patient_info: PatientBody | None = None
    setting: Setting = Setting.PRIMARY_CARE


def case_from_body(body: bytes) -> Case:
    """The checked case. Raises Refusal (not JSON) or InvalidCase (names the field)."""
    return case_of(decoded(body, CaseBody))


def decoded(body: bytes, wanted: type[T]) -> T:
    """The body as ``wanted``. Raises Refusal: malformed JSON, or the field that does not fit."""
    try:
        value = msgspec.json.decode(body, type=wanted)
        _refuse_duplicates(body)
    except msgspec.ValidationError as error:
        raise misfit(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise malformed(body) from None
    except RecursionError:
        raise malformed(b"", "The body is nested too deeply.") from None
    return value


def case_of(body: CaseBody) -> Case:
    """The case that a decoded body describes, checked. Raises InvalidCase with the body's names."""
    patient = body.patient_info or PatientBody()
    try:
        return checked_case(
            Case(
                note=_note(body.note),
                findings=tuple(_finding(i, symptom) for i, symptom in enumerate(body.symptoms)),
                vitals=_vitals(body.vitals or VitalsBody()),
                age_years=measured("patient_info.age", patient.age),
                sex=_sex(patient),
                pregnant=_pregnant(patient.pregnant),
                setting=body.setting,
            )
        )
    except InvalidCase as error:
        raise InvalidCase(body_field(error.field), error.reason) from None


def body_field(field: str) -> str:
    """The body's name for a field of the case: ``age_years`` is ``patient_info.age`` there."""
    head = re.match(r"[a-z_]+", field)
    if head is None or head[0] not in _BODY_NAMES:
        return field
    return _BODY_NAMES[head[0]] + field[head.end() :]


_BODY_NAMES: Final[Mapping[str, str]] = {
    "findings": "symptoms",
    "age_years": "patient_info.age",
    "sex": "patient_info.sex",
    "pregnant": "patient_info.pregnant",
}


def _note(note: str | NoteBody | None) -> Note:
    if note is None:
        return Note()
    if isinstance(note, str):
        return Note(text=note)
    return Note(**msgspec.structs.asdict(note))


def _finding(index: int, symptom: SymptomBody) -> StatedFinding:
    field = f"symptoms[{index}].duration"
    if symptom.duration is not None and symptom.duration_hours is not None:
        raise InvalidCase(field, "is given twice, as duration and as duration_hours.")
    hours = lasting(field, symptom.duration)
    return StatedFinding(
        name=symptom.name,
        presence=symptom.presence,
        severity=symptom.severity,
        duration_hours=symptom.duration_hours if hours is None else hours,
        onset=symptom.onset,
        course=symptom.course,
    )


def _vitals(vitals: VitalsBody) -> Vitals:
    values: dict[str, Any] = {
        name: measured(f"vitals.{name}", value) if isinstance(value, Quantity) else value
        for name, value in msgspec.structs.asdict(vitals).items()
    }
    return Vitals(**values)


def _sex(patient: PatientBody) -> Sex | None:
    if patient.sex and patient.gender and patient.sex != patient.gender:
        raise InvalidCase("patient_info.sex", "does not agree with patient_info.gender.")
    stated = patient.sex or patient.gender
    return Sex(stated) if stated in ("female", "male") else None


def _pregnant(stated: bool | Presence | None) -> Presence:
    if isinstance(stated, bool):
        return Presence.PRESENT if stated else Presence.ABSENT
    return stated or Presence.UNKNOWN


def _refuse_duplicates(body: bytes) -> None:
    """JSON allows a name twice and decoders keep the last; of two sexes none is dropped here."""
    json.loads(body, object_pairs_hook=_without_duplicates, parse_int=float)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise refused_field(twice, "is given twice.")
    return members


def sequence_number(text: str) -> int:
    """The last event that a client has seen, 0 for none. Raises Refusal where it is no number."""
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise refused_field("after", "has to be a whole number from 0.")
    return int(text)
