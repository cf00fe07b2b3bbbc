"""Every rule of a case: the field and the reason are named."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.cases import MAX_FINDINGS, MAX_NOTE_CHARACTERS, VITAL_LIMITS, checked_case
from agents.errors import InvalidCase
from agents.types import Case, Note, Presence, Sex, StatedFinding, Vitals

OK = Note(text="Headache.")


@pytest.mark.parametrize(
    ("case", "field"),
    [
        (Case(), "case"),
        (Case(note=Note(text="   ...  ")), "note"),
        (Case(note=OK, age_years=-1), "age_years"),
        (Case(note=OK, age_years=120.5), "age_years"),
        (Case(note=OK, age_years=math.nan), "age_years"),
        (Case(note=OK, age_years=math.inf), "age_years"),
        (Case(note=OK, sex=Sex.MALE, pregnant=Presence.PRESENT), "pregnant"),
        (Case(note=OK, age_years=4, pregnant=Presence.PRESENT), "pregnant"),
        (Case(note=Note(text="a\x00b")), "note.text"),
        (Case(note=Note(history="a\ud800b")), "note.history"),
        (Case(note=Note(text="x" * (MAX_NOTE_CHARACTERS + 1))), "note"),
        (Case(findings=(StatedFinding(" "),)), "findings[0].name"),
        (Case(findings=(StatedFinding("x" * 201),)), "findings[0].name"),
        (Case(findings=(StatedFinding("cough", duration_hours=math.nan),)), "findings[0].duration_hours"),
        (Case(findings=(StatedFinding("cough", duration_hours=-1),)), "findings[0].duration_hours"),
        (Case(findings=(StatedFinding("cough"),) * (MAX_FINDINGS + 1)), "findings"),
        (Case(note=OK, vitals=Vitals(temperature=math.nan)), "vitals.temperature"),
        (Case(note=OK, vitals=Vitals(systolic_bp=80, diastolic_bp=90)), "vitals.diastolic_bp"),
    ],
)  # fmt: skip
def test_what_is_refused(case: Case, field: str) -> None:
    with pytest.raises(InvalidCase) as error:
        checked_case(case)
    assert error.value.field == field
    assert error.value.reason


@pytest.mark.parametrize("vital", VITAL_LIMITS)
def test_vital_limits(vital: str) -> None:
    low, high, _ = VITAL_LIMITS[vital]
    for value in (low, high):
        whole = int(value) if vital == "gcs" else value
        checked_case(Case(note=OK, vitals=Vitals(**{vital: whole})))
    for value in (low - 1, high + 1):
        with pytest.raises(InvalidCase):
            checked_case(Case(note=OK, vitals=Vitals(**{vital: value})))


@given(st.text(max_size=300), st.floats(allow_nan=True, allow_infinity=True) | st.none())
def test_any_text_is_accepted_or_refused_with_a_field(text: str, age: float | None) -> None:
    case = Case(note=Note(text=text), age_years=age)
    field = refused(case)
    assert field in (None, "case", "note", "note.text", "age_years")


def refused(case: Case) -> str | None:
    """The field that is refused, or None."""
    try:
        checked_case(case)
    except InvalidCase as error:
        return error.field
    return None


def test_other_scripts_and_newborns_are_fine() -> None:
    checked_case(Case(note=Note(text="头痛三天，发烧"), age_years=3 / 365))
