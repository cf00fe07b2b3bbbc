"""Releases: immutable, put into use without a restart, and never half."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import OperationalError

from agents.errors import InvalidKnowledge
from agents.knowledge.loader import content_hash
from diagnosis import selectors, services
from diagnosis.errors import NotAllowed, NotFound, SignInRequired
from diagnosis.events import diagnosis_events
from diagnosis.models import AuditEvent, Condition, KnowledgePublication, KnowledgeRelease
from diagnosis.policies import Actor
from diagnosis.selectors import releases
from diagnosis.selectors.releases import KnowledgeInUse
from diagnosis.tests.knowledge import rich, tiny

pytestmark = [pytest.mark.services, pytest.mark.django_db]
SYSTEM = Actor.system()


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def in_use() -> str:
    return services.load_knowledge(SYSTEM, tiny()).release


def rename_flu() -> None:
    Condition.objects.filter(pk="flu").update(name="Influenza", edited_at=datetime.now(UTC))


def test_a_release_holds_the_whole_knowledge(in_use: str) -> None:
    assert selectors.release_text(in_use) == tiny()
    assert in_use == content_hash(tiny())
    assert KnowledgeRelease.objects.get().counts["conditions"] == len(tiny().conditions)


def test_a_release_that_was_never_made_is_not_found() -> None:
    with pytest.raises(NotFound):
        selectors.release_text("0" * 64)


def test_publishing_puts_edits_into_use_at_once(
    in_use: str, django_capture_on_commit_callbacks: Any
) -> None:
    assert selectors.current_knowledge().text.conditions["flu"].name == "Flu"
    rename_flu()
    assert selectors.current_knowledge().text.conditions["flu"].name == "Flu"
    with django_capture_on_commit_callbacks(execute=True):
        change = services.publish_knowledge(SYSTEM)

    assert change.published
    assert selectors.current_knowledge().text.conditions["flu"].name == "Influenza"
    assert selectors.current_knowledge().hash == change.release


def test_another_worker_follows_within_a_second(in_use: str) -> None:
    clock = Clock()
    worker = KnowledgeInUse(clock)
    before = worker.current()
    rename_flu()
    services.publish_knowledge(SYSTEM)

    clock.now += 0.5
    assert worker.current() is before
    clock.now += 0.6
    assert worker.current().text.conditions["flu"].name == "Influenza"


def test_a_worker_asks_the_database_at_most_once_a_second(
    in_use: str, django_assert_num_queries: Any
) -> None:
    clock = Clock()
    worker = KnowledgeInUse(clock)
    worker.current()
    with django_assert_num_queries(0):
        for _ in range(50):
            worker.current()
    clock.now += 1.1
    with django_assert_num_queries(1):
        for _ in range(50):
            worker.current()


def test_a_worker_that_was_told_does_not_wait(in_use: str) -> None:
    worker = KnowledgeInUse(Clock())
    worker.current()
    rename_flu()
    services.publish_knowledge(SYSTEM)
    worker.forget()

    assert worker.current().text.conditions["flu"].name == "Influenza"


def test_publishing_what_is_in_use_does_nothing(in_use: str) -> None:
    change = services.publish_knowledge(SYSTEM)

    assert (change.release, change.published) == (in_use, False)
    assert KnowledgePublication.objects.count() == 1


def test_going_back_to_an_earlier_state_uses_its_release_again(in_use: str) -> None:
    services.load_knowledge(SYSTEM, rich())
    change = services.load_knowledge(SYSTEM, tiny())

    assert (change.release, change.published) == (in_use, True)
    assert KnowledgeRelease.objects.count() == 2
    assert KnowledgePublication.objects.count() == 3
    assert KnowledgeInUse(Clock()).current().hash == in_use


def test_faults_are_all_named_and_nothing_is_published(in_use: str) -> None:
    Condition.objects.filter(pk="flu").update(icd10=["?"])
    Condition.objects.filter(pk="eczema").update(status="approved")

    with pytest.raises(InvalidKnowledge) as caught:
        services.publish_knowledge(SYSTEM)
    assert len(caught.value.faults) == 2
    assert KnowledgePublication.objects.get().release_id == in_use


def test_publishing_is_audited_and_told(
    in_use: str, django_capture_on_commit_callbacks: Any
) -> None:
    told: list[Any] = []
    end = diagnosis_events.subscribe("knowledge_published", told.append)
    rename_flu()
    with django_capture_on_commit_callbacks(execute=True):
        change = services.publish_knowledge(Actor(None, "editor", is_publisher=True))
    end()

    assert [event.summary["conditions"] for event in told] == [len(tiny().conditions)]
    audit = AuditEvent.objects.get(action="knowledge_published", object_id=change.release)
    assert audit.actor == "editor"


def test_only_publishers_may_publish(in_use: str) -> None:
    with pytest.raises(SignInRequired):
        services.publish_knowledge(Actor.anonymous())
    with pytest.raises(NotAllowed):
        services.publish_knowledge(Actor(1, "dr", is_clinician=True, is_staff=True))


def test_without_a_database_the_last_knowledge_goes_on_being_used(
    in_use: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    worker = KnowledgeInUse(clock)
    before = worker.current()

    def fail() -> int:
        raise OperationalError

    monkeypatch.setattr(releases, "_newest_publication", fail)
    clock.now += 5
    assert worker.current() is before


def test_without_a_database_a_new_worker_uses_the_shipped_knowledge(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail() -> int:
        raise OperationalError

    monkeypatch.setattr(releases, "_newest_publication", fail)
    monkeypatch.setattr(releases, "_shipped", lambda: releases.ready(tiny()))
    clock = Clock()
    worker = KnowledgeInUse(clock)
    assert worker.current().hash == content_hash(tiny())

    # and follows the database once it is back
    monkeypatch.undo()
    services.load_knowledge(SYSTEM, rich())
    clock.now += 2
    assert worker.current().hash == content_hash(rich())


def test_the_preview_names_what_publishing_would_change(in_use: str) -> None:
    rename_flu()
    Condition.objects.filter(pk="eczema").delete()
    preview = {row.what: row for row in services.preview_publication()}

    assert preview["conditions"].changed == ("flu",)
    assert preview["conditions"].removed == ("eczema",)
    assert preview["conditions"].names == ("flu", "eczema")
    assert preview["findings"].names == ()
