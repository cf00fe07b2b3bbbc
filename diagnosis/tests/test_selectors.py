"""What each actor can see, what is published, and what is cached."""

from datetime import date
from typing import Any

import msgspec
import pytest
from asgiref.sync import async_to_sync
from django.core.cache import cache
from django.utils import timezone

from agents.types import Case, StatedFinding
from diagnosis import selectors, services
from diagnosis.errors import NotFound, SignInRequired
from diagnosis.identifiers import uuid7
from diagnosis.models import DiagnosisSession, GuidelineVersion, User
from diagnosis.policies import Actor, actor_of
from diagnosis.selectors import published
from diagnosis.tests.knowledge import rich, tiny

pytestmark = [pytest.mark.services, pytest.mark.usefixtures("tiny_knowledge")]

CASE = Case(findings=(StatedFinding("fever"), StatedFinding("cough")), age_years=30)


def consulted(actor: Actor) -> Any:
    return async_to_sync(services.consult)(actor, CASE).session_id


# --- sessions -------------------------------------------------------------------------------------


def test_clinicians_see_their_own_sessions_and_staff_all(
    clinician: User, other_clinician: User, administrator: User
) -> None:
    mine, other, root = map(actor_of, (clinician, other_clinician, administrator))
    first, second = consulted(mine), consulted(other)
    nobodys = consulted(Actor.anonymous())

    def listed(actor: Actor) -> set[Any]:
        return {session.pk for session in selectors.sessions_for(actor)}

    assert listed(mine) == {first}
    assert listed(other) == {second}
    assert listed(root) == {first, second, nobodys}
    assert listed(Actor.anonymous()) == set()


def test_the_newest_session_stands_first(actor: Actor) -> None:
    made = [consulted(actor) for _ in range(3)]

    assert [s.pk for s in selectors.sessions_for(actor)] == made[::-1]


def test_a_list_loads_neither_cases_nor_answers(
    actor: Actor, django_assert_num_queries: Any
) -> None:
    for _ in range(3):
        consulted(actor)
    with django_assert_num_queries(1) as queries:
        for session in selectors.sessions_for(actor):
            assert session.leading_condition
    assert '"case"' not in queries[0]["sql"]


def test_a_session_of_somebody_else_might_as_well_not_exist(
    actor: Actor, other_clinician: User
) -> None:
    session_id = consulted(actor)
    other = actor_of(other_clinician)

    assert selectors.session_for(actor, session_id).pk == session_id
    with pytest.raises(NotFound) as theirs:
        selectors.session_for(other, session_id)
    with pytest.raises(NotFound) as missing:
        selectors.session_for(other, uuid7())
    assert str(theirs.value) == str(missing.value)
    with pytest.raises(NotFound):
        selectors.events_after(other, session_id, 0)
    with pytest.raises(NotFound):
        selectors.session_for(Actor.anonymous(), session_id)


def test_nobodys_session_is_seen_by_who_knows_its_id_while_it_is_open(
    actor: Actor, settings: Any
) -> None:
    session_id = consulted(Actor.anonymous())

    assert selectors.session_for(Actor.anonymous(), session_id).pk == session_id
    assert selectors.session_for(actor, session_id).pk == session_id
    settings.OPEN_ANALYZE = False
    with pytest.raises(SignInRequired):
        selectors.session_for(Actor.anonymous(), session_id)
    with pytest.raises(NotFound):
        selectors.session_for(actor, session_id)


def test_what_went_in_and_what_came_out_can_be_read(actor: Actor) -> None:
    session = selectors.session_for(actor, consulted(actor))
    consultation = selectors.consultation_of(session)

    assert selectors.case_of(session) == CASE
    assert consultation is not None
    assert msgspec.json.encode(consultation).decode() == session.consultation


def test_events_are_numbered_and_asked_for_from_a_number(actor: Actor) -> None:
    session_id = consulted(actor)
    everything = selectors.events_after(actor, session_id, 0)

    assert [m.seq for m in everything] == list(range(1, len(everything) + 1))
    assert selectors.events_after(actor, session_id, 4) == everything[4:]
    assert selectors.is_finished(session_id)
    DiagnosisSession.objects.update(status="running")
    assert not selectors.is_finished(session_id)


# --- what is published ----------------------------------------------------------------------------


def test_the_published_tables_are_those_that_the_agents_use() -> None:
    text = selectors.current_knowledge().text

    assert {c.id: (c.system, c.entry) for c in selectors.conditions()} == {
        key: (text.systems[key], entry) for key, entry in text.conditions.items()
    }
    assert {f.id: f.entry for f in selectors.findings()} == dict(text.findings)
    assert {r.id: r.entry for r in selectors.red_flags()} == dict(text.red_flags)
    assert {g.id: g.entry for g in selectors.guidelines()} == dict(text.guidelines)
    assert [c.id for c in selectors.conditions()] == sorted(text.conditions)


def test_findings_are_found_by_prefix_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    first = selectors.findings_matching("coug")
    assert "cough" in [match.id for match in first]

    knowledge = selectors.current_knowledge()
    monkeypatch.setattr(type(knowledge), "find_findings", lambda *args: pytest.fail("asked again"))
    assert selectors.findings_matching("coug") == first


def test_what_is_typed_is_kept_under_a_digest_only() -> None:
    selectors.findings_matching("zanzibar fever")

    assert published._matches
    assert all(b"zanzibar" not in key for key in published._matches)


def test_at_most_a_thousand_matches_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    knowledge = selectors.current_knowledge()
    monkeypatch.setattr(type(knowledge), "find_findings", lambda *args: [])
    for number in range(1100):
        selectors.findings_matching(f"query {number}")

    assert len(published._matches) == 1000


def test_any_text_can_be_asked_for() -> None:
    assert selectors.findings_matching("\ud800\0") == []


def test_guidelines_come_with_their_history() -> None:
    GuidelineVersion.objects.create(
        guideline_id="pneumonia_care",
        version="0",
        state="retired",
        source_id="paper",
        published=date(2015, 1, 1),
        review_due=date(2018, 1, 1),
        conditions=["pneumonia"],
    )
    GuidelineVersion.objects.create(
        guideline_id="pneumonia_care",
        version="2",
        source_id="paper",
        published=date(2026, 1, 1),
        review_due=date(2031, 1, 1),
        conditions=["pneumonia"],
    )
    (guideline,) = selectors.guidelines()

    assert [(h.version, h.state) for h in guideline.history] == [
        ("1", "published"),
        ("0", "retired"),
    ]


def test_a_guideline_whose_review_is_due_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    (guideline,) = selectors.guidelines()
    assert not guideline.overdue
    monkeypatch.setattr(timezone, "localdate", lambda: date(2030, 1, 2))
    (guideline,) = selectors.guidelines()
    assert guideline.overdue


# --- the cache: the same code on local memory and on Redis ----------------------------------------


def test_guidelines_are_read_from_the_database_once(django_assert_num_queries: Any) -> None:
    selectors.current_knowledge()
    with django_assert_num_queries(1):
        first = selectors.guidelines()
    with django_assert_num_queries(0):
        assert selectors.guidelines() == first


def test_guidelines_are_kept_for_five_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[Any] = []
    keep = cache.set

    def noted(key: str, value: object, timeout: float) -> None:
        kept.append(timeout)
        keep(key, value, timeout)

    monkeypatch.setattr(cache, "set", noted)
    selectors.guidelines()

    assert kept == [300]


def test_a_publication_is_seen_at_once(django_assert_num_queries: Any) -> None:
    assert selectors.guidelines()[0].entry.title == "Pneumonia care"
    care = tiny().guidelines["pneumonia_care"]
    renamed = msgspec.structs.replace(care, title="Care of pneumonia")
    newer = msgspec.structs.replace(rich(), guidelines={"pneumonia_care": renamed})
    services.load_knowledge(Actor.system(), newer)

    assert selectors.guidelines()[0].entry.title == "Care of pneumonia"


def test_a_cache_that_is_down_costs_time_and_no_answer(settings: Any) -> None:
    settings.CACHES = {
        "default": {
            "BACKEND": "django_redis.cache.RedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",
            "OPTIONS": {"SOCKET_CONNECT_TIMEOUT": 1},
        }
    }
    assert [g.id for g in selectors.guidelines()] == ["pneumonia_care"]
