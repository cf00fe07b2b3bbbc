"""The parts of FHIR R4 resources that a case has a place for; everything else is left unread."""

from typing import Any, Literal

from msgspec import Struct, field


class Coding(Struct, frozen=True):
    system: str = ""
    code: str = ""
    display: str = ""


class Concept(Struct, frozen=True):
    text: str = ""
    coding: tuple[Coding, ...] = ()

    @property
    def words(self) -> str:
        """What a person would call it."""
        shown = (coding.display for coding in self.coding if coding.display)
        return self.text.strip() or next(shown, "").strip()

    def has(self, *codes: str) -> bool:
        return any(coding.code in codes for coding in self.coding)


class Reference(Struct, frozen=True):
    reference: str = ""


class Measured(Struct, frozen=True):
    """A Quantity; ``code`` is UCUM."""

    value: float | None = None
    unit: str = ""
    code: str = ""


class Resource(Struct, frozen=True):
    """What belongs to a patient. Wrong types inside are refused with their path."""

    subject: Reference | None = None
    status: str = ""


class Patient(Struct, frozen=True, rename="camel"):
    id: str = ""
    gender: Literal["female", "male", "other", "unknown"] | None = None
    birth_date: str = ""


class Condition(Resource, frozen=True, rename="camel"):
    code: Concept = Concept()
    clinical_status: Concept = Concept()
    verification_status: Concept = Concept()


class Component(Struct, frozen=True, rename="camel"):
    code: Concept = Concept()
    value_quantity: Measured | None = None
    value_boolean: bool | None = None
    value_codeable_concept: Concept | None = None
    value_string: str = ""
    value_integer: int | None = None
    data_absent_reason: Concept | None = None


class Observation(Resource, frozen=True, rename="camel"):
    code: Concept = Concept()
    effective_date_time: str = ""
    value_quantity: Measured | None = None
    value_boolean: bool | None = None
    value_codeable_concept: Concept | None = None
    value_string: str = ""
    value_integer: int | None = None
    data_absent_reason: Concept | None = None
    component: tuple[Component, ...] = ()


class Answer(Struct, frozen=True, rename="camel"):
    value_boolean: bool | None = None
    value_string: str = ""
    value_decimal: float | None = None
    value_integer: int | None = None
    value_date: str = ""
    value_coding: Coding | None = None
    value_quantity: Measured | None = None


class Item(Struct, frozen=True):
    text: str = ""
    answer: tuple[Answer, ...] = ()
    item: tuple["Item", ...] = ()


class QuestionnaireResponse(Resource, frozen=True):
    source: Reference | None = None
    item: tuple[Item, ...] = ()


class Attachment(Struct, frozen=True, rename="camel"):
    content_type: str = ""
    data: str = ""


class Content(Struct, frozen=True):
    attachment: Attachment = Attachment()


class DocumentReference(Resource, frozen=True):
    description: str = ""
    content: tuple[Content, ...] = ()


class Annotation(Struct, frozen=True):
    text: str = ""


class ClinicalImpression(Resource, frozen=True):
    description: str = ""
    summary: str = ""
    note: tuple[Annotation, ...] = ()


class Encounter(Resource, frozen=True):
    class_: Coding | None = field(default=None, name="class")


class Entry(Struct, frozen=True, rename="camel"):
    full_url: str = ""
    resource: dict[str, Any] | None = None


class Bundle(Struct, frozen=True, rename="camel"):
    resource_type: Literal["Bundle"]
    timestamp: str = ""
    entry: tuple[Entry, ...] = ()


READ: dict[str, type[Resource]] = {
    kind.__name__: kind
    for kind in (
        Condition,
        Observation,
        QuestionnaireResponse,
        DocumentReference,
        ClinicalImpression,
        Encounter,
    )
}
"""Resource types beside Patient."""
