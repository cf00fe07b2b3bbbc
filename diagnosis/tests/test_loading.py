"""Loading the files: all or nothing, repeatable, and gentle with what staff have edited."""

from datetime import UTC, datetime

import msgspec
import pytest

from agents.errors import InvalidKnowledge
from agents.knowledge.schema import KnowledgeText
from diagnosis import services
from diagnosis.errors import NotAllowed
from diagnosis.models import (
    AuditEvent,
    Condition,
    Finding,
    GuidelineVersion,
    KnowledgePublication,
    Source,
)
from diagnosis.policies import Actor
from diagnosis.tests.knowledge import rich, tiny
from diagnosis.transcription import Transcript
from diagnosis.values import KnowledgeChange

pytestmark = [pytest.mark.services, pytest.mark.django_db]
SYSTEM = Actor.system()
NOW = datetime(2026, 5, 1, tzinfo=UTC)


def load(text: KnowledgeText, **options: bool) -> KnowledgeChange:
    return services.load_knowledge(SYSTEM, text, **options)


def without(text: KnowledgeText, condition: str) -> KnowledgeText:
    conditions = {k: v for k, v in text.conditions.items() if k != condition}
    systems = {k: v for k, v in text.systems.items() if k != condition}
    return msgspec.structs.replace(text, conditions=conditions, systems=systems)


def test_the_first_load_adds_everything_and_publishes() -> None:
    change = load(tiny())

    entries = sum(
        len(table)
        for table in (
            tiny().sources,
            tiny().findings,
            tiny().conditions,
            tiny().red_flags,
            tiny().guidelines,
        )
    )
    assert (change.added, change.changed, change.removed) == (entries, 0, 0)
    assert change.published
    assert KnowledgePublication.objects.get().release_id == change.release


def test_loading_again_changes_nothing() -> None:
    first = load(tiny())
    audited = AuditEvent.objects.count()
    change = load(tiny())

    assert change == KnowledgeChange(release=first.release)
    assert AuditEvent.objects.count() == audited


def test_a_new_edition_of_the_files_is_taken_over() -> None:
    load(rich())
    change = load(tiny())

    assert (change.added, change.changed, change.removed) == (0, 1, 2)
    assert Transcript().text() == tiny()


def test_what_staff_have_edited_stays_and_is_named() -> None:
    load(tiny())
    Condition.objects.filter(pk="flu").update(name="Influenza", edited_at=NOW)
    Finding.objects.filter(pk="rash").update(edited_at=NOW)
    change = load(rich())

    # the finding was touched and yet is as in the files: nothing to keep
    assert change.kept_edited == ("condition flu",)
    assert Condition.objects.get(pk="flu").name == "Influenza"
    assert Finding.objects.filter(pk="severe_cough").exists()


def test_what_staff_have_edited_can_be_replaced() -> None:
    load(tiny())
    Condition.objects.filter(pk="flu").update(name="Influenza", edited_at=NOW)
    change = load(tiny(), replace_edited=True)

    assert (change.changed, change.kept_edited) == (1, ())
    assert Condition.objects.get(pk="flu").name == "Flu"
    assert Condition.objects.get(pk="flu").edited_at is None


def test_what_staff_have_added_stays() -> None:
    load(tiny())
    Source.objects.create(
        id="ours", title="Our own", publisher="Us", year=2020, kind="article",
        url="https://example.org/ours", edited_at=NOW,
    )  # fmt: skip
    change = load(tiny())

    assert change.kept_edited == ("source ours",)
    assert Source.objects.filter(pk="ours").exists()


def test_a_finding_that_an_edited_condition_still_uses_is_kept() -> None:
    load(rich())
    flu = Condition.objects.get(pk="flu")
    flu.figures.create(finding_id="severe_cough", role="finding", band="common")
    Condition.objects.filter(pk="flu").update(edited_at=NOW)
    change = load(tiny())

    assert change.kept_edited == ("condition flu", "finding severe_cough")
    assert Finding.objects.filter(pk="severe_cough").exists()
    assert not Finding.objects.filter(pk="temperature_38").exists()


def test_faults_leave_everything_as_it_was() -> None:
    before = load(tiny())
    flu = tiny().conditions["flu"]
    broken = msgspec.structs.replace(
        tiny(),
        conditions={
            **tiny().conditions,
            "flu": msgspec.structs.replace(flu, name="Changed", exclude_first=("nowhere",)),
        },
    )

    with pytest.raises(InvalidKnowledge, match="nowhere"):
        load(broken)
    assert Condition.objects.get(pk="flu").name == "Flu"
    assert KnowledgePublication.objects.get().release_id == before.release


def test_loading_without_publishing_fills_the_tables_only() -> None:
    change = load(tiny(), publish=False)

    assert (change.release, change.published) == ("", False)
    assert Condition.objects.count() == len(tiny().conditions)
    assert not KnowledgePublication.objects.exists()


def test_a_new_version_of_a_guideline_retires_the_old_one() -> None:
    load(tiny())
    care = tiny().guidelines["pneumonia_care"]
    newer = msgspec.structs.replace(care, version="2", review_due="2035-01-01")
    load(msgspec.structs.replace(tiny(), guidelines={"pneumonia_care": newer}))

    states = dict(GuidelineVersion.objects.values_list("version", "state"))
    assert states == {"1": "retired", "2": "published"}
    assert Transcript().text().guidelines == {"pneumonia_care": newer}


def test_removed_conditions_go_with_their_figures() -> None:
    load(tiny())
    change = load(without(tiny(), "eczema"))

    assert change.removed == 1
    assert not Condition.objects.filter(pk="eczema").exists()


def test_only_publishers_may_load() -> None:
    with pytest.raises(NotAllowed):
        services.load_knowledge(Actor(3, "dr", is_clinician=True), tiny())
    assert not Condition.objects.exists()
