"""Stored sessions over REST: listing, reading, replaying, reporting; who sees what."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.test import Client, override_settings
from knox.models import AuthToken

from agents.tests.tiny import tiny_text
from agents.types import Case, Note
from diagnosis import services
from diagnosis.models import DiagnosisSession, Feedback, Outcome
from diagnosis.policies import Actor, actor_of

pytestmark = [pytest.mark.services, pytest.mark.usefixtures("tiny_knowledge")]

SESSIONS = "/api/v1/sessions/"
PROBLEM = "application/problem+json"
NOBODYS_ID = "01936b5e-0000-7000-8000-000000000000"


def consulted(actor: Actor, text: str = "Fever and a cough.") -> UUID:
    return async_to_sync(services.consult)(
        actor, Case(note=Note(text=text), age_years=40)
    ).session_id


def posted(client: Client, path: str, body: Any = None, **headers: str) -> Any:
    return client.post(path, json.dumps(body), "application/json", headers=headers)


@pytest.fixture
def doctor(client: Client, clinician: User) -> Client:
    client.force_login(clinician)
    return client


@pytest.fixture
def mine(actor: Actor) -> UUID:
    return consulted(actor)


@pytest.fixture
def theirs(other_clinician: User) -> UUID:
    return consulted(actor_of(other_clinician))


# --- the list -------------------------------------------------------------------------------------


def test_the_list_is_ones_own_newest_first(
    doctor: Client, actor: Actor, mine: UUID, theirs: UUID
) -> None:
    newer = consulted(actor)
    said = doctor.get(SESSIONS).json()
    assert [row["id"] for row in said["results"]] == [str(newer), str(mine)]
    assert set(said["results"][0]) == {
        "id", "created_at", "finished_at", "status", "urgency", "leading_condition", "leading_name",
        "duration_ms", "engine", "knowledge",
    }  # fmt: skip


def test_staff_see_all(client: Client, administrator: User, mine: UUID, theirs: UUID) -> None:
    client.force_login(administrator)
    assert {row["id"] for row in client.get(SESSIONS).json()["results"]} == {str(mine), str(theirs)}


def test_nobody_in_particular_has_no_list(client: Client) -> None:
    answer = client.get(SESSIONS)
    assert (answer.status_code, answer["Content-Type"]) == (401, PROBLEM)


def test_pages_by_cursor_miss_nothing_and_repeat_nothing(doctor: Client, actor: Actor) -> None:
    made = [str(consulted(actor)) for _ in range(5)]
    seen: list[str] = []
    address: str | None = f"{SESSIONS}?page_size=2"
    while address:
        said = doctor.get(address).json()
        seen += [row["id"] for row in said["results"]]
        address = said["next"]
    assert seen == made[::-1]


def test_oldest_first(doctor: Client, actor: Actor) -> None:
    made = [str(consulted(actor)) for _ in range(3)]
    said = doctor.get(f"{SESSIONS}?ordering=id").json()
    assert [row["id"] for row in said["results"]] == made


def test_filters(doctor: Client, actor: Actor) -> None:
    alarming = consulted(actor, "Fever and neck stiffness.")
    calm = consulted(actor, "A rash.")

    def found(query: str) -> set[str]:
        return {row["id"] for row in doctor.get(f"{SESSIONS}?{query}").json()["results"]}

    assert found("urgency=emergency") == {str(alarming)}
    assert found("leading_condition=eczema") == {str(calm)}
    assert found("status=running") == set()
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    assert found(f"created_after={later}") == set()
    assert found(f"created_before={later}") == {str(alarming), str(calm)}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=done", "status"),
        ("created_after=yesterday", "created_after"),
        ("leading_condition=a%00b", "leading_condition"),
    ],
)
def test_a_filter_that_is_none_is_refused_by_name(doctor: Client, query: str, field: str) -> None:
    answer = doctor.get(f"{SESSIONS}?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)


def test_a_cursor_that_is_none_is_refused(doctor: Client) -> None:
    assert doctor.get(f"{SESSIONS}?cursor=%00x").status_code == 404


# --- one session ----------------------------------------------------------------------------------


def test_one_session_with_everything_to_judge_it(doctor: Client, mine: UUID) -> None:
    said = doctor.get(f"{SESSIONS}{mine}/").json()
    row = DiagnosisSession.objects.get(id=mine)
    assert said["consultation"] == json.loads(row.consultation)
    assert said["case"] == {"note": {"text": "Fever and a cough."}, "age_years": 40.0}
    assert (said["status"], said["outcomes"], said["unrecognised"]) == ("complete", [], [])
    assert said["events"] == f"/ws/sessions/{mine}/"
    assert set(said["consultation"]["versions"]) == {"engine", "knowledge", "guidelines"}


def test_what_holds_patient_text_or_secrets_is_never_cached(
    doctor: Client, mine: UUID, clinician: User
) -> None:
    said = basic("dr", "a sound password of hers")
    for answer in (
        doctor.get(f"{SESSIONS}{mine}/"),
        doctor.get(SESSIONS),
        posted(doctor, "/api/v1/symptoms/analyze", {"note": "Fever"}),
        doctor.post("/api/v1/tokens/", headers=said),
    ):
        assert answer.status_code == 200
        assert "no-store" in answer["Cache-Control"]


def test_a_large_body_is_413_on_the_full_stack_too(doctor: Client) -> None:
    answer = posted(doctor, "/api/v1/symptoms/analyze", {"note": "x" * 300_000})
    assert (answer.status_code, answer["Content-Type"]) == (413, PROBLEM)
    assert answer.json()["type"] == "/problems/body-too-large/"


def test_another_clinicians_session_is_not_there(doctor: Client, theirs: UUID) -> None:
    unknown = doctor.get(f"{SESSIONS}{NOBODYS_ID}/")
    for path in ("", "events/"):
        answer = doctor.get(f"{SESSIONS}{theirs}/{path}")
        assert (answer.status_code, answer["Content-Type"]) == (404, PROBLEM)
    assert doctor.get(f"{SESSIONS}{theirs}/").json()["detail"] == unknown.json()["detail"]
    assert posted(doctor, f"{SESSIONS}{theirs}/replay/").status_code == 404
    assert posted(doctor, f"{SESSIONS}{theirs}/outcome/", {"condition": "flu"}).status_code == 404


def test_an_anonymous_session_belongs_to_whoever_knows_its_id(client: Client) -> None:
    session = consulted(Actor.anonymous())
    assert client.get(f"{SESSIONS}{session}/").status_code == 200
    with override_settings(OPEN_ANALYZE=False):
        assert client.get(f"{SESSIONS}{session}/").status_code == 401


def test_a_session_that_still_runs(doctor: Client, mine: UUID) -> None:
    DiagnosisSession.objects.filter(id=mine).update(status="running", consultation="")
    said = doctor.get(f"{SESSIONS}{mine}/").json()
    assert (said["status"], said["consultation"], said["sources"]) == ("running", None, {})


def test_events_are_numbered_and_can_be_fetched_from_a_number_on(
    doctor: Client, mine: UUID
) -> None:
    every = doctor.get(f"{SESSIONS}{mine}/events/").json()
    assert [event["seq"] for event in every] == list(range(1, len(every) + 1))
    assert (every[0]["kind"], every[-1]["kind"]) == ("session_started", "diagnosis_complete")
    assert doctor.get(f"{SESSIONS}{mine}/events/?after=3").json() == every[3:]
    assert doctor.get(f"{SESSIONS}{mine}/events/?after=-1").json()["errors"][0]["field"] == "after"


# --- replay ---------------------------------------------------------------------------------------


def test_a_replay_on_the_same_knowledge_is_identical(doctor: Client, mine: UUID) -> None:
    said = posted(doctor, f"{SESSIONS}{mine}/replay/").json()
    assert (said["identical"], said["ranks"], said["versions"]) == (True, [], [])


def test_a_replay_on_other_knowledge_says_what_changed(doctor: Client, mine: UUID) -> None:
    text = tiny_text()
    del text.conditions["flu"]
    del text.systems["flu"]
    services.load_knowledge(Actor.system(), text)
    said = posted(doctor, f"{SESSIONS}{mine}/replay/").json()
    assert said["identical"] is False
    assert "flu" in {change["condition"] for change in said["ranks"] if change["rank_now"] is None}
    assert [change["what"] for change in said["versions"]] == ["knowledge"]
    assert DiagnosisSession.objects.count() == 1


def test_a_session_without_an_answer_cannot_be_replayed(doctor: Client, mine: UUID) -> None:
    DiagnosisSession.objects.filter(id=mine).update(status="running", consultation="")
    answer = posted(doctor, f"{SESSIONS}{mine}/replay/")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/conflict/")


# --- reports --------------------------------------------------------------------------------------


def test_an_outcome_is_recorded_and_shown(doctor: Client, mine: UUID, clinician: User) -> None:
    body = {"condition": "pneumonia", "override_reason": "X-ray", "note": "Lobar."}
    answer = posted(doctor, f"{SESSIONS}{mine}/outcome/", body)
    assert answer.status_code == 201
    assert answer.json()["id"] == Outcome.objects.get().pk
    (shown,) = doctor.get(f"{SESSIONS}{mine}/").json()["outcomes"]
    assert shown.pop("recorded_at")
    assert shown == {**body, "icd10": "", "recorded_by": clinician.username}


def test_feedback_is_recorded(doctor: Client, mine: UUID) -> None:
    answer = posted(doctor, f"{SESSIONS}{mine}/feedback/", {"useful": True, "comment": "Quick."})
    assert answer.status_code == 201
    assert Feedback.objects.get().useful is True


def test_a_repeated_report_is_stored_once(doctor: Client, mine: UUID) -> None:
    headers = {"Idempotency-Key": "report-1"}
    path = f"{SESSIONS}{mine}/outcome/"
    first = posted(doctor, path, {"condition": "flu"}, **headers)
    again = posted(doctor, path, {"condition": "flu"}, **headers)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again["Idempotency-Replayed"] == "true"
    assert Outcome.objects.count() == 1
    assert posted(doctor, path, {"condition": "eczema"}, **headers).status_code == 422


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, None),
        ({"condition": "no_such_condition"}, "condition"),
        ({"icd10": "flu"}, "icd10"),
        ({"condition": "flu", "verdict": 1}, "verdict"),
        ({"condition": 7}, "condition"),
        ({"condition": "flu", "note": "x\0"}, "note"),
        ([], "body"),
    ],
)
def test_a_report_that_breaks_a_rule_names_its_field(
    doctor: Client, mine: UUID, body: Any, field: str | None
) -> None:
    answer = posted(doctor, f"{SESSIONS}{mine}/outcome/", body)
    assert (answer.status_code, answer["Content-Type"]) == (400, PROBLEM)
    named = [fault["field"] for fault in answer.json()["errors"]]
    assert named == [field] if field else named
    assert Outcome.objects.count() == 0


def test_reports_are_json(doctor: Client, mine: UUID) -> None:
    answer = doctor.post(f"{SESSIONS}{mine}/outcome/", {"condition": "flu"})
    assert (answer.status_code, answer["Content-Type"]) == (415, PROBLEM)


# --- tokens ---------------------------------------------------------------------------------------


def basic(username: str, password: str) -> dict[str, str]:
    import base64

    pair = base64.b64encode(f"{username}:{password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def test_a_password_buys_a_token_and_the_token_can_be_ended(
    client: Client, clinician: User
) -> None:
    answer = client.post("/api/v1/tokens/", headers=basic("dr", "a sound password of hers"))
    assert (answer.status_code, set(answer.json())) == (200, {"token", "expiry"})
    header = {"Authorization": f"Token {answer.json()['token']}"}
    assert client.get(SESSIONS, headers=header).status_code == 200
    assert client.post("/api/v1/tokens/end/", headers=header).status_code == 204
    assert client.get(SESSIONS, headers=header).status_code == 401


def test_every_token_can_be_ended_at_once(client: Client, clinician: User) -> None:
    tokens = [AuthToken.objects.create(clinician)[1] for _ in range(2)]
    client.post("/api/v1/tokens/end-all/", headers={"Authorization": f"Token {tokens[0]}"})
    assert not AuthToken.objects.exists()


@pytest.mark.parametrize(
    "pair", [("dr", "wrong"), ("nobody", "x"), ("dr\0", "x"), ("dr", "x\0"), ("", ""), ("💉", "💉")]
)
def test_a_wrong_password_is_401(client: Client, clinician: User, pair: tuple[str, str]) -> None:
    answer = client.post("/api/v1/tokens/", headers=basic(*pair))
    assert (answer.status_code, answer["Content-Type"]) == (401, PROBLEM)
    assert not AuthToken.objects.exists()


def test_passwords_cannot_be_tried_without_end(client: Client, clinician: User) -> None:
    statuses = [
        client.post("/api/v1/tokens/", headers=basic("dr", str(n))).status_code for n in range(62)
    ]
    assert statuses[:60] == [401] * 60
    assert statuses[60:] == [429] * 2


@pytest.mark.parametrize("token", ["\xff\xfe", "short", "f" * 64, "f" * 5000])
def test_a_token_that_is_none_is_401(client: Client, token: str) -> None:
    answer = client.get(SESSIONS, headers={"Authorization": f"Token {token}"})
    assert (answer.status_code, answer["Content-Type"]) == (401, PROBLEM)
