"""Bodies that come in over REST: what is read from them, and what is refused with which field."""

import json
import math
import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.errors import InvalidCase
from agents.types import Case, Note, Presence, Setting, Sex, StatedFinding, Vitals
from diagnosis.problems import Refusal, problem_of
from diagnosis.serializers.requests import case_from_body, sequence_number

LOAD_TEST = (
    b'{"symptoms":[{"name":"headache","severity":"moderate"}],'
    b'"patient_info":{"age":30,"gender":"female"}}'
)


def read(body: Any) -> Case:
    return case_from_body(body if isinstance(body, bytes) else json.dumps(body).encode())


def fields_refused(body: Any) -> set[str]:
    """The fields that the refusal names; fails where nothing was refused."""
    with pytest.raises((Refusal, InvalidCase)) as caught:
        read(body)
    problem = problem_of(caught.value)
    assert 400 <= problem.status < 500
    assert all(fault.reason.endswith(".") for fault in problem.errors)
    return {fault.field for fault in problem.errors}


def test_the_request_of_the_original_load_test() -> None:
    assert read(LOAD_TEST) == Case(
        findings=(StatedFinding("headache", severity="moderate"),), age_years=30, sex=Sex.FEMALE
    )


def test_everything_that_a_body_can_say() -> None:
    case = read(
        {
            "note": {"chief_complaint": "Chest pain", "denies": "fever"},
            "symptoms": [
                {"name": "cough", "presence": "absent"},
                {"name": "fever", "duration": "3 days", "onset": "sudden", "course": "worsening"},
                {"name": "nausea", "duration": {"value": 90, "unit": "minutes"}},
                {"name": "rash", "duration_hours": 6},
            ],
            "vitals": {
                "temperature": 38.4,
                "gcs": 15,
                "on_oxygen": False,
                "consciousness": "alert",
            },
            "patient_info": {"age": 30, "sex": "female", "pregnant": True},
            "setting": "emergency",
        }
    )
    assert case.note == Note(chief_complaint="Chest pain", denies="fever")
    assert case.findings[0].presence is Presence.ABSENT
    assert [f.duration_hours for f in case.findings] == [None, 72, 1.5, 6]
    assert (case.findings[1].onset, case.findings[1].course) == ("sudden", "worsening")
    assert case.vitals == Vitals(temperature=38.4, gcs=15, on_oxygen=False, consciousness="alert")
    assert case.pregnant is Presence.PRESENT
    assert case.setting is Setting.EMERGENCY


def test_a_note_in_one_text() -> None:
    assert read({"note": "Headache for two days"}).note == Note(text="Headache for two days")


@pytest.mark.parametrize(
    ("stated", "presence"),
    [(True, "present"), (False, "absent"), ("unknown", "unknown"), (None, "unknown")],
)
def test_pregnancy_is_a_presence(stated: object, presence: str) -> None:
    assert read({"note": "pain", "patient_info": {"pregnant": stated}}).pregnant == presence


@pytest.mark.parametrize(
    ("stated", "sex"), [("male", Sex.MALE), ("other", None), ("unknown", None), (None, None)]
)
@pytest.mark.parametrize("name", ["sex", "gender"])
def test_sex_and_gender_are_one_field(name: str, stated: str | None, sex: Sex | None) -> None:
    assert read({"note": "pain", "patient_info": {name: stated}}).sex is sex


@pytest.mark.parametrize(
    ("name", "quantity", "expected"),
    [
        ("temperature", {"value": 101, "unit": "F"}, 38.333),
        ("temperature", {"value": 310, "unit": "K"}, 36.85),
        ("temperature", {"value": 38, "unit": "°C"}, 38.0),
        ("glucose", {"value": 180, "unit": "mg/dL"}, 9.991),
        ("weight", {"value": 154, "unit": "lb"}, 69.853),
        ("weight", {"value": 3200, "unit": "g"}, 3.2),
        ("systolic_bp", {"value": 16, "unit": "kPa"}, 120.01),
        ("heart_rate", {"value": 80, "unit": "bpm"}, 80.0),
        ("spo2", {"value": 97, "unit": "%"}, 97.0),
    ],
)
def test_units_of_vitals(name: str, quantity: dict[str, Any], expected: float) -> None:
    value = getattr(read({"vitals": {name: quantity}}).vitals, name)
    assert value == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize(
    ("age", "years"),
    [
        ({"value": 3, "unit": "months"}, 0.25),
        ({"value": 2, "unit": "weeks"}, 14 / 365.25),
        ({"value": 3, "unit": "days"}, 3 / 365.25),
        ({"value": 40, "unit": "years"}, 40),
        (0, 0),
        (120, 120),
    ],
)
def test_ages_from_newborn_to_120(age: object, years: float) -> None:
    assert read({"note": "crying", "patient_info": {"age": age}}).age_years == pytest.approx(years)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        # unknown fields
        ({"note": "pain", "name": "A. Patient"}, "name"),
        ({"note": {"plan": "x"}}, "note.plan"),
        ({"symptoms": [{"name": "cough", "confidence": 1}]}, "symptoms[0].confidence"),
        ({"vitals": {"pulse": 80}}, "vitals.pulse"),
        ({"patient_info": {"nhs_number": 1}}, "patient_info.nhs_number"),
        # wrong types
        ([], "body"),
        ("pain", "body"),
        ({"note": ["pain"]}, "note"),
        ({"symptoms": "cough"}, "symptoms"),
        ({"symptoms": ["cough"]}, "symptoms[0]"),
        ({"symptoms": [{"severity": "mild"}]}, "symptoms[0].name"),
        ({"symptoms": [{"name": ""}]}, "symptoms[0].name"),
        ({"symptoms": [{"name": "x" * 201}]}, "symptoms[0].name"),
        ({"symptoms": [{"name": "cough", "presence": True}]}, "symptoms[0].presence"),
        ({"symptoms": [{"name": "cough", "severity": "awful"}]}, "symptoms[0].severity"),
        ({"symptoms": [{"name": "cough", "duration": "long"}]}, "symptoms[0].duration"),
        ({"symptoms": [{"name": "cough", "duration": "3 stone"}]}, "symptoms[0].duration.unit"),
        (
            {"symptoms": [{"name": "cough", "duration": "1 day", "duration_hours": 24}]},
            "symptoms[0].duration",
        ),
        ({"vitals": {"temperature": "38"}}, "vitals.temperature"),
        ({"vitals": {"temperature": {"value": 38}}}, "vitals.temperature.unit"),
        ({"vitals": {"temperature": {"value": 38, "unit": "R"}}}, "vitals.temperature.unit"),
        ({"vitals": {"gcs": 14.5}}, "vitals.gcs"),
        ({"vitals": {"on_oxygen": "yes"}}, "vitals.on_oxygen"),
        ({"patient_info": {"pregnant": 1}}, "patient_info.pregnant"),
        ({"note": "pain", "setting": "space"}, "setting"),
        # impossible values
        ({"note": "pain", "patient_info": {"age": -1}}, "patient_info.age"),
        ({"note": "pain", "patient_info": {"age": 121}}, "patient_info.age"),
        (
            {"note": "pain", "patient_info": {"age": {"value": 1500, "unit": "months"}}},
            "patient_info.age",
        ),
        ({"vitals": {"temperature": 12}}, "vitals.temperature"),
        ({"vitals": {"spo2": 101}}, "vitals.spo2"),
        (
            {"note": "pain", "patient_info": {"sex": "male", "pregnant": True}},
            "patient_info.pregnant",
        ),
        ({"symptoms": [{"name": "cough", "duration_hours": -1}]}, "symptoms[0].duration_hours"),
        # two sexes
        ({"note": "pain", "patient_info": {"sex": "male", "gender": "female"}}, "patient_info.sex"),
        ({"note": "pain", "patient_info": {"sex": ["male", "female"]}}, "patient_info.sex"),
        (b'{"note":"pain","patient_info":{"sex":"male","sex":"female"}}', "sex"),
        # nothing at all
        ({}, "case"),
        ({"note": ""}, "case"),
        ({"note": "...!"}, "note"),
        # too much
        ({"symptoms": [{"name": "cough"}] * 101}, "symptoms"),
        ({"note": "pain " * 5000}, "note"),
        # what JSON does not have, and what text does not have
        (b'{"vitals":{"temperature":NaN}}', "vitals.temperature"),
        (b'{"vitals":{"heart_rate":-Infinity}}', "vitals.heart_rate"),
        (b'{"vitals":{"temperature":1e400}}', "vitals.temperature"),
        (b'{"vitals":{"temperature":' + b"9" * 5000 + b"}}", "vitals.temperature"),
        (b'{"note":{"history":"pain \\ud800 here"}}', "note.history"),
        (b'{"symptoms":[{"name":"\\udfff"}]}', "symptoms[0].name"),
        ({"note": "pain\0"}, "note.text"),
        ({"symptoms": [{"name": "cough\0"}]}, "symptoms[0].name"),
    ],
)
def test_refused_with_its_field(body: Any, field: str) -> None:
    assert fields_refused(body) == {field}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"note": "\xed\xa0\x80"}',
        b"\xef\xbb\xbf{}",
        b"[" * 100_000,
        b'{"note":{"text":' + b"[" * 100_000,
        b'{"patient_info":' * 50_000,
        b'{"note": "a"} {"note": "b"}',
    ],
)
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(Refusal) as caught:
        case_from_body(body)
    assert caught.value.problem.status == 400


def test_a_refusal_does_not_quote_the_value() -> None:
    with pytest.raises(Refusal) as caught:
        read({"patient_info": {"sex": "Jane Doe, 3 May 1960"}})
    assert b"Jane" not in caught.value.problem.encoded()


def test_text_in_another_script_is_a_case() -> None:
    assert read({"note": "頭痛と発熱"}).note.text == "頭痛と発熱"


@pytest.mark.parametrize("text", ["", "-1", "1.5", "x", "1" * 10, "١٢"])
def test_what_is_no_sequence_number_is_refused(text: str) -> None:
    with pytest.raises(Refusal):
        sequence_number(text)


def test_a_sequence_number() -> None:
    assert sequence_number("42") == 42


# --- properties -----------------------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda children: (
        st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=12), children, max_size=4)
    ),
    max_leaves=20,
)
KEYS = [
    "note", "symptoms", "vitals", "patient_info", "setting", "name", "presence", "severity", "duration",
    "value", "unit", "age", "sex", "gender", "pregnant", "temperature", "text", "history", "gcs",
]  # fmt: skip
near_misses = st.recursive(
    json_values | st.sampled_from(["female", "present", "3 days", "F", "emergency", "mild"]),
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS), children, max_size=5)
    ),
    max_leaves=25,
)


@settings(max_examples=400, deadline=None)
@given(
    st.binary(max_size=400) | near_misses.map(lambda v: json.dumps(v).encode("utf-8", "replace"))
)
def test_any_body_is_a_sound_case_or_a_refusal(body: bytes) -> None:
    try:
        case = case_from_body(body)
    except (Refusal, InvalidCase) as error:
        problem = problem_of(error)
        assert 400 <= problem.status < 500
        assert json.loads(problem.encoded("/api/symptoms/analyze"))["status"] == problem.status
        return
    assert case.age_years is None or 0 <= case.age_years <= 120
    assert all(
        math.isfinite(v) for v in (case.vitals.temperature, case.vitals.spo2) if v is not None
    )
    assert case.note.sections() or case.findings or case.vitals != Vitals()


@settings(max_examples=200, deadline=None)
@given(
    st.text(min_size=1, max_size=80),
    st.sampled_from(["present", "absent", "unknown"]),
    st.floats(0, 120),
    st.sampled_from(["female", "male"]),
)
def test_what_goes_in_comes_out(name: str, presence: str, age: float, sex: str) -> None:
    body = {
        "symptoms": [{"name": name, "presence": presence}],
        "patient_info": {"age": age, "sex": sex},
    }
    if not name.strip() or any(unicodedata.category(c) == "Cc" and c not in "\n\r\t" for c in name):
        assert fields_refused(body) == {"symptoms[0].name"}
        return
    case = read(body)
    assert case.findings == (StatedFinding(name, Presence(presence)),)
    assert (case.age_years, case.sex) == (age, Sex(sex))
