"""Who may keep an answer: what is the same for everybody a CDN, what is about a patient nobody."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client, RequestFactory, override_settings

from healthcare.caching import NotStoredByDefault
from healthcare.tests.test_settings import PRODUCTION, read, refusal_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("tiny_knowledge")]

PUBLIC = [
    "/api/v1/conditions/",
    "/api/conditions/pneumonia/",
    "/api/v1/findings/",
    "/api/v1/findings/fever/",
    "/api/v1/guidelines/?page_size=1",
    "/api/v1/guidelines/pneumonia_care/",
    "/api/v1/red-flags/",
]
CASE = {"symptoms": [{"name": "fever"}], "patient_info": {"age": 30, "sex": "female"}}


@pytest.mark.parametrize("path", PUBLIC)
def test_knowledge_may_be_kept_and_is_asked_for_again_cheaply(client: Client, path: str) -> None:
    first = client.get(path)
    assert (first.status_code, first["Cache-Control"]) == (200, "public, max-age=60")
    assert "Authorization" in first["Vary"]
    again = client.get(path, headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    assert again["Cache-Control"] == first["Cache-Control"]
    assert client.get(path, headers={"If-None-Match": 'W/"another"'}).status_code == 200


def test_another_answer_has_another_tag(client: Client) -> None:
    tags = [client.get(path)["ETag"] for path in PUBLIC]
    assert len(set(tags)) == len(tags)


@override_settings(OPEN_ANALYZE=False)
def test_where_one_has_to_sign_in_only_ones_own_browser_keeps_it(
    client: Client, clinician: User
) -> None:
    assert client.get(PUBLIC[0])["Cache-Control"] == "no-store"
    client.force_login(clinician)
    assert client.get(PUBLIC[0])["Cache-Control"] == "private, max-age=60"


@pytest.mark.parametrize("path", ["findings/?search=fever", "conditions/?search=flu"])
def test_what_a_clinician_searches_for_is_kept_nowhere(client: Client, path: str) -> None:
    answer = client.get(f"/api/v1/{path}")
    assert answer["Cache-Control"] == "no-store"
    assert "ETag" not in answer


@pytest.mark.parametrize("path", ["conditions/nothing/", "conditions/?page=0"])
def test_a_refusal_is_not_kept(client: Client, path: str) -> None:
    assert client.get(f"/api/v1/{path}")["Cache-Control"] == "no-store"


def about_a_patient(client: Client) -> Iterator[HttpResponse]:
    made = client.post("/api/v1/sessions/", CASE, "application/json")
    assert made.status_code == 201
    yield made
    at = made["Location"]
    yield client.post("/api/v1/symptoms/analyze", CASE, "application/json")
    yield client.post("/api/v1/symptoms/analyze", {"nonsense": 1}, "application/json")
    yield client.get("/api/v1/sessions/")
    yield client.get(at)
    yield client.get(f"{at}events/")
    yield client.post(f"{at}replay/", {}, "application/json")
    yield client.get("/sessions/")
    page = f"/sessions/{made.json()['session_id']}/"
    yield client.get(page)
    yield client.get(f"{page}result/")
    yield client.get("/findings/?q=fever")
    yield client.get("/")
    yield client.post("/", {"note": "Fever"})
    yield client.get("/sessions/00000000-0000-0000-0000-000000000000/")
    yield client.get("/admin/diagnosis/diagnosissession/")


def test_nothing_about_a_patient_is_stored(client: Client, administrator: User) -> None:
    client.force_login(administrator)
    for answer in about_a_patient(client):
        request: Any = answer
        assert "no-store" in answer["Cache-Control"], request.request["PATH_INFO"]


def test_a_view_that_says_nothing_is_not_stored() -> None:
    answer = NotStoredByDefault(lambda request: HttpResponse())(RequestFactory().get("/"))
    assert answer["Cache-Control"] == "no-store"


ASKED = """
import json, healthcare.settings as s
from django.conf import settings
print(json.dumps([s.STATIC_URL, s.CONTENT_SECURITY_POLICY["DIRECTIVES"]["script-src"],
                  s.CONTENT_SECURITY_POLICY["DIRECTIVES"]["connect-src"]]))
"""


def test_static_files_may_come_from_a_cdn() -> None:
    host = "https://static.example.org"
    done = read(ASKED, **PRODUCTION, STATIC_HOST=host)
    assert done.returncode == 0, done.stderr
    assert f'"{host}/static/"' in done.stdout
    assert done.stdout.count(f'"{host}"') == 1
    assert "must be https" in refusal_of(**PRODUCTION, STATIC_HOST="http://static.example.org")
    assert "STATIC_HOST must hold" in refusal_of(**PRODUCTION, STATIC_HOST=f"{host}/path")
