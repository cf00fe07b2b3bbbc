"""A stored case answered again: the same bytes, or every difference by name."""

from uuid import UUID

import msgspec
import pytest

from agents.types import Case, Note, StatedFinding, Urgency
from diagnosis import services
from diagnosis.errors import NotFound, StateRefused
from diagnosis.models import AuditEvent, DiagnosisSession, User
from diagnosis.policies import Actor, actor_of
from diagnosis.services.replays import difference
from diagnosis.tests.knowledge import rich, tiny
from diagnosis.threads import in_database
from diagnosis.values import StoredConsultation

pytestmark = [pytest.mark.services, pytest.mark.usefixtures("tiny_knowledge")]

CASE = Case(
    note=Note(text="Fever with chills and a dry cough. Smokes."),
    findings=(StatedFinding("neck_stiffness"),),
    age_years=61,
)


async def stored(actor: Actor) -> StoredConsultation:
    return await services.consult(actor, CASE)


async def test_the_same_knowledge_gives_the_same_bytes(actor: Actor) -> None:
    then = await stored(actor)
    diff = await services.replay(actor, then.session_id)

    assert diff.identical
    assert (diff.ranks, diff.versions, diff.red_flags_gained, diff.red_flags_lost) == (
        (),
        (),
        (),
        (),
    )
    assert diff.urgency_then is diff.urgency_now is Urgency.EMERGENCY


async def test_other_knowledge_shows_every_difference(actor: Actor) -> None:
    then = await stored(actor)
    without_flag = {k: v for k, v in rich().red_flags.items() if k != "meningism"}
    newer = msgspec.structs.replace(rich(), red_flags=without_flag)
    change = await in_database(services.load_knowledge, Actor.system(), newer)
    diff = await services.replay(actor, then.session_id)

    assert not diff.identical
    assert diff.red_flags_lost == ("meningism",)
    versions = {v.what: (v.then, v.now) for v in diff.versions}
    assert versions["knowledge"] == (then.consultation.versions.knowledge, change.release)
    moved = {r.condition: r for r in diff.ranks}
    assert moved["flu"].probability_then != moved["flu"].probability_now
    assert diff.now.versions.knowledge == change.release


async def test_a_replay_is_audited_and_stores_nothing_else(actor: Actor) -> None:
    then = await stored(actor)
    await services.replay(actor, then.session_id)

    assert await DiagnosisSession.objects.acount() == 1
    audit = await AuditEvent.objects.aget(action="session_replayed")
    assert audit.object_id == str(then.session_id)


async def test_a_session_of_somebody_else_cannot_be_replayed(
    actor: Actor, other_clinician: User
) -> None:
    then = await stored(actor)
    with pytest.raises(NotFound):
        await services.replay(await in_database(actor_of, other_clinician), then.session_id)


async def test_a_session_without_an_answer_cannot_be_compared(actor: Actor) -> None:
    session = await DiagnosisSession.objects.acreate(
        status="interrupted", case="{}", clinician_id=actor.user_id
    )
    with pytest.raises(StateRefused):
        await services.replay(actor, session.pk)


async def test_a_condition_that_left_the_list_has_no_rank_now(actor: Actor) -> None:
    then = (await stored(actor)).consultation
    first, *rest = then.differential.most_likely
    now = msgspec.structs.replace(
        then, differential=msgspec.structs.replace(then.differential, most_likely=tuple(rest))
    )
    ranks = {r.condition: r for r in difference(UUID(int=0), then, now).ranks}

    assert (ranks[first.condition].rank_then, ranks[first.condition].rank_now) == (1, None)
    assert ranks[first.condition].probability_now is None
    for condition in rest:
        assert ranks[condition.condition].rank_now == ranks[condition.condition].rank_then - 1  # type: ignore[operator]


def test_the_tiny_and_the_rich_knowledge_differ() -> None:
    assert tiny() != rich()
