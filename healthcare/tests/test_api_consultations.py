"""Having a case analysed over REST, through the whole ASGI application."""

import asyncio
import json
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from django.test import override_settings
from knox.models import AuthToken

from agents.types import Consultation
from diagnosis import services
from diagnosis.errors import NotStored
from diagnosis.models import AuditEvent, DiagnosisSession
from diagnosis.serializers.answers import DISCLAIMER
from diagnosis.services.journal import Record, journal
from diagnosis.tests.samples import FULL
from diagnosis.threads import in_database
from healthcare.tests.wire import Answer, ask

pytestmark = [pytest.mark.services, pytest.mark.usefixtures("tiny_knowledge")]

ANALYZE = "/api/symptoms/analyze"
SESSIONS = "/api/v1/sessions/"
CASE = {"symptoms": [{"name": "fever"}, {"name": "cough"}], "patient_info": {"age": 30}}


async def how_many() -> int:
    return await DiagnosisSession.objects.acount()


@pytest.fixture
def token(clinician: User) -> dict[str, str]:
    return {"authorization": f"Token {AuthToken.objects.create(clinician)[1]}"}


@pytest.mark.parametrize("path", [ANALYZE, "/api/v1/symptoms/analyze"])
async def test_the_whole_consultation_is_in_the_answer(path: str) -> None:
    answer = await ask("POST", path, CASE)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    said = answer.json()
    session = await DiagnosisSession.objects.aget(id=said["session_id"])
    assert session.consultation == json.dumps(
        said["consultation"], separators=(",", ":"), ensure_ascii=False
    )
    assert said["status"] == "complete"
    assert said["disclaimer"] == DISCLAIMER
    assert set(said["consultation"]) == set(Consultation.__struct_fields__)
    leading = said["consultation"]["differential"]["most_likely"][0]
    assert {e["finding"] for e in leading["findings_for"]} <= {"fever", "cough"}
    assert all(e["likelihood_ratio"] > 0 for e in leading["findings_for"])
    assert answer.headers["content-location"] == f"/api/v1/sessions/{said['session_id']}/"


async def test_the_request_of_the_original_load_test() -> None:
    body = {
        "symptoms": [{"name": "headache", "severity": "moderate"}],
        "patient_info": {"age": 30, "gender": "female"},
    }
    answer = await ask("POST", ANALYZE, body)
    assert answer.status == 200
    # this small knowledge has no headache: it is given back, never dropped silently
    assert answer.json()["unrecognised"] == ["headache"]


async def test_sources_of_an_answer_can_be_opened() -> None:
    said = (await ask("POST", ANALYZE, {"note": "Fever and neck stiffness."})).json()
    cited = {flag["source"] for flag in said["consultation"]["red_flags"]}
    assert cited == {"paper"}
    assert said["sources"]["paper"] == {
        "title": "A paper", "publisher": "A journal", "year": 2020, "url": "https://example.org/p",
    }  # fmt: skip


async def test_a_session_is_created_and_can_be_fetched(token: dict[str, str]) -> None:
    made = await ask("POST", SESSIONS, CASE, token)
    assert made.status == 201
    fetched = await ask("GET", made.headers["location"], headers=token)
    assert fetched.status == 200
    assert fetched.json()["consultation"] == made.json()["consultation"]
    assert fetched.json()["case"]["findings"] == [{"name": "fever"}, {"name": "cough"}]


async def test_a_session_answers_at_once_when_asked_to(token: dict[str, str]) -> None:
    made = await ask("POST", SESSIONS, CASE, {**token, "prefer": "respond-async, wait=5"})
    assert (made.status, made.headers["preference-applied"]) == (202, "respond-async")
    said = made.json()
    assert said["events"] == f"/ws/sessions/{said['session_id']}/"
    await services.shutdown()
    session = await DiagnosisSession.objects.aget(id=UUID(said["session_id"]))
    assert session.status == "complete"


async def test_who_asked_is_known_by_the_token(token: dict[str, str], clinician: User) -> None:
    said = (await ask("POST", ANALYZE, CASE, token)).json()
    session = await DiagnosisSession.objects.aget(id=said["session_id"])
    assert session.clinician_id == clinician.pk


async def test_a_wrong_token_is_401_and_nothing_is_stored() -> None:
    answer = await ask("POST", ANALYZE, CASE, {"authorization": "Token " + "f" * 64})
    assert (answer.status, answer.json()["type"]) == (401, "/problems/not-authenticated/")
    assert await how_many() == 0


@override_settings(OPEN_ANALYZE=False)
async def test_where_analysis_is_closed_a_clinician_has_to_sign_in(
    token: dict[str, str], administrator: User
) -> None:
    assert (await ask("POST", ANALYZE, CASE)).status == 401
    assert await how_many() == 0
    assert (await ask("POST", ANALYZE, CASE, token)).status == 200


@override_settings(OPEN_ANALYZE=False)
async def test_an_account_without_the_right_is_403(transactional_db: None) -> None:
    user = await User.objects.acreate(username="clerk")
    _, text = await in_database(AuthToken.objects.create, user)
    answer = await ask("POST", ANALYZE, CASE, {"authorization": f"Token {text}"})
    assert (answer.status, answer.json()["type"]) == (403, "/problems/not-allowed/")


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [ANALYZE, SESSIONS])
@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"diagnosis": "flu"}, 400, "diagnosis"),
        ({"symptoms": "fever"}, 400, "symptoms"),
        ({}, 400, "case"),
        (b'{"vitals":{"temperature":NaN}}', 400, "vitals.temperature"),
        ({"note": "Fever", "patient_info": {"age": 200}}, 400, "patient_info.age"),
        (
            {"note": "Fever", "patient_info": {"sex": "male", "gender": "female"}},
            400,
            "patient_info.sex",
        ),
        ({"note": "Fever\0"}, 400, "note.text"),
        (b'{"note":"\\ud83d"}', 400, "note"),
        (b"{", 400, None),
        (b"[" * 200_000, 400, "body"),
        (b'{"note":"' + b"x" * 10_000_000 + b'"}', 413, None),
    ],
)
async def test_bad_input_is_refused_with_its_field_and_nothing_is_stored(
    path: str, body: Any, status: int, field: str | None
) -> None:
    headers = {"content-type": "application/json"}
    answer = await ask("POST", path, body, headers)
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")
    assert [fault["field"] for fault in answer.json().get("errors", [])] == (
        [field] if field else []
    )
    assert await how_many() == 0
    assert await AuditEvent.objects.filter(action__startswith="session").acount() == 0


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
async def test_only_json_is_read(kind: str) -> None:
    answer = await ask("POST", ANALYZE, json.dumps(CASE).encode(), {"content-type": kind})
    assert (answer.status, answer.json()["type"]) == (415, "/problems/unsupported-media-type/")


async def test_json_may_say_its_charset() -> None:
    headers = {"content-type": "application/json; charset=utf-8"}
    assert (await ask("POST", ANALYZE, json.dumps(CASE).encode(), headers)).status == 200


@pytest.mark.parametrize(
    "text", ["頭痛と発熱が三日続く", "مريض يعاني من حمى", "Лихорадка и кашель", "🤒🤒"]
)
async def test_text_in_another_script_is_answered(text: str) -> None:
    answer = await ask("POST", ANALYZE, {"note": text})
    assert answer.status in (200, 400)
    if answer.status == 200:
        assert answer.json()["consultation"]["differential"]["enough"] is False


async def test_unknown_findings_come_back() -> None:
    answer = await ask("POST", ANALYZE, {"symptoms": [{"name": "fever"}, {"name": "zorbitis"}]})
    assert (answer.status, answer.json()["unrecognised"]) == (200, ["zorbitis"])


# --- idempotency ----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [ANALYZE, SESSIONS])
async def test_the_same_key_gets_the_same_answer_once(path: str, token: dict[str, str]) -> None:
    headers = {**token, "idempotency-key": "k1"}
    first = await ask("POST", path, CASE, headers)
    again = await ask("POST", path, CASE, headers)
    assert (again.status, again.body) == (first.status, first.body)
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers.get("location") == first.headers.get("location")
    assert await how_many() == 1


async def test_both_spellings_of_a_path_are_one_resource() -> None:
    headers = {"idempotency-key": "k2"}
    first = await ask("POST", ANALYZE, CASE, headers)
    again = await ask("POST", "/api/v1/symptoms/analyze", CASE, headers)
    assert again.body == first.body


async def test_the_same_key_with_another_body_is_a_conflict() -> None:
    headers = {"idempotency-key": "k3"}
    await ask("POST", ANALYZE, CASE, headers)
    answer = await ask("POST", ANALYZE, {"note": "Rash"}, headers)
    assert (answer.status, answer.json()["type"]) == (422, "/problems/idempotency-conflict/")


async def test_a_refused_request_does_not_use_up_its_key() -> None:
    headers = {"idempotency-key": "k4"}
    assert (await ask("POST", ANALYZE, {}, headers)).status == 400
    assert (await ask("POST", ANALYZE, CASE, headers)).status == 200


@pytest.mark.parametrize("key", ["x" * 201, "with space", "naïve"])
async def test_a_key_that_is_none_is_refused(key: str) -> None:
    answer = await ask("POST", ANALYZE, CASE, {"idempotency-key": key})
    assert (answer.status, answer.json()["errors"][0]["field"]) == (400, "Idempotency-Key")


async def test_requests_at_the_same_time_are_all_stored() -> None:
    answers: list[Answer] = await asyncio.gather(*(ask("POST", ANALYZE, CASE) for _ in range(20)))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.json()["session_id"] for answer in answers}) == 20
    assert await how_many() == 20


@pytest.mark.parametrize(("path", "status"), [(ANALYZE, 200), ("/api/sessions/", 201)])
async def test_what_was_committed_is_not_done_twice_although_word_of_it_was_lost(
    monkeypatch: pytest.MonkeyPatch, path: str, status: int
) -> None:
    write = journal.write

    async def written_and_lost(record: Record) -> None:
        await write(record)
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(journal, "write", written_and_lost)
    headers = {"idempotency-key": "k5"}
    assert (await ask("POST", path, CASE, headers)).status == 503
    monkeypatch.undo()
    again = await ask("POST", path, CASE, headers)
    assert (again.status, again.headers["idempotency-replayed"]) == (status, "true")
    assert await DiagnosisSession.objects.acount() == 1


# --- when things fail -----------------------------------------------------------------------------


async def test_urgency_and_red_flags_outlive_a_failing_database(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def not_stored(*args: Any, **kwargs: Any) -> Any:
        raise NotStored(FULL)

    monkeypatch.setattr(services, "consult", not_stored)
    answer = await ask("POST", ANALYZE, CASE)
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["urgency"] == "emergency"
    assert answer.json()["red_flags"][0]["rule"] == "sepsis"


@override_settings(JOURNAL_LIMIT=0)
async def test_too_much_waiting_is_503() -> None:
    answer = await ask("POST", ANALYZE, CASE)
    assert (answer.status, answer.json()["type"]) == (503, "/problems/overloaded/")


async def test_a_partial_answer_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*args: Any) -> Any:
        raise RuntimeError("the matcher broke")

    matcher = services.consultations.coordinator()._matcher
    monkeypatch.setattr(type(matcher), "match", broken)
    said = (await ask("POST", ANALYZE, CASE)).json()
    assert said["status"] == "partial"
    assert "condition_matcher" in said["consultation"]["missing_agents"]
    assert said["consultation"]["differential"]["enough"] is False


# --- cookies and everything else that goes through the full stack ---------------------------------


async def signed_in(user: User) -> dict[str, str]:
    from importlib import import_module

    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    await session.asave()
    return {"cookie": f"sessionid={session.session_key}; csrftoken={'c' * 32}"}


async def test_a_browser_with_a_session_is_known_and_csrf_is_checked(clinician: User) -> None:
    cookie = await signed_in(clinician)
    refused = await ask("POST", ANALYZE, CASE, cookie)
    assert (refused.status, refused.json()["type"]) == (403, "/problems/not-allowed/")
    assert await how_many() == 0
    answer = await ask("POST", ANALYZE, CASE, {**cookie, "x-csrftoken": "c" * 32})
    assert answer.status == 200
    session = await DiagnosisSession.objects.aget(id=answer.json()["session_id"])
    assert session.clinician_id == clinician.pk


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nothing/", 404),
        ("GET", "/api/nothing", 404),
        ("GET", ANALYZE, 405),
        ("DELETE", "/api/v1/sessions/", 405),
        ("PUT", "/api/v1/conditions/", 405),
        ("GET", "/api/v1/sessions/not-a-uuid/", 404),
        ("GET", "/api/v1/sessions/01936b5e-0000-7000-8000-000000000000/", 404),
        ("GET", "/api/v1/conditions/%00/", 404),
        ("GET", "/api/v1/conditions/?page=0", 400),
    ],
)
async def test_every_error_is_a_problem_document(method: str, path: str, status: int) -> None:
    answer = await ask(method, path)
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["status"] == status


async def test_a_foreign_host_is_refused_by_the_full_stack_too() -> None:
    answer = await ask("GET", "/api/v1/conditions/", headers={"host": "evil.example"})
    assert (answer.status, answer.headers["content-type"]) == (400, "application/problem+json")


async def test_health_keeps_its_shape() -> None:
    said = (await ask("GET", "/health")).json()
    assert said["status"] in ("healthy", "degraded", "unhealthy")
    assert set(said["checks"]) >= {
        "database",
        "ai_models",
        "memory_usage",
        "cpu_usage",
        "response_time",
    }


async def test_patient_text_stays_out_of_the_metrics() -> None:
    await ask("POST", ANALYZE, {"note": "Fever since zanzibar"})
    exposition = (await ask("GET", "/metrics")).body
    assert b"/api/symptoms/analyze" in exposition
    assert b"zanzibar" not in exposition
