"""Lists of what grows: a page costs the same however many rows there are, and counts none."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from diagnosis import selectors
from diagnosis.admin.base import BoundedPaginator
from diagnosis.identifiers import made_at, uuid7_of
from diagnosis.models import AuditEvent, Condition, DiagnosisSession, Finding, SessionEvent
from diagnosis.policies import actor_of

pytestmark = [pytest.mark.services, pytest.mark.usefixtures("tiny_knowledge")]

LISTS = [
    "/sessions/",
    "/api/v1/sessions/?page_size=10",
    "/api/v1/sessions/?page_size=10&status=complete&created_after=2026-01-01T00:00:00Z",
    "/admin/diagnosis/diagnosissession/",
    "/admin/diagnosis/diagnosissession/?status__exact=failed&since=7",
    "/admin/diagnosis/diagnosissession/?q=flu",
    "/admin/diagnosis/auditevent/",
    "/admin/diagnosis/auditevent/?action=session_created&since=31",
    "/admin/diagnosis/auditevent/?q=seed_clinician_3",
]


@pytest.fixture
def staff(client: Client, administrator: User) -> Client:
    client.force_login(administrator)
    return client


def seed(number: int, *arguments: str) -> str:
    out = StringIO()
    call_command("seed_sessions", str(number), *arguments, stdout=out)
    return out.getvalue()


def queries_of(work: Callable[[], Any]) -> list[str]:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        work()
    return [query["sql"] for query in captured]


@pytest.mark.parametrize("address", LISTS)
def test_a_longer_list_costs_no_more_queries_and_counts_nothing(
    staff: Client, address: str
) -> None:
    seed(70, "--days", "5")
    staff.get(address)
    few = queries_of(lambda: staff.get(address))
    seed(300, "--days", "5")
    many = queries_of(lambda: staff.get(address))

    assert len(many) == len(few) <= 14
    for query in many:
        if "COUNT(*)" in query and "diagnosis_" in query:
            assert re.search(rf"LIMIT {BoundedPaginator.FURTHEST}\b", query), query
        assert "DISTINCT" not in query or "diagnosis_" not in query
        assert "OFFSET" not in query


def test_a_cursor_goes_through_all_sessions_of_the_rest_api(staff: Client) -> None:
    seed(23, "--days", "200")
    address, seen = "/api/v1/sessions/?page_size=5", []
    while address:
        page = staff.get(address).json()
        assert "count" not in page
        seen += [row["id"] for row in page["results"]]
        address = page["next"]

    assert seen == sorted(map(str, DiagnosisSession.objects.values_list("id", flat=True)))[::-1]
    back = staff.get("/api/v1/sessions/?page_size=5&ordering=id").json()
    assert [row["id"] for row in back["results"]] == seen[::-1][:5]


@pytest.mark.parametrize("cursor", ["cD14", "cj0xJnA9eA==", "bz01JnA9eA==", "x"])
def test_a_cursor_made_up_by_somebody_is_no_error_of_ours(staff: Client, cursor: str) -> None:
    assert staff.get(f"/api/v1/sessions/?cursor={cursor}").status_code < 500


def test_times_far_off_are_times(staff: Client) -> None:
    seed(3, "--days", "1")
    for asked, number in (
        ("after=0001-01-01", 3),
        ("before=0001-01-01", 0),
        ("after=9999-12-31", 0),
        ("before=9999-12-31", 3),
    ):
        page = staff.get(f"/api/v1/sessions/?created_{asked}T00:00:00Z").json()
        assert len(page["results"]) == number, asked


def test_a_session_younger_than_its_id_is_found_by_its_time(administrator: User) -> None:
    now = datetime.now(UTC)
    begun = now - timedelta(days=3)
    session = DiagnosisSession.objects.create(
        id=uuid7_of(int(begun.timestamp() * 1000)), created_at=now, status="complete", case="{}"
    )
    listed = selectors.sessions_for(actor_of(administrator))

    between = selectors.sessions_between
    assert list(between(listed, now - timedelta(hours=1), None)) == [session]
    assert list(between(listed, None, now - timedelta(hours=1))) == []


def test_the_actions_that_occur_are_found_without_reading_all(administrator: User) -> None:
    AuditEvent.objects.bulk_create(
        AuditEvent(actor="a", action=action, object_type="o", object_id="1")
        for action in ("b_done", "a_done", "b_done", "c_done") * 3
    )
    with CaptureQueriesContext(connection) as captured:
        found = selectors.audited_actions()
    assert {"a_done", "b_done", "c_done"} <= set(found)
    assert found == sorted(set(found))
    assert len(captured) == 1


# --- indexes --------------------------------------------------------------------------------------


@pytest.fixture
def planned(transactional_db: None) -> Callable[[Any], str]:
    """How PostgreSQL would go about it if there were many rows."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite plans without figures")

    def plan(rows: Any) -> str:
        with connection.cursor() as cursor:
            cursor.execute("SET enable_seqscan = off")
            try:
                return str(rows.explain())
            finally:
                cursor.execute("RESET enable_seqscan")

    return plan


@pytest.mark.parametrize("model", [Condition, Finding])
def test_names_are_searched_with_an_index(planned: Callable[[Any], str], model: Any) -> None:
    name = model._meta.model_name
    assert f"{name}_name_prefix" in planned(model.objects.filter(name__istartswith="pn"))
    found = planned(model.objects.filter(name__icontains="neumo"))
    assert f"{name}_search" in found


@pytest.mark.parametrize(
    ("rows", "index"),
    [
        (AuditEvent.objects.filter(object_id="x"), "audit_of_object"),
        (AuditEvent.objects.filter(actor="x"), "audit_of_actor"),
        (AuditEvent.objects.filter(action="x").order_by("-id")[:50], "audit_of_action"),
        (AuditEvent.objects.order_by("-id")[:50], "diagnosis_auditevent_pkey"),
        (SessionEvent.objects.filter(session_id=uuid7_of(1), seq__gt=2), "one_event_for"),
        (DiagnosisSession.objects.filter(clinician_id=1)[:50], "clinician_id"),
        (DiagnosisSession.objects.filter(leading_condition="flu")[:50], "leading"),
        (DiagnosisSession.objects.filter(status="failed")[:50], "status"),
    ],
)
def test_what_is_asked_has_its_index(planned: Callable[[Any], str], rows: Any, index: str) -> None:
    plan = planned(rows.all())
    assert re.search(rf"Index (Only )?Scan.* (using|on) \w*{index}", plan), plan


# --- made-up sessions -----------------------------------------------------------------------------


def test_seeded_sessions_are_marked_and_can_be_looked_at(staff: Client) -> None:
    said = seed(30, "--days", "90")

    assert "30 made-up sessions" in said
    sessions = DiagnosisSession.objects.all()
    assert {(session.engine, session.worker) for session in sessions} == {("seed", "seed")}
    assert all(session.clinician and not session.clinician.is_active for session in sessions)
    assert all("made-up case" in session.case for session in sessions)
    assert all(abs(made_at(s.id) - s.created_at) < timedelta(milliseconds=2) for s in sessions)
    oldest, newest = sessions.last(), sessions.first()
    assert oldest is not None
    assert newest is not None
    assert (newest.created_at - oldest.created_at).days > 80
    assert AuditEvent.objects.filter(action="session_created").count() == 30
    assert [event.seq for event in oldest.events.all()] == [1, 2]
    html = staff.get(reverse("session", args=[oldest.pk])).content.decode()
    assert "made-up case" in html


def test_production_is_not_seeded_by_mistake(settings: Any) -> None:
    settings.PRODUCTION = True
    with pytest.raises(CommandError, match="--yes"):
        seed(1)
    assert "1 made-up" in seed(1, "--yes")
    with pytest.raises(CommandError):
        seed(0, "--yes")
