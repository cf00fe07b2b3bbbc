"""Nothing lowers an urgency."""

from hypothesis import given
from hypothesis import strategies as st

from agents.tests.tiny import tiny_knowledge
from agents.triage import red_flags_in, urgency_of
from agents.types import Candidate, Case, Differential, Presence, RedFlag, Score, Sex, Urgency

TINY = tiny_knowledge()
LEVELS = list(Urgency)


def candidate(urgency: Urgency, probability: float) -> Candidate:
    return Candidate(
        "c",
        "A condition",
        ("A00",),
        0.01,
        probability,
        urgency,
        "It must not wait.",
        False,
        "draft",
    )


def flag(urgency: Urgency) -> RedFlag:
    return RedFlag("r", "A rule", urgency, "Because.", "paper")


candidates = st.lists(
    st.builds(candidate, st.sampled_from(LEVELS), st.floats(0.01, 1)), max_size=5
).map(lambda found: Differential(most_likely=tuple(found)))
flags = st.lists(st.builds(flag, st.sampled_from(LEVELS)), max_size=4)


@given(candidates, flags, st.builds(flag, st.sampled_from(LEVELS)))
def test_a_further_red_flag_never_lowers(
    differential: Differential, before: list[RedFlag], added: RedFlag
) -> None:
    less, _ = urgency_of(before, (), differential)
    more, reasons = urgency_of([*before, added], (), differential)
    assert more is not None
    assert more.rank >= max(added.urgency.rank, less.rank if less else 0)
    assert reasons[0].urgency is more


@given(candidates, flags, st.sampled_from(LEVELS))
def test_a_score_never_lowers(
    differential: Differential, found: list[RedFlag], urgency: Urgency
) -> None:
    less, _ = urgency_of(found, (), differential)
    more, _ = urgency_of(found, [Score("s", "S", 3, "high", urgency=urgency)], differential)
    assert more is not None
    assert more.rank >= (less.rank if less else 0)


def test_nothing_known_is_no_urgency() -> None:
    assert urgency_of((), (), Differential(enough=False)) == (None, ())


def test_a_small_chance_of_an_emergency_does_not_decide_alone() -> None:
    differential = Differential(
        most_likely=(candidate(Urgency.SELF_CARE, 0.9), candidate(Urgency.EMERGENCY, 0.02))
    )
    assert urgency_of((), (), differential)[0] is Urgency.SELF_CARE


def test_a_good_chance_of_an_emergency_does() -> None:
    differential = Differential(
        most_likely=(candidate(Urgency.ROUTINE, 0.5), candidate(Urgency.EMERGENCY, 0.4))
    )
    assert urgency_of((), (), differential)[0] is Urgency.EMERGENCY


def test_rules_look_at_age_and_fire_where_it_is_unknown() -> None:
    held = ("cough", "smoking")

    def rules(age: float | None) -> list[str]:
        return [f.rule for f in red_flags_in(TINY, Case(), held, age)]

    assert rules(39) == []
    assert rules(40) == ["smoker_cough"]
    assert rules(None) == ["smoker_cough"]


def test_a_special_form_fires_the_general_rule() -> None:
    fired = red_flags_in(TINY, Case(sex=Sex.MALE), ("dry_cough", "smoking"), 50)
    assert [f.rule for f in fired] == ["smoker_cough"]


def test_an_absent_finding_fires_nothing() -> None:
    assert red_flags_in(TINY, Case(pregnant=Presence.ABSENT), ("fever",), 50) == []


def test_raw_wording_fires_before_any_reading_unless_it_is_denied() -> None:
    from agents.types import Note

    def raw(text: str) -> list[str]:
        return [f.rule for f in TINY.raw_flags.in_note(Case(note=Note(text=text)), 50)]

    assert raw("Stiff neck with fever.") == ["meningism"]
    assert raw("No stiff neck or fever.") == []
    assert raw("Last year he had a stiff neck with fever.") == []
    assert raw("His mother had a stiff neck and fever.") == []
