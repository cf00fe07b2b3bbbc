"""CSV, JSON lines and FHIR Bundles read into cases; every fault with its row and field."""

import base64
import json
from datetime import date
from typing import Any

import pytest

from agents.types import Presence, Setting, Sex
from diagnosis.problems import Refusal
from diagnosis.serializers.uploads import Upload, format_of, upload_from
from diagnosis.serializers.uploads.reading import MAX_UPLOAD_BYTES
from diagnosis.values import UploadedCase

TODAY = date(2026, 7, 1)


def read(body: str | bytes, upload_format: str = "csv", most_cases: int = 100) -> Upload:
    encoded = body if isinstance(body, bytes) else body.encode()
    return upload_from(encoded, upload_format, most_cases=most_cases, today=TODAY)


def only(upload: Upload) -> UploadedCase:
    assert upload.faults == ()
    (case,) = upload.cases
    return case


def faults(upload: Upload) -> list[tuple[int, str]]:
    return [(fault.row, fault.field) for fault in upload.faults]


# --- what kind ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content_type", "name"),
    [
        ("text/csv", "csv"),
        ("Text/CSV; charset=utf-8", "csv"),
        ("application/jsonl", "jsonl"),
        ("application/x-ndjson", "jsonl"),
        ("application/fhir+json; fhirVersion=4.0", "fhir"),
    ],
)
def test_the_content_type_says_the_format(content_type: str, name: str) -> None:
    assert format_of(content_type) == name


@pytest.mark.parametrize(
    "content_type", ["", "application/json", "text/plain", "multipart/form-data"]
)
def test_other_content_types_are_refused(content_type: str) -> None:
    with pytest.raises(Refusal) as refused:
        format_of(content_type)
    assert refused.value.problem.status == 415


@pytest.mark.parametrize("upload_format", ["csv", "jsonl", "fhir"])
@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "is empty."),
        (b" \n\n", "is empty."),
        (b"PK\x03\x04rest", "is an archive"),
        (b"\x1f\x8brest", "is an archive"),
        (b"\xd0\xcf\x11\xe0rest", "is an archive"),
        (b"note\n\xe9t\xe9\n", "is not UTF-8"),
        (b"note\nfever\x00\n", "U+0000"),
        (b"\xff\xfen\x00o\x00", "is not UTF-8"),
    ],
)
def test_what_is_no_text_is_refused(upload_format: str, body: bytes, said: str) -> None:
    (fault,) = read(body, upload_format).faults
    assert fault.field == "body"
    assert said in fault.reason


def test_a_body_beyond_the_limit_is_refused() -> None:
    with pytest.raises(Refusal) as refused:
        read(b"x" * (MAX_UPLOAD_BYTES + 1))
    assert refused.value.problem.status == 413


def test_more_cases_than_allowed_are_refused() -> None:
    upload = read("note\n" + "fever\n" * 4, most_cases=3)
    assert faults(upload) == [(0, "body")]


# --- CSV ------------------------------------------------------------------------------------------


def test_a_row_of_every_column_becomes_a_case() -> None:
    upload = read(
        "reference,note,denies,symptoms,absent,temperature,heart_rate,on_oxygen,consciousness,gcs,"
        "age,sex,pregnant,setting\n"
        'p-1,"Fever, and a cough","rash",headache; nausea,vomiting,101 F,104,yes,Alert,15,'
        "3 months,Female,no,Emergency\n"
    )
    uploaded = only(upload)
    case = uploaded.case
    assert (uploaded.row, uploaded.reference) == (2, "p-1")
    assert (case.note.text, case.note.denies) == ("Fever, and a cough", "rash")
    assert [(f.name, f.presence) for f in case.findings] == [
        ("headache", Presence.PRESENT),
        ("nausea", Presence.PRESENT),
        ("vomiting", Presence.ABSENT),
    ]
    assert case.vitals.temperature == pytest.approx(38.33, abs=0.01)
    assert (case.vitals.on_oxygen, case.vitals.consciousness, case.vitals.gcs) == (
        True,
        "alert",
        15,
    )
    assert (case.age_years, case.sex, case.pregnant) == (0.25, Sex.FEMALE, Presence.ABSENT)
    assert case.setting is Setting.EMERGENCY


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiters_of_spreadsheets_and_a_byte_order_mark(delimiter: str) -> None:
    rows = [["note", "age"], ["fever", "40"]]
    text = "\r\n".join(delimiter.join(row) for row in rows)
    assert only(read(b"\xef\xbb\xbf" + text.encode())).case.age_years == 40


def test_blank_lines_are_no_cases_and_rows_are_lines_of_the_file() -> None:
    upload = read('note,age\n\nfever,1\n,\n"two\nlines",2\ncough,3\n')
    assert [case.row for case in upload.cases] == [3, 5, 7]


def test_a_character_that_other_programs_take_for_a_line_end_stays_in_its_cell() -> None:
    assert only(read("note,age\nfe\u2028ver,1\n")).case.note.text == "fe\u2028ver"


def test_every_fault_is_told_with_its_row_and_field() -> None:
    upload = read(
        "note,age,sex,temperature,gcs,reference,symptoms\n"
        "fever,old,female,,,,\n"
        "fever,40,both,,,,\n"
        "fever,40,male,999,,,\n"
        "fever,40,male,,14.5,,\n"
        "fever,40,male,,,Smith John,\n"
        ",,,,,,\n"
        "fever,40\n"
        ",40,,,,,\n"
        "fever,nan,,,,,\n"
        "fever,40,,38 X,,,\n"
        f"fever,40,,,,,{'x' * 201}\n"
    )
    assert faults(upload) == [
        (2, "patient_info.age"),
        (3, "patient_info.sex"),
        (4, "vitals.temperature"),
        (5, "vitals.gcs"),
        (6, "reference"),
        (8, "row"),
        (9, "case"),
        (10, "patient_info.age"),
        (11, "vitals.temperature.unit"),
        (12, "symptoms[0].name"),
    ]
    with pytest.raises(Refusal) as refused:
        upload.refuse_faults()
    told = refused.value.problem.document()["rows"]
    assert told[0]["row"] == 2
    assert "old" not in json.dumps(told)


def test_two_sexes_that_do_not_agree_are_a_fault() -> None:
    assert faults(read("note,sex,gender\nfever,male,female\n")) == [(2, "patient_info.sex")]


@pytest.mark.parametrize(
    ("header", "field"), [("note,foo", "foo"), ("note,note", "note"), ("note,", "header")]
)
def test_a_wrong_header_is_told_before_any_row(header: str, field: str) -> None:
    assert faults(read(f"{header}\nfever,\n")) == [(1, field)]


def test_a_header_alone_holds_no_case() -> None:
    assert faults(read("note,age\n")) == [(0, "body")]


def test_a_row_without_end_and_a_broken_quote() -> None:
    assert faults(read(f"note,age\n{'x' * 140_000},1\n")) == [(2, "row")]
    assert faults(read('note,age\nfever,1\n"cough" x,2\n')) == [(3, "row")]
    assert faults(read(f"note,age\n{'x' * 20_001},1\n")) == [(2, "note")]


def test_reading_stops_after_a_thousand_faults() -> None:
    assert len(read("note,age\n" + "fever,old\n" * 5000, most_cases=9999).faults) == 1000


# --- JSON lines -----------------------------------------------------------------------------------


def test_a_line_is_the_body_of_the_rest_interface_with_a_reference() -> None:
    line = {"reference": "a.1", "note": "Fever", "patient_info": {"age": 40, "gender": "male"}}
    uploaded = only(read(f"\n{json.dumps(line)}\n\n", "jsonl"))
    assert (uploaded.row, uploaded.reference, uploaded.case.sex) == (2, "a.1", Sex.MALE)


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("{not json", "row"),
        ("[]", "body"),
        ('"fever"', "body"),
        ('{"note": 5}', "note"),
        ('{"nte": "fever"}', "nte"),
        ('{"note": "fever", "note": "cough"}', "note"),
        (
            '{"note": "fever", "patient_info": {"sex": "male", "gender": "female"}}',
            "patient_info.sex",
        ),
        ('{"note": "fe\\u0000ver"}', "note.text"),
        ('{"note": "fever", "vitals": {"temperature": NaN}}', "vitals.temperature"),
        ('{"note": "fever", "reference": "a b"}', "reference"),
        ('{"note": ' + "[" * 3000, "note"),
        ('{"note": "' + "x" * 262_144 + '"}', "row"),
    ],
)
def test_a_line_that_is_no_case(line: str, field: str) -> None:
    assert faults(read(f'{{"note": "cough"}}\n{line}\n', "jsonl")) == [(2, field)]


# --- FHIR -----------------------------------------------------------------------------------------


def bundle(*resources: dict[str, Any], **members: Any) -> str:
    entries = [{"fullUrl": f"urn:uuid:{n}", "resource": r} for n, r in enumerate(resources)]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries, **members})


def patient(identifier: str = "p1", **members: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": identifier, "name": [{"family": "Smith"}], **members}


def about(kind: str, subject: str = "Patient/p1", **members: Any) -> dict[str, Any]:
    return {"resourceType": kind, "subject": {"reference": subject}, **members}


def loinc(code: str, text: str = "") -> dict[str, Any]:
    return {"coding": [{"system": "http://loinc.org", "code": code}], "text": text}


def test_a_patient_with_everything_becomes_one_case() -> None:
    text = base64.b64encode(b"Worse at night.").decode()
    upload = read(
        bundle(
            patient(gender="female", birthDate="1986-07-01"),
            about("Condition", code={"text": "Headache"}),
            about(
                "Condition",
                code={"coding": [{"display": "Asthma"}]},
                clinicalStatus={"coding": [{"code": "resolved"}]},
            ),
            about(
                "Condition",
                code={"text": "Stroke"},
                verificationStatus={"coding": [{"code": "refuted"}]},
            ),
            about(
                "Observation",
                code=loinc("8310-5"),
                valueQuantity={"value": 101, "code": "[degF]"},
                effectiveDateTime="2026-06-30T10:00:00Z",
            ),
            about(
                "Observation",
                code=loinc("8310-5"),
                valueQuantity={"value": 37, "code": "Cel"},
                effectiveDateTime="2026-06-29",
            ),
            about(
                "Observation",
                code=loinc("85354-9", "Blood pressure"),
                component=[
                    {"code": loinc("8480-6"), "valueQuantity": {"value": 98, "code": "mm[Hg]"}},
                    {"code": loinc("8462-4"), "valueQuantity": {"value": 60, "unit": "mmHg"}},
                ],
            ),
            about("Observation", code={"text": "Neck stiffness"}, valueBoolean=True),
            about("Observation", code={"text": "Rash"}, valueCodeableConcept={"text": "Absent"}),
            about(
                "Observation",
                code={"text": "Haemoglobin"},
                valueQuantity={"value": 8.5, "unit": "g/dL"},
            ),
            about(
                "QuestionnaireResponse",
                item=[
                    {"text": "Do you cough?", "answer": [{"valueBoolean": False}]},
                    {
                        "text": "Since when?",
                        "answer": [{"valueString": "two days"}],
                        "item": [
                            {"text": "Nausea", "answer": [{"valueBoolean": True}]},
                        ],
                    },
                ],
            ),
            about(
                "DocumentReference",
                content=[{"attachment": {"contentType": "text/plain", "data": text}}],
            ),
            about("ClinicalImpression", summary="Looks unwell."),
            about("Encounter", **{"class": {"code": "EMER"}}),
            timestamp="2026-07-01T00:00:00Z",
        ),
        "fhir",
    )
    uploaded = only(upload)
    case = uploaded.case
    assert (uploaded.row, uploaded.reference, upload.ignored) == (1, "p1", {})
    assert case.age_years == pytest.approx(40, abs=0.01)
    assert (case.sex, case.setting) == (Sex.FEMALE, Setting.EMERGENCY)
    assert {f.name: f.presence.value for f in case.findings} == {
        "Headache": "present", "Stroke": "absent", "Neck stiffness": "present", "Rash": "absent",
    }  # fmt: skip
    assert case.vitals.temperature == pytest.approx(38.33, abs=0.01)
    assert (case.vitals.systolic_bp, case.vitals.diastolic_bp) == (98, 60)
    assert case.note.text == (
        "Haemoglobin: 8.5 g/dL.\nSince when? two days.\nNausea.\nWorse at night.\nLooks unwell."
    )
    assert (case.note.denies, case.note.past_history) == ("Do you cough", "Asthma")
    assert "Smith" not in str(case)


def test_each_patient_is_a_case_and_references_are_found_in_every_form() -> None:
    upload = read(
        bundle(
            patient("a", birthDate="2000"),
            patient("b"),
            about("Condition", "urn:uuid:0", code={"text": "fever"}),
            about(
                "Condition", "https://example.org/fhir/Patient/b/_history/2", code={"text": "cough"}
            ),
        ),
        "fhir",
    )
    assert [(c.reference, c.case.findings[0].name) for c in upload.cases] == [
        ("a", "fever"),
        ("b", "cough"),
    ]


def test_what_a_case_has_no_place_for_is_counted_and_named() -> None:
    upload = read(
        bundle(
            patient(),
            about("Condition", code={"text": "fever"}),
            about("MedicationStatement"),
            about("MedicationStatement"),
            {"resourceType": "Smith, John"},
            about(
                "Condition",
                code={"text": "x"},
                verificationStatus={"coding": [{"code": "entered-in-error"}]},
            ),
            about("Observation", status="entered-in-error", code={"text": "x"}),
            about(
                "Observation",
                code=loinc("8310-5", "Body temperature"),
                dataAbsentReason={"text": "refused"},
            ),
            about(
                "DocumentReference", content=[{"attachment": {"contentType": "application/pdf"}}]
            ),
        ),
        "fhir",
    )
    assert [f.name for f in only(upload).case.findings] == ["fever"]
    assert upload.ignored == {
        "MedicationStatement": 2, "unknown": 1, "Condition": 1, "Observation": 1,
        "Observation (entered-in-error)": 1, "DocumentReference": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("resource", "field"),
    [
        (about("Condition", "Patient/other", code={"text": "x"}), "subject.reference"),
        (about("Observation", code={"text": 5}), "code.text"),
        (
            about("Observation", code=loinc("8310-5"), valueQuantity={"value": "hot"}),
            "valueQuantity.value",
        ),
        (
            about("Observation", code=loinc("9269-2"), valueQuantity={"value": 3.5}),
            "valueQuantity.value",
        ),
        (
            about(
                "DocumentReference",
                content=[{"attachment": {"contentType": "text/plain", "data": "%"}}],
            ),
            "content.attachment.data",
        ),
        (patient(), "id"),
        (patient("p2", gender="both"), "gender"),
    ],
)
def test_a_resource_that_is_wrong_names_its_entry(resource: dict[str, Any], field: str) -> None:
    good = about("Condition", code={"text": "fever"})
    assert (3, field) in faults(read(bundle(patient(), good, resource), "fhir"))


@pytest.mark.parametrize(
    ("born", "field"),
    [
        ("2027-01-01", "birthDate"),
        ("2026-07-02", "birthDate"),
        ("17.5.1980", "birthDate"),
        ("1980-13", "birthDate"),
        ("1850", "patient_info.age"),
    ],
)
def test_a_birth_date_that_cannot_be(born: str, field: str) -> None:
    sent = bundle(patient(birthDate=born), about("Condition", code={"text": "fever"}))
    assert faults(read(sent, "fhir")) == [(1, field)]


def test_two_patients_and_a_resource_of_nobody() -> None:
    nobody = {"resourceType": "Condition", "code": {"text": "fever"}}
    upload = read(bundle(patient("a"), patient("b"), nobody), "fhir")
    assert (3, "subject.reference") in faults(upload)
    assert only(read(bundle(patient("a"), nobody), "fhir")).case.findings[0].name == "fever"


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("{", "body"),
        ("[]", "body"),
        ("{}", "resourceType"),
        ('{"resourceType": "Patient"}', "resourceType"),
        (bundle(), "body"),
        ('{"resourceType": "Bundle", "entry": {}}', "entry"),
    ],
)
def test_what_is_no_bundle(text: str, field: str) -> None:
    assert faults(read(text, "fhir")) == [(0, field)]
