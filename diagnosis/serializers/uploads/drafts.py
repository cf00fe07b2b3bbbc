"""One patient's resources gathered into the form of a REST body."""

import base64
import binascii
import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from diagnosis.serializers.faults import refused_field
from diagnosis.serializers.uploads.resources import (
    Answer,
    ClinicalImpression,
    Component,
    Condition,
    Content,
    DocumentReference,
    Encounter,
    Item,
    Measured,
    Observation,
    Patient,
    QuestionnaireResponse,
    Resource,
)

VITAL_OF_LOINC: Final[Mapping[str, str]] = {
    "8310-5": "temperature",
    "8331-1": "temperature",
    "8867-4": "heart_rate",
    "9279-1": "respiratory_rate",
    "8480-6": "systolic_bp",
    "8462-4": "diastolic_bp",
    "59408-5": "spo2",
    "2708-6": "spo2",
    "29463-7": "weight",
    "3141-9": "weight",
    "2339-0": "glucose",
    "2345-7": "glucose",
    "14749-6": "glucose",
    "15074-8": "glucose",
    "41653-7": "glucose",
    "9269-2": "gcs",
}
_PANELS: Final = ("85354-9", "55284-4", "85353-1")
"""Codes that only hold components."""
_UNIT_OF_UCUM: Final[Mapping[str, str]] = {
    "Cel": "C",
    "[degF]": "F",
    "{beats}/min": "/min",
    "{breaths}/min": "/min",
    "mm[Hg]": "mmHg",
    "[lb_av]": "lb",
}
_PAST: Final = ("inactive", "remission", "resolved")
_DENIED: Final = ("refuted",)
_POSITIVE: Final = frozenset({"positive", "present", "yes", "detected"})
_NEGATIVE: Final = frozenset({"negative", "absent", "no", "not detected", "none"})


class Draft:
    """A case in the making; ``row`` is the Patient's entry in the Bundle."""

    def __init__(self, row: int, patient: Patient) -> None:
        self.row = row
        self.patient = patient
        self._symptoms: dict[str, str] = {}
        self._vitals: dict[str, tuple[float, Any]] = {}
        self._text: list[str] = []
        self._denies: list[str] = []
        self._past: list[str] = []
        self._setting: str | None = None

    def add(self, resource: Resource) -> bool:
        """Takes what the resource says; False where it says nothing that a case has a place for."""
        match resource:
            case Condition():
                return self._add_condition(resource)
            case Observation():
                return self._add_observation(resource)
            case QuestionnaireResponse():
                return _any_of(self._add_item(item) for item in resource.item)
            case DocumentReference():
                return self._add_document(resource)
            case ClinicalImpression():
                texts = (resource.description, resource.summary, *(n.text for n in resource.note))
                return _any_of(self._say(text) for text in texts)
            case Encounter():
                return self._add_encounter(resource)
        return False

    def body(self, age_years: float | None) -> dict[str, Any]:
        """In the form of a REST body."""
        note = {
            "text": "\n".join(self._text),
            "denies": ", ".join(self._denies),
            "past_history": ", ".join(self._past),
        }
        patient = {"age": age_years, "sex": self.patient.gender}
        return {
            "note": {section: text for section, text in note.items() if text},
            "symptoms": [{"name": n, "presence": p} for n, p in self._symptoms.items()],
            "vitals": {name: value for name, (_, value) in self._vitals.items()},
            "patient_info": {name: value for name, value in patient.items() if value is not None},
            **({"setting": self._setting} if self._setting else {}),
        }

    def _say(self, text: str) -> bool:
        if text.strip():
            self._text.append(text.strip())
        return bool(text.strip())

    def _add_condition(self, condition: Condition) -> bool:
        words = condition.code.words
        if not words or condition.verification_status.has("entered-in-error"):
            return False
        if condition.clinical_status.has(*_PAST):
            self._past.append(words)
        else:
            denied = condition.verification_status.has(*_DENIED)
            self._symptoms[words] = "absent" if denied else "present"
        return True

    def _add_observation(self, observation: Observation) -> bool:
        whole = Component(
            code=observation.code,
            value_quantity=observation.value_quantity,
            value_boolean=observation.value_boolean,
            value_codeable_concept=observation.value_codeable_concept,
            value_string=observation.value_string,
            value_integer=observation.value_integer,
            data_absent_reason=observation.data_absent_reason,
        )
        parts = [*observation.component]
        if not (parts and _is_bare(whole)):
            parts.insert(0, whole)
        when = _instant(observation.effective_date_time)
        return _any_of(self._add_part(part, when) for part in parts)

    def _add_part(self, part: Component, when: float) -> bool:
        vitals = [v for c in part.code.coding if (v := VITAL_OF_LOINC.get(c.code))]
        number = part.value_quantity.value if part.value_quantity else part.value_integer
        if vitals and number is not None:
            self._measure(vitals[0], number, part.value_quantity, when)
            return True
        if vitals or part.data_absent_reason is not None or part.code.has(*_PANELS):
            return False
        return self._find(part)

    def _measure(self, vital: str, number: float, measured: Measured | None, when: float) -> None:
        earlier = self._vitals.get(vital)
        # the latest counts; of two without a time, the later in the Bundle
        if earlier is not None and earlier[0] > when:
            return
        unit = (measured.code or measured.unit) if measured else ""
        if vital == "gcs":
            if number != int(number):
                raise refused_field("valueQuantity.value", "has to be a whole number.")
            self._vitals[vital] = when, int(number)
        elif unit:
            shown = _UNIT_OF_UCUM.get(unit, unit)
            self._vitals[vital] = when, {"value": number, "unit": shown}
        else:
            self._vitals[vital] = when, number

    def _find(self, part: Component) -> bool:
        """A finding where it is there or not, else a line of the note for the reader."""
        words = part.code.words
        if not words:
            return False
        presence = _presence(part)
        if presence is not None:
            self._symptoms[words] = presence
            return True
        return self._say(f"{words}: {_value(part)}.")

    def _add_item(self, item: Item) -> bool:
        took = [self._add_answer(item.text.strip(), answer) for answer in item.answer]
        return any([*took, *(self._add_item(inner) for inner in item.item)])

    def _add_answer(self, question: str, answer: Answer) -> bool:
        if answer.value_boolean is False and question:
            self._denies.append(question.rstrip("?"))
            return True
        if answer.value_boolean is True:
            return self._say(f"{question.rstrip('?')}.") if question else False
        said = _answer_words(answer)
        return bool(said) and self._say(f"{question} {said}." if question else said)

    def _add_document(self, document: DocumentReference) -> bool:
        plain = [c for c in document.content if _is_plain(c)]
        said = _any_of(self._say(text) for text in (document.description, *map(_text_in, plain)))
        # a scan beside its description is not read, and that is told
        return said and len(plain) == len(document.content)

    def _add_encounter(self, encounter: Encounter) -> bool:
        if encounter.class_ is None or encounter.class_.code != "EMER":
            return False
        self._setting = "emergency"
        return True


def _is_bare(part: Component) -> bool:
    values = (part.value_quantity, part.value_boolean, part.value_codeable_concept)
    return (
        not part.value_string
        and part.value_integer is None
        and not any(value is not None for value in values)
    )


def _presence(part: Component) -> str | None:
    if part.value_boolean is not None:
        return "present" if part.value_boolean else "absent"
    if _is_bare(part):
        return "present"
    if part.value_codeable_concept is not None:
        said = part.value_codeable_concept.words.lower()
        if said in _POSITIVE | _NEGATIVE:
            return "present" if said in _POSITIVE else "absent"
    return None


def _value(part: Component) -> str:
    if part.value_quantity is not None and part.value_quantity.value is not None:
        unit = part.value_quantity.unit or part.value_quantity.code
        return f"{part.value_quantity.value:g} {unit}".strip()
    if part.value_codeable_concept is not None:
        return part.value_codeable_concept.words
    return part.value_string.strip() or str(part.value_integer)


def _answer_words(answer: Answer) -> str:
    numbers = (answer.value_decimal, answer.value_integer)
    texts = (
        answer.value_string.strip(),
        answer.value_coding.display if answer.value_coding else "",
        *(f"{number:g}" for number in numbers if number is not None),
        answer.value_date,
        _value(Component(value_quantity=answer.value_quantity)) if answer.value_quantity else "",
    )
    return next(filter(None, texts), "")


def _is_plain(content: Content) -> bool:
    return content.attachment.content_type.partition(";")[0].strip().lower() == "text/plain"


def _text_in(content: Content) -> str:
    try:
        return base64.b64decode(content.attachment.data, validate=True).decode()
    except (binascii.Error, ValueError):
        reason = "is not UTF-8 text in Base64."
        raise refused_field("content.attachment.data", reason) from None


def _any_of(taken: Iterable[bool]) -> bool:
    """``any`` would stop at the first, and the others would be lost."""
    return any(list(taken))


def _instant(text: str) -> float:
    """Seconds, to compare with; what has no time is earliest."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return -math.inf
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
