"""Conditions, findings, guidelines and red flags over REST."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client, override_settings

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("tiny_knowledge")]

PROBLEM = "application/problem+json"


def ids(client: Client, path: str) -> list[str]:
    answer = client.get(f"/api/v1/{path}")
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["results"]]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("conditions/", ["ectopic", "eczema", "flu", "pneumonia"]),
        ("conditions/?ordering=-id", ["pneumonia", "flu", "eczema", "ectopic"]),
        ("conditions/?ordering=-name", ["pneumonia", "flu", "eczema", "ectopic"]),
        ("conditions/?system=a", ["flu", "pneumonia"]),
        ("conditions/?urgency=emergency", ["ectopic"]),
        ("conditions/?dont_miss=true", ["ectopic", "pneumonia"]),
        ("conditions/?dont_miss=false", ["eczema", "flu"]),
        ("conditions/?status=reviewed", []),
        ("conditions/?search=PREGNANCY", ["ectopic"]),
        ("conditions/?search=a00&page_size=3", ["ectopic", "eczema", "flu"]),
        ("guidelines/", ["pneumonia_care"]),
        ("guidelines/?condition=flu", []),
        ("guidelines/?condition=pneumonia&overdue=false", ["pneumonia_care"]),
        ("guidelines/?ordering=-review_due&search=society", ["pneumonia_care"]),
        ("red-flags/", ["meningism", "smoker_cough"]),
        ("red-flags/?urgency=urgent", ["smoker_cough"]),
        ("red-flags/?suspects=flu", []),
        ("red-flags/?ordering=-name&search=smoker", ["smoker_cough"]),
        ("findings/?kind=sign", ["neck_stiffness"]),
        ("findings/?ordering=-name&page_size=2", ["smoking", "rash"]),
    ],
)
def test_filtering_and_ordering(client: Client, path: str, expected: list[str]) -> None:
    assert ids(client, path) == expected


@pytest.mark.parametrize("query", ["cough", "cou", "dry", "couhg", "DRY COUGH"])
def test_findings_are_found_by_beginning_and_with_typos(client: Client, query: str) -> None:
    found = ids(client, f"findings/?search={query}")
    assert found
    assert set(found) <= {"cough", "dry_cough", "smoker_cough"}


def test_a_match_says_what_matched(client: Client) -> None:
    row = client.get("/api/v1/findings/?search=fever").json()["results"][0]
    assert (row["id"], row["matched"], row["score"]) == ("fever", "Fever", 100.0)


def test_matches_can_be_of_one_kind(client: Client) -> None:
    assert ids(client, "findings/?search=smoking&kind=history") == ["smoking"]
    assert ids(client, "findings/?search=smoking&kind=sign") == []


def test_pages_name_their_neighbours(client: Client) -> None:
    first = client.get("/api/v1/conditions/?page_size=3&ordering=-id").json()
    assert (first["count"], len(first["results"]), first["previous"]) == (4, 3, None)
    second = client.get(first["next"]).json()
    assert [row["id"] for row in second["results"]] == ["ectopic"]
    assert second["next"] is None
    assert client.get(second["previous"]).json() == first
    assert ids(client, "conditions/?page=99") == []


def test_one_of_each(client: Client) -> None:
    condition = client.get("/api/v1/conditions/pneumonia/").json()
    assert (condition["id"], condition["system"]) == ("pneumonia", "a")
    assert condition["condition"]["findings"] == {"fever": "very_common", "cough": "hallmark"}
    assert client.get("/api/v1/findings/fever/").json()["name"] == "Fever"
    assert client.get("/api/v1/red-flags/meningism/").json()["rule"]["source"] == "paper"
    guideline = client.get("/api/v1/guidelines/pneumonia_care/").json()
    assert [r["id"] for r in guideline["guideline"]["recommendations"]] == ["oxygen", "penicillin"]
    assert guideline["history"][0]["version"] == "1"


@pytest.mark.parametrize("kind", ["conditions", "findings", "guidelines", "red-flags"])
@pytest.mark.parametrize("pk", ["nothing", "%00", "%F0%9F%92%89", "a" * 500])
def test_an_id_that_is_none_is_404(client: Client, kind: str, pk: str) -> None:
    answer = client.get(f"/api/v1/{kind}/{pk}/")
    assert (answer.status_code, answer["Content-Type"]) == (404, PROBLEM)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("page=0", "page"),
        ("page=x", "page"),
        ("page_size=501", "page_size"),
        ("urgency=high", "urgency"),
        ("dont_miss=perhaps", "dont_miss"),
        ("ordering=urgency", "ordering"),
        ("sort=name", "sort"),
        ("search=" + "x" * 101, "search"),
    ],
)
def test_a_query_that_does_not_fit_is_refused_by_name(
    client: Client, query: str, field: str
) -> None:
    answer = client.get(f"/api/v1/conditions/?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)


@pytest.mark.parametrize("query", ["%00", "%ED%A0%80", "💉", "a%00b", " ", "((((", "%"])
def test_a_search_for_anything_is_answered(client: Client, query: str) -> None:
    for kind in ("conditions", "findings", "guidelines", "red-flags"):
        assert client.get(f"/api/v1/{kind}/?search={query}").status_code == 200


@override_settings(OPEN_ANALYZE=False)
def test_knowledge_is_for_people_with_an_account_where_analysis_is_closed(
    client: Client, clinician: User
) -> None:
    answer = client.get("/api/v1/conditions/")
    assert (answer.status_code, answer.json()["type"]) == (401, "/problems/not-authenticated/")
    client.force_login(clinician)
    assert client.get("/api/v1/conditions/").status_code == 200


@pytest.mark.parametrize("path", ["conditions", "findings", "guidelines", "red-flags"])
def test_paths_without_a_version_are_kept(client: Client, path: str) -> None:
    def rows(prefix: str) -> Any:
        return client.get(f"{prefix}/{path}/").json()["results"]

    assert rows("/api") == rows("/api/v1")


def test_knowledge_is_read_only(client: Client) -> None:
    answer = client.post("/api/v1/conditions/", {}, "application/json")
    assert (answer.status_code, answer["Content-Type"]) == (405, PROBLEM)


def test_only_json_is_given(client: Client) -> None:
    answer = client.get("/api/v1/conditions/", headers={"Accept": "text/csv"})
    assert (answer.status_code, answer.json()["type"]) == (406, "/problems/not-acceptable/")
