"""A FHIR R4 Bundle: one case for each Patient, from the resources whose subject it is.

Names, addresses and identifiers are never read. A resource that no case has a place for is
counted by its type; one that names no Patient of the Bundle is a fault, because it was meant for
somebody.
"""

import re
from datetime import date
from typing import Any, Final

import msgspec

from agents.errors import InvalidCase
from diagnosis.problems import Refusal
from diagnosis.serializers.faults import misfit
from diagnosis.serializers.requests import CaseBody, case_of, decoded
from diagnosis.serializers.uploads.drafts import Draft
from diagnosis.serializers.uploads.faults import Gathered
from diagnosis.serializers.uploads.resources import (
    READ,
    Bundle,
    Patient,
    QuestionnaireResponse,
    Resource,
)

_DATE: Final = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?(?:T.*)?")
_TYPE: Final = re.compile(r"[A-Za-z]{1,40}")
_WITHDRAWN: Final = frozenset({"entered-in-error", "cancelled"})
_DAYS_A_YEAR: Final = 365.25


def read_bundle(text: str, gathered: Gathered, today: date) -> None:
    """Every entry; ages are those at the Bundle's timestamp, or today."""
    try:
        bundle = decoded(text.encode(), Bundle)
    except Refusal as refusal:
        problem = refusal.problem
        reasons = [(fault.field, fault.reason) for fault in problem.errors]
        for field, reason in reasons or [("body", problem.detail)]:
            gathered.fault(0, field, reason)
        return
    on = _day(bundle.timestamp) or today
    drafts = _drafts(bundle, gathered)
    for row, entry in enumerate(bundle.entry, start=1):
        if gathered.is_full:
            return
        if entry.resource is not None and _kind(entry.resource) != "Patient":
            _read(row, entry.resource, drafts, gathered)
    for draft in dict.fromkeys(drafts.values()):
        if gathered.is_full:
            return
        _take(draft, on, gathered)


def _kind(resource: dict[str, Any]) -> str:
    """The resource's type, if it looks like one: the word is told to whoever sent it."""
    kind = resource.get("resourceType")
    return kind if isinstance(kind, str) and _TYPE.fullmatch(kind) else "unknown"


def _drafts(bundle: Bundle, gathered: Gathered) -> dict[str, Draft]:
    """A draft for each Patient, by everything that a reference may call it."""
    drafts: dict[str, Draft] = {}
    for row, entry in enumerate(bundle.entry, start=1):
        if entry.resource is None or _kind(entry.resource) != "Patient":
            continue
        with gathered.faults_of(row):
            patient = _converted(entry.resource, Patient)
            draft = Draft(row, patient)
            local = f"Patient/{patient.id}" if patient.id else ""
            names = [name for name in (entry.full_url, local) if name] or [f"entry {row}"]
            if any(name in drafts for name in names):
                gathered.fault(row, "id", "is that of another Patient of this Bundle.")
            drafts.update(dict.fromkeys(names, draft))
    return drafts


def _converted(resource: dict[str, Any], kind: type[Any]) -> Any:
    try:
        return msgspec.convert(resource, kind)
    except msgspec.ValidationError as error:
        raise misfit(str(error)) from None


def _read(row: int, raw: dict[str, Any], drafts: dict[str, Draft], gathered: Gathered) -> None:
    kind = _kind(raw)
    if kind not in READ:
        gathered.ignore(kind)
        return
    with gathered.faults_of(row):
        resource: Resource = _converted(raw, READ[kind])
        if resource.status in _WITHDRAWN:
            gathered.ignore(f"{kind} ({resource.status})")
            return
        draft = _draft_of(resource, drafts)
        if draft is None:
            gathered.fault(row, "subject.reference", "names no Patient of this Bundle.")
        elif not draft.add(resource):
            gathered.ignore(kind)


def _draft_of(resource: Resource, drafts: dict[str, Draft]) -> Draft | None:
    subject = resource.subject
    if subject is None and isinstance(resource, QuestionnaireResponse):
        subject = resource.source
    patients = list(dict.fromkeys(drafts.values()))
    if subject is None or not subject.reference:
        return patients[0] if len(patients) == 1 else None
    name = subject.reference.partition("/_history/")[0]
    # an absolute address ends in type and id
    return drafts.get(name) or drafts.get("/".join(name.rsplit("/", 2)[-2:]))


def _take(draft: Draft, on: date, gathered: Gathered) -> None:
    def read() -> Any:
        body = draft.body(_age(draft.patient.birth_date, on))
        try:
            return case_of(msgspec.convert(body, CaseBody))
        except msgspec.ValidationError as error:
            raise misfit(str(error)) from None

    gathered.take(draft.row, draft.patient.id, read)


def _age(born: str, on: date) -> float | None:
    """Years; of a birth date that is only a year or a month, from its middle."""
    if not born:
        return None
    day = _day(born)
    if day is None:
        raise InvalidCase("birthDate", "is not a date such as 1980-05-17.")
    if day > on and born[:4] != str(on.year):
        raise InvalidCase("birthDate", "lies in the future.")
    if len(born) >= len("1980-05-17") and day > on:
        raise InvalidCase("birthDate", "lies in the future.")
    return max(0.0, (on - day).days / _DAYS_A_YEAR)


def _day(text: str) -> date | None:
    read = _DATE.fullmatch(text)
    if read is None:
        return None
    try:
        if read[2] is None:
            return date(int(read[1]), 7, 1)
        return date(int(read[1]), int(read[2]), int(read[3] or 15))
    except ValueError:
        return None
