"""The admin: entries are edited and published there, sessions and the audit only looked at."""

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from agents.types import Case, StatedFinding
from diagnosis import selectors, services
from diagnosis.admin.base import BoundedPaginator
from diagnosis.models import (
    AuditEvent,
    Condition,
    ConditionFinding,
    DiagnosisSession,
    Finding,
    GuidelineVersion,
    KnowledgePublication,
    RedFlagRule,
    Source,
)
from diagnosis.policies import KNOWLEDGE_EDITORS, actor_of

pytestmark = pytest.mark.usefixtures("tiny_knowledge")

LISTS = [
    "source",
    "finding",
    "condition",
    "redflagrule",
    "guideline",
    "guidelineversion",
    "knowledgerelease",
    "knowledgepublication",
    "diagnosissession",
    "auditevent",
]


@pytest.fixture
def staff(client: Client, administrator: User) -> Client:
    client.force_login(administrator)
    return client


@pytest.fixture
def session(administrator: User) -> DiagnosisSession:
    case = Case(findings=(StatedFinding("fever"), StatedFinding("cough")), age_years=30)
    stored = async_to_sync(services.consult)(actor_of(administrator), case)
    return DiagnosisSession.objects.get(pk=stored.session_id)


def address(model: str, page: str, *args: object) -> str:
    return reverse(f"admin:diagnosis_{model}_{page}", args=args)


def filled(response: Any) -> dict[str, Any]:
    """The form of a page as a browser would send it back, unchanged."""
    context = response.context
    forms = [context["adminform"].form]
    for inline in context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.initial_forms]
    values: dict[str, Any] = {}
    for form in forms:
        for bound in form:
            value = bound.value()
            if isinstance(value, bool):
                if value:
                    values[bound.html_name] = "on"
            elif value is not None:
                values[bound.html_name] = value
    return {name: bound_text(value) for name, value in values.items()}


def bound_text(value: Any) -> Any:
    return value if isinstance(value, (str, int, float)) else str(value)


# --- looking --------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", LISTS)
def test_every_list_opens(staff: Client, session: DiagnosisSession, model: str) -> None:
    response = staff.get(address(model, "changelist"))

    assert response.status_code == 200


@pytest.mark.parametrize("model", LISTS)
def test_a_longer_list_costs_no_more_queries(
    staff: Client, session: DiagnosisSession, model: str, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(14):
        staff.get(address(model, "changelist"))


def test_lists_are_bounded() -> None:
    for model in admin.site._registry.values():
        if model.model._meta.app_label == "diagnosis":
            assert model.list_per_page <= 100
            assert model.paginator is BoundedPaginator
            assert not model.show_full_result_count


def test_rows_are_counted_no_further_than_needed(
    monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    monkeypatch.setattr(BoundedPaginator, "FURTHEST", 3)
    with django_assert_num_queries(1) as queries:
        assert BoundedPaginator(Finding.objects.all(), 2).count == 3
    assert "LIMIT 3" in queries[0]["sql"]


def test_a_condition_with_many_findings_costs_no_more_queries(
    staff: Client, django_assert_max_num_queries: Any
) -> None:
    for finding in Finding.objects.exclude(figures__condition="flu"):
        ConditionFinding.objects.create(
            condition_id="flu", finding=finding, role="risk", odds=1.5, source_id="paper"
        )
    with django_assert_max_num_queries(12):
        staff.get(address("condition", "change", "flu"))


@pytest.mark.parametrize("model", ["diagnosissession", "auditevent", "knowledgerelease"])
def test_what_happened_cannot_be_changed(
    staff: Client, session: DiagnosisSession, model: str
) -> None:
    key = {
        "diagnosissession": session.pk,
        "auditevent": AuditEvent.objects.all()[0].pk,
        "knowledgerelease": selectors.current_knowledge().hash,
    }[model]

    assert staff.get(address(model, "change", key)).status_code == 200
    assert staff.post(address(model, "change", key), {"actor": "x"}).status_code == 403
    assert staff.post(address(model, "delete", key), {"post": "yes"}).status_code == 403
    assert staff.get(address(model, "add")).status_code == 403


def test_a_session_shows_how_it_went_and_not_what_was_written(
    staff: Client, session: DiagnosisSession
) -> None:
    DiagnosisSession.objects.update(case='{"note":{"text":"zanzibar"}}')
    page = staff.get(address("diagnosissession", "change", session.pk)).content.decode()

    assert "Symptom classifier" in page
    assert "diagnosis_complete" in page
    assert reverse("session", args=[session.pk]) in page
    assert "zanzibar" not in page


def test_sessions_are_found_by_id_and_by_condition(
    staff: Client, session: DiagnosisSession
) -> None:
    for query in (str(session.pk), session.leading_condition):
        page = staff.get(address("diagnosissession", "changelist"), {"q": query})
        assert str(session.pk) in page.content.decode()
    page = staff.get(address("diagnosissession", "changelist"), {"q": "not an id"})
    assert page.status_code == 200


def test_clinicians_do_not_get_in(client: Client, clinician: User) -> None:
    client.force_login(clinician)

    assert client.get(address("condition", "changelist")).status_code == 302


# --- editing --------------------------------------------------------------------------------------


def test_an_edit_is_marked_audited_and_not_yet_in_use(staff: Client) -> None:
    page = address("condition", "change", "flu")
    values = filled(staff.get(page)) | {"name": "Influenza", "synonyms": "grippe\nthe flu"}
    response = staff.post(page, values)

    assert response.status_code == 302
    flu = Condition.objects.get(pk="flu")
    assert (flu.name, flu.synonyms) == ("Influenza", ["grippe", "the flu"])
    assert flu.edited_at is not None
    audit = AuditEvent.objects.get(action="knowledge_changed")
    assert (audit.actor, audit.object_type, audit.object_id) == ("root", "condition", "flu")
    assert '"Name"' in audit.detail or '"name"' in audit.detail
    assert selectors.current_knowledge().text.conditions["flu"].name == "Flu"


def test_saving_without_a_change_changes_nothing(staff: Client) -> None:
    for model, key in (
        ("condition", "flu"),
        ("finding", "dry_cough"),
        ("redflagrule", "meningism"),
    ):
        page = address(model, "change", key)
        assert staff.post(page, filled(staff.get(page))).status_code == 302

    preview = services.preview_publication()
    assert all(row.names == () for row in preview)


def test_what_the_schema_refuses_is_an_error_of_the_field(staff: Client) -> None:
    page = address("condition", "change", "flu")
    values = filled(staff.get(page)) | {"icd10": "J10\nnonsense"}
    response = staff.post(page, values)

    assert response.status_code == 200
    assert "icd10" in response.context["adminform"].form.errors
    assert Condition.objects.get(pk="flu").icd10 == ["A00"]


def test_a_figure_that_makes_no_sense_is_refused(staff: Client) -> None:
    page = address("condition", "change", "flu")
    values = filled(staff.get(page)) | {"figures-0-band": "often"}
    response = staff.post(page, values)

    assert response.status_code == 200
    assert any(response.context["inline_admin_formsets"][0].formset.errors)
    assert not ConditionFinding.objects.filter(band="often").exists()


def test_a_finding_is_added_to_a_condition_by_its_id(staff: Client) -> None:
    page = address("condition", "change", "flu")
    values = filled(staff.get(page))
    number = int(values["figures-TOTAL_FORMS"])
    values |= {
        "figures-TOTAL_FORMS": number + 1,
        f"figures-{number}-condition": "flu",
        f"figures-{number}-finding": "smoking",
        f"figures-{number}-role": "risk",
        f"figures-{number}-odds": "1.5",
        f"figures-{number}-source": "paper",
    }
    assert staff.post(page, values).status_code == 302

    figure = ConditionFinding.objects.get(condition="flu", finding="smoking")
    assert (figure.odds, figure.source_id) == (1.5, "paper")
    assert services.preview_publication()[0].changed == ("flu",)


def test_a_red_flag_and_a_finding_are_edited(staff: Client) -> None:
    for model, key, change in (
        ("redflagrule", "meningism", {"reason": "A stiff neck with fever."}),
        ("finding", "rash", {"lay": "spots all over\nblotches"}),
    ):
        page = address(model, "change", key)
        assert staff.post(page, filled(staff.get(page)) | change).status_code == 302

    assert RedFlagRule.objects.get(pk="meningism").reason == "A stiff neck with fever."
    assert Finding.objects.get(pk="rash").lay == ["spots all over", "blotches"]


def test_a_guideline_version_is_retired(staff: Client) -> None:
    version = GuidelineVersion.objects.get()
    page = address("guidelineversion", "change", version.pk)
    response = staff.post(page, filled(staff.get(page)) | {"state": "retired"})

    assert response.status_code == 302
    assert {row.what: row.removed for row in services.preview_publication()}["guidelines"] == (
        "pneumonia_care",
    )


def test_a_published_entry_cannot_be_deleted_and_a_new_one_can(staff: Client) -> None:
    Source.objects.create(
        id="new", title="New", publisher="Us", year=2020, kind="book", url="https://example.org"
    )
    delete = {"post": "yes"}

    assert staff.post(address("source", "delete", "paper"), delete).status_code == 403
    assert staff.post(address("source", "delete", "new"), delete).status_code == 302
    assert list(Source.objects.values_list("pk", flat=True)) == ["paper"]
    assert AuditEvent.objects.filter(action="knowledge_deleted", object_id="new").exists()


def test_the_id_of_an_entry_stays(staff: Client) -> None:
    page = address("condition", "change", "flu")
    staff.post(page, filled(staff.get(page)) | {"id": "influenza"})

    assert not Condition.objects.filter(pk="influenza").exists()


# --- publishing -----------------------------------------------------------------------------------


@pytest.fixture
def publish_page() -> str:
    return reverse("admin:diagnosis_publish")


def test_every_list_of_entries_leads_to_publishing(staff: Client, publish_page: str) -> None:
    for model in ("source", "finding", "condition", "redflagrule", "guideline", "guidelineversion"):
        page = staff.get(reverse(f"admin:diagnosis_{model}_publish"))
        assert (page.status_code, page.headers["Location"]) == (302, publish_page)


def test_publishing_shows_what_changes_and_puts_it_into_use(
    staff: Client, publish_page: str
) -> None:
    Condition.objects.filter(pk="flu").update(name="Influenza")
    assert "flu" in staff.get(publish_page).content.decode()
    response = staff.post(publish_page)

    assert response.status_code == 302
    assert selectors.current_knowledge().text.conditions["flu"].name == "Influenza"
    assert KnowledgePublication.objects.count() == 2
    assert AuditEvent.objects.filter(action="knowledge_published", actor="root").exists()


def test_faults_are_errors_of_the_form_and_nothing_is_published(
    staff: Client, publish_page: str
) -> None:
    Condition.objects.filter(pk="flu").update(exclude_first=["nowhere", "elsewhere"])
    response = staff.post(publish_page)

    assert response.status_code == 422
    errors = response.context["form"].non_field_errors()
    assert len(errors) == 2
    assert "nowhere" in response.content.decode()
    assert KnowledgePublication.objects.count() == 1


def test_staff_without_the_right_see_the_page_and_cannot_publish(
    client: Client, publish_page: str
) -> None:
    user = User.objects.create_user("looker", is_staff=True)
    client.force_login(user)
    Condition.objects.filter(pk="flu").update(name="Influenza")

    assert "Only knowledge editors" in client.get(publish_page).content.decode()
    assert client.post(publish_page).status_code == 403
    assert KnowledgePublication.objects.count() == 1


def test_knowledge_editors_edit_and_publish(client: Client, publish_page: str) -> None:
    services.ensure_roles()
    user = User.objects.create_user("editor", is_staff=True)
    user.groups.add(Group.objects.get(name=KNOWLEDGE_EDITORS))
    client.force_login(user)
    page = address("condition", "change", "flu")

    assert client.post(page, filled(client.get(page)) | {"name": "Influenza"}).status_code == 302
    assert client.post(publish_page).status_code == 302
    assert KnowledgePublication.objects.all()[0].label == "editor"
