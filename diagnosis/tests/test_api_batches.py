"""Batches over REST: handing in, watching, fetching, cancelling; who sees what."""

import asyncio
import csv
import io
import json
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.test import Client
from knox.models import AuthToken

from diagnosis.models import AuditEvent, Batch, BatchCase, DiagnosisSession
from diagnosis.serializers.batches import ResultLine, csv_of, escaped, result_line
from diagnosis.services import work_on_batch

pytestmark = [pytest.mark.services, pytest.mark.usefixtures("tiny_knowledge")]

BATCHES = "/api/v1/batches/"
PROBLEM = "application/problem+json"
NOBODYS_ID = "01936b5e-0000-7000-8000-000000000000"
CSV = "reference,note,age,sex\na-1,Fever and a cough.,40,male\na-2,Fever and a stiff neck.,30,female\n"


def posted(client: Client, body: str, query: str = "", **headers: str) -> Any:
    kind = headers.pop("kind", "text/csv")
    return client.generic("POST", BATCHES + query, body, kind, headers=headers)


def batch_in(answer: Any) -> Batch:
    assert answer.status_code == 202, answer.content
    return Batch.objects.get(pk=answer.json()["id"])


def results(client: Client, batch: Batch, query: str = "") -> Any:
    answer = client.get(f"{BATCHES}{batch.pk}/results{query}")
    assert answer.status_code == 200
    return answer, b"".join(answer.streaming_content).decode()


@pytest.fixture
def doctor(client: Client, clinician: User) -> Client:
    client.force_login(clinician)
    return client


@pytest.fixture
def batch(doctor: Client) -> Batch:
    return batch_in(posted(doctor, CSV))


def test_a_batch_is_accepted_and_says_where_to_look(doctor: Client) -> None:
    answer = posted(doctor, CSV)
    said = answer.json()
    path = f"/api/v1/batches/{said['id']}/"
    assert (answer.status_code, answer["Location"]) == (202, path)
    assert (said["status"], said["format"], said["counts"]["left"]) == ("queued", "csv", 2)
    assert (said["self"], said["results"]) == (path, path + "results")
    assert said["events"] == f"/ws/batches/{said['id']}/"
    assert doctor.get(path).json() == said
    # the spelling without a version is the same
    assert doctor.get(path.replace("/v1", "")).json() == said


def test_json_lines_and_bundles_are_taken_by_their_content_type(doctor: Client) -> None:
    line = json.dumps({"note": "Fever", "reference": "x"})
    lines = batch_in(posted(doctor, f"{line}\n{line}\n", kind="application/x-ndjson"))
    bundle = {
        "resourceType": "Bundle",
        "entry": [
            {"resource": {"resourceType": "Patient", "id": "p"}},
            {"resource": {"resourceType": "Condition", "code": {"text": "fever"}}},
            {"resource": {"resourceType": "Device"}},
        ],
    }
    fhir = batch_in(posted(doctor, json.dumps(bundle), kind="application/fhir+json"))
    assert (lines.format, lines.total) == ("jsonl", 2)
    assert (fhir.format, fhir.total, fhir.ignored) == ("fhir", 1, {"Device": 1})


def test_a_dry_run_tells_everything_and_stores_nothing(doctor: Client) -> None:
    answer = posted(doctor, CSV + "a-3,Fever,old,male\n", "?dry_run=true")
    assert answer.status_code == 200
    said = answer.json()
    assert said["cases"] == 2
    assert [(row["row"], row["field"]) for row in said["rows"]] == [(4, "patient_info.age")]
    assert not Batch.objects.exists()
    assert not AuditEvent.objects.filter(object_type="batch").exists()


@pytest.mark.parametrize(
    ("body", "kind", "status", "problem"),
    [
        (CSV + "a-3,Fever,old,male\n", "text/csv", 400, "invalid-rows"),
        ("\n", "text/csv", 400, "invalid-rows"),
        ("PK\x03\x04", "text/csv", 400, "invalid-rows"),
        ("note\nfe\x00ver", "text/csv", 400, "invalid-rows"),
        ("nte\nfever\n", "text/csv", 400, "invalid-rows"),
        (CSV, "application/json", 415, "unsupported-upload"),
        (CSV, "application/x-www-form-urlencoded", 415, "unsupported-upload"),
        ("x" * (8 * 1024 * 1024 + 1), "text/csv", 413, "body-too-large"),
    ],
)
def test_what_cannot_be_read_is_refused_and_nothing_is_taken(
    doctor: Client, body: str, kind: str, status: int, problem: str
) -> None:
    answer = posted(doctor, body, kind=kind)
    assert (answer.status_code, answer["Content-Type"]) == (status, PROBLEM)
    assert answer.json()["type"] == f"/problems/{problem}/"
    assert not Batch.objects.exists()


def test_the_rows_of_a_refusal_are_named_without_what_stood_there(doctor: Client) -> None:
    said = posted(doctor, CSV + "a-3,Fever,zanzibar,male\n").json()
    assert said["rows"][0]["row"] == 4
    assert "zanzibar" not in json.dumps(said)


@pytest.mark.parametrize("query", ["?dry_run=perhaps", "?dry=true"])
def test_a_query_that_is_wrong_is_refused(doctor: Client, query: str) -> None:
    assert posted(doctor, CSV, query).status_code == 400


def test_a_body_beyond_djangos_limit_for_forms_is_read(doctor: Client) -> None:
    row = f"a,{'Fever. ' * 2000},40,male\n"
    assert batch_in(posted(doctor, CSV + row * 40)).total == 42


def test_more_cases_than_allowed_are_refused(doctor: Client, settings: Any) -> None:
    settings.BATCH_MAX_CASES = 1
    assert posted(doctor, CSV).status_code == 400


def test_the_same_key_gives_the_same_batch(doctor: Client) -> None:
    headers = {"Idempotency-Key": "k-1"}
    first, again = posted(doctor, CSV, **headers), posted(doctor, CSV, **headers)
    assert first.json()["id"] == again.json()["id"]
    assert (again.status_code, again["Idempotency-Replayed"]) == (202, "true")
    assert posted(doctor, CSV + "a-3,Fever,1,male\n", **headers).status_code == 422
    assert posted(doctor, CSV, **{"Idempotency-Key": "k 1"}).status_code == 400
    assert Batch.objects.count() == 1


def test_a_browser_needs_the_csrf_token_and_a_program_its_own(clinician: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(clinician)
    assert posted(browser, CSV).status_code == 403
    _, token = AuthToken.objects.create(clinician)
    assert posted(Client(), CSV, Authorization=f"Token {token}").status_code == 202


# --- who ------------------------------------------------------------------------------------------


def test_nobody_in_particular_is_asked_to_sign_in(client: Client) -> None:
    for answer in (
        posted(client, CSV),
        client.get(BATCHES),
        client.get(f"{BATCHES}{NOBODYS_ID}/"),
        client.get(f"{BATCHES}{NOBODYS_ID}/results"),
        client.post(f"{BATCHES}{NOBODYS_ID}/cancel"),
    ):
        assert (answer.status_code, answer["Content-Type"]) == (401, PROBLEM)


def test_a_batch_of_somebody_else_is_not_there(batch: Batch, other_clinician: User) -> None:
    other = Client()
    other.force_login(other_clinician)
    for batch_id in (batch.pk, NOBODYS_ID):
        path = f"{BATCHES}{batch_id}/"
        for answer in (
            other.get(path),
            other.get(f"{path}results"),
            other.post(f"{path}cancel"),
        ):
            assert answer.status_code == 404
    assert other.get(BATCHES).json()["results"] == []
    batch.refresh_from_db()
    assert batch.status == "queued"


def test_staff_see_all_and_hand_in_nothing_without_the_right(
    batch: Batch, client: Client, administrator: User
) -> None:
    administrator.is_superuser = False
    administrator.save()
    client.force_login(administrator)
    assert client.get(f"{BATCHES}{batch.pk}/").status_code == 200
    assert posted(client, CSV).status_code == 403


def test_the_list_is_newest_first_by_cursor_and_filtered(doctor: Client) -> None:
    made = [str(batch_in(posted(doctor, CSV)).pk) for _ in range(3)]
    page = doctor.get(f"{BATCHES}?page_size=2").json()
    rest = doctor.get(page["next"]).json()
    assert [row["id"] for row in (*page["results"], *rest["results"])] == made[::-1]
    assert doctor.get(f"{BATCHES}?status=completed").json()["results"] == []
    assert doctor.get(f"{BATCHES}?status=nonsense").status_code == 400


# --- results, cancelling --------------------------------------------------------------------------


def test_results_are_a_table_in_the_order_of_the_upload(doctor: Client, batch: Batch) -> None:
    asyncio.run(work_on_batch(batch.pk))
    answer, text = results(doctor, batch)
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer["Content-Disposition"]
    assert "no-store" in answer["Cache-Control"]
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["row"], row["reference"], row["status"]) for row in rows] == [
        ("2", "a-1", "complete"),
        ("3", "a-2", "complete"),
    ]
    assert rows[0]["condition_1"]
    assert float(rows[0]["probability_1"]) > 0
    assert rows[1]["urgency"] == "emergency"
    assert doctor.get(f"/api/v1/sessions/{rows[0]['session_id']}/").status_code == 200


def test_results_as_json_lines(doctor: Client, batch: Batch) -> None:
    asyncio.run(work_on_batch(batch.pk))
    answer, text = results(doctor, batch, "?format=jsonl")
    assert answer["Content-Type"] == "application/jsonl"
    lines = [json.loads(line) for line in text.splitlines()]
    session = DiagnosisSession.objects.get(pk=lines[0]["session_id"])
    assert lines[0]["session"] == f"/api/v1/sessions/{session.pk}/"
    assert lines[0]["most_likely"][0]["condition"] == session.leading_condition
    assert lines[1]["red_flags"] == ["Meningism"]


def test_results_of_a_batch_that_is_not_done_say_so(doctor: Client, batch: Batch) -> None:
    BatchCase.objects.filter(position=2).update(status="failed", problem="It broke.")
    _, text = results(doctor, batch)
    assert [line.split(",")[2:4] for line in text.splitlines()[1:]] == [
        ["queued", ""],
        ["failed", "It broke."],
    ]


def test_an_unknown_form_of_results_is_refused(doctor: Client, batch: Batch) -> None:
    assert doctor.get(f"{BATCHES}{batch.pk}/results?format=xlsx").status_code == 400


def test_results_come_page_by_page(
    doctor: Client, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diagnosis.api.batches.PAGE", 1)
    _, text = results(doctor, batch)
    assert len(text.splitlines()) == 3


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_cell_that_a_spreadsheet_would_compute_is_escaped(start: str) -> None:
    cell = f'{start}HYPERLINK("http://evil")'
    assert escaped(cell) == f"'{cell}"
    line = ResultLine(2, cell, "failed", cell)
    (row,) = csv.reader(io.StringIO(csv_of([line]).decode(), newline=""))
    assert row[1] == row[3] == f"'{cell}"
    assert escaped("a-1") == "a-1"


def test_a_reference_may_begin_with_a_minus_and_is_escaped_on_its_way_out(doctor: Client) -> None:
    batch = batch_in(posted(doctor, "reference,note\n-2.3,Fever\n"))
    _, text = results(doctor, batch)
    assert ",'-2.3," not in text.splitlines()[0]
    assert text.splitlines()[1].startswith("2,'-2.3,")


def test_cancelling(doctor: Client, batch: Batch) -> None:
    path = f"{BATCHES}{batch.pk}/cancel"
    said = doctor.post(path).json()
    assert (said["status"], said["counts"]["cancelled"]) == ("cancelled", 2)
    assert doctor.post(path).status_code == 200
    other = batch_in(posted(doctor, CSV))
    asyncio.run(work_on_batch(other.pk))
    answer = doctor.post(f"{BATCHES}{other.pk}/cancel")
    assert (answer.status_code, answer["Content-Type"]) == (409, PROBLEM)


def test_a_session_that_has_gone_leaves_its_line(doctor: Client, batch: Batch) -> None:
    asyncio.run(work_on_batch(batch.pk))
    DiagnosisSession.objects.all().delete()
    _, text = results(doctor, batch)
    assert text.splitlines()[1].startswith("2,a-1,complete,,,")


def test_sessions_of_a_batch_are_the_owners(
    doctor: Client, batch: Batch, other_clinician: User
) -> None:
    asyncio.run(work_on_batch(batch.pk))
    case = BatchCase.objects.select_related("session").first()
    assert case is not None
    line = result_line(case)
    assert isinstance(line.session_id, UUID)
    other = Client()
    other.force_login(other_clinician)
    assert other.get(line.session).status_code == 404
