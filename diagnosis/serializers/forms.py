"""The pages' forms, turned into the very bodies that REST decodes."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, get_args

from django import forms

from agents.cases import MAX_FINDINGS, MAX_NOTE_CHARACTERS
from agents.errors import InvalidCase
from agents.types import Case, Consciousness, Presence, Setting, Severity
from diagnosis.errors import InvalidReport
from diagnosis.serializers.quantities import Quantity
from diagnosis.serializers.requests import (
    CaseBody,
    NoteBody,
    PatientBody,
    SymptomBody,
    VitalsBody,
    case_of,
)
from diagnosis.values import OutcomeReport

NOT_GIVEN: Final = ("", "Not recorded")
_MEASURED: Final = {
    "temperature": "temperature_unit",
    "glucose": "glucose_unit",
    "weight": "weight_unit",
}
_PLAIN: Final = ("heart_rate", "respiratory_rate", "systolic_bp", "diastolic_bp", "spo2")
_SECTIONS: Final = (
    "chief_complaint",
    "history",
    "denies",
    "past_history",
    "family_history",
    "social_history",
)


class Number(forms.FloatField):
    """A number typed by hand; ``step=any`` lets browsers take decimals."""

    def __init__(self, label: str, **attributes: Any) -> None:
        widget = forms.NumberInput(
            attrs={"step": "any", "inputmode": "decimal", "class": "form-control", **attributes}
        )
        super().__init__(label=label, required=False, widget=widget)


class Choice(forms.ChoiceField):
    def __init__(self, label: str, *choices: tuple[str, str]) -> None:
        widget = forms.Select(attrs={"class": "form-select"})
        super().__init__(label=label, required=False, choices=choices, widget=widget)


class Words(forms.CharField):
    def __init__(self, label: str, rows: int, placeholder: str = "") -> None:
        widget = forms.Textarea(
            attrs={"rows": rows, "class": "form-control", "placeholder": placeholder}
        )
        super().__init__(
            label=label, required=False, max_length=MAX_NOTE_CHARACTERS, widget=widget, strip=False
        )


class CaseForm(forms.Form):
    """A new case. ``case`` is the checked Case once the form is valid."""

    text = Words(
        "Clinical note",
        9,
        "Paste or type the note as it is: complaint, history, what the patient denies, "
        "past and family history, medication.",
    )
    chief_complaint = Words("Chief complaint", 2)
    history = Words("History of presenting complaint", 4)
    denies = Words("Denies", 2)
    past_history = Words("Past history and medication", 2)
    family_history = Words("Family history", 2)
    social_history = Words("Social history", 2)

    age = Number("Age", min=0, max=1500)
    age_unit = Choice(
        "Unit of age",
        ("years", "years"),
        ("months", "months"),
        ("weeks", "weeks"),
        ("days", "days"),
    )
    sex = Choice("Sex", NOT_GIVEN, ("female", "Female"), ("male", "Male"))
    pregnant = Choice("Pregnant", ("unknown", "Not known"), ("present", "Yes"), ("absent", "No"))
    setting = Choice("Seen in", ("primary_care", "Primary care"), ("emergency", "Emergency care"))

    temperature = Number("Temperature")
    temperature_unit = Choice("Unit of temperature", ("C", "°C"), ("F", "°F"))
    heart_rate = Number("Heart rate")
    respiratory_rate = Number("Respiratory rate")
    systolic_bp = Number("Systolic pressure")
    diastolic_bp = Number("Diastolic pressure")
    spo2 = Number("Oxygen saturation")
    on_oxygen = Choice("On oxygen", NOT_GIVEN, ("no", "No, breathing air"), ("yes", "Yes"))
    consciousness = Choice(
        "Consciousness",
        NOT_GIVEN,
        *((level, level.capitalize()) for level in get_args(Consciousness)),
    )
    gcs = Number("Glasgow coma scale", min=3, max=15, step="1")
    glucose = Number("Glucose")
    glucose_unit = Choice("Unit of glucose", ("mmol/L", "mmol/L"), ("mg/dL", "mg/dL"))
    weight = Number("Weight")
    weight_unit = Choice("Unit of weight", ("kg", "kg"), ("lb", "lb"))

    case: Case

    def clean(self) -> dict[str, Any]:
        """Checks the whole case; a rule that it breaks is shown at its field."""
        cleaned: dict[str, Any] = super().clean() or {}
        if self.errors:
            return cleaned
        try:
            self.case = case_of(self._body(cleaned))
        except InvalidCase as error:
            self.add_error(_form_field(error.field), error.reason[:1].upper() + error.reason[1:])
        return cleaned

    def findings(self) -> list[dict[str, str]]:
        """The rows of entered findings, as they were posted; for showing the form again."""
        return list(_rows(self.data))

    @property
    def has_sections(self) -> bool:
        """Whether the note was entered by sections, so that they are shown open."""
        return any(self.data.get(name) or self.initial.get(name) for name in _SECTIONS)

    def _body(self, cleaned: Mapping[str, Any]) -> CaseBody:
        return CaseBody(
            note=NoteBody(**{name: cleaned[name] for name in ("text", *_SECTIONS)}),
            symptoms=tuple(_symptoms(self.data)),
            vitals=_vitals(cleaned),
            patient_info=PatientBody(
                age=_quantity(cleaned["age"], cleaned["age_unit"] or "years"),
                sex=cleaned["sex"] or None,
                pregnant=Presence(cleaned["pregnant"] or "unknown"),
            ),
            setting=Setting(cleaned["setting"] or "primary_care"),
        )


def _vitals(cleaned: Mapping[str, Any]) -> VitalsBody:
    gcs = cleaned["gcs"]
    if gcs is not None and gcs != int(gcs):
        raise InvalidCase("vitals.gcs", "must be a whole number.")
    return VitalsBody(
        **{name: _quantity(cleaned[name], cleaned[unit]) for name, unit in _MEASURED.items()},
        **{name: cleaned[name] for name in _PLAIN},
        on_oxygen={"yes": True, "no": False}.get(cleaned["on_oxygen"]),
        consciousness=cleaned["consciousness"] or None,
        gcs=None if gcs is None else int(gcs),
    )


def _quantity(value: float | None, unit: str) -> float | Quantity | None:
    return Quantity(value, unit) if value is not None and unit else value


def _rows(posted: Any) -> Iterator[dict[str, str]]:
    """Entered findings: four fields a row, repeated in the order of the page."""
    if not hasattr(posted, "getlist"):
        return
    columns = ("finding", "finding_name", "finding_presence", "finding_severity")
    for values in zip(*(posted.getlist(column) for column in columns), strict=False):
        yield dict(zip(("id", "name", "presence", "severity"), values, strict=True))


def _symptoms(posted: Any) -> Iterator[SymptomBody]:
    for index, row in enumerate(_rows(posted)):
        if index > MAX_FINDINGS:
            return
        if row["presence"] not in tuple(Presence) or row["severity"] not in (
            "",
            *get_args(Severity),
        ):
            raise InvalidCase(f"symptoms[{index}]", "has a value that the form does not offer.")
        yield SymptomBody(
            name=row["id"],
            presence=Presence(row["presence"]),
            severity=row["severity"] or None,  # type: ignore[arg-type]
        )


def _form_field(field: str) -> str | None:
    """The form's field for a path of the body; None shows the fault above the form."""
    name = field.removesuffix(".unit").rpartition(".")[2]
    if field == "note":
        return "text"
    return name if name in CaseForm.base_fields else None


class OutcomeForm(forms.Form):
    """What it turned out to be."""

    condition = forms.ChoiceField(
        label="It turned out to be",
        required=False,
        widget=forms.Select(attrs={"class": "form-select"}),
    )
    icd10 = forms.CharField(
        label="ICD-10 code, if it is none of these",
        required=False,
        max_length=8,
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"}),
    )
    override_reason = forms.CharField(
        label="Why you went against the leading condition, if you did",
        required=False,
        max_length=2000,
        widget=forms.TextInput(attrs={"class": "form-control"}),
    )
    note = forms.CharField(
        label="Remark",
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"class": "form-control", "rows": 2}),
    )

    def __init__(
        self,
        posted: Any = None,
        *,
        likely: list[tuple[str, str]],
        others: list[tuple[str, str]],
    ) -> None:
        super().__init__(posted)
        self.fields["condition"].choices = [  # type: ignore[attr-defined]
            ("", "Choose a condition"),
            ("In this session", likely),
            ("All conditions", others),
        ]

    def report(self) -> OutcomeReport:
        """The report of a valid form."""
        return OutcomeReport(**self.cleaned_data)

    def refuse(self, error: InvalidReport) -> None:
        """Shows a rule that the report breaks at its field."""
        field = error.field if error.field in self.fields else None
        self.add_error(field, error.reason)
