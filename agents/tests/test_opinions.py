"""What a relative makes of an illness changes nothing; what a relative has seen does."""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.coordinator import Coordinator
from agents.knowledge.base import KnowledgeBase
from agents.types import Case, Consultation, Note, Presence, Reading, StatedFinding

ILLNESSES = (
    "Crushing chest pain for an hour that goes into the left arm. Sweating.",
    "A 3-week-old baby with a fever of 38.9 C, floppy and not feeding.",
    "Sudden worst headache of a lifetime, stiff neck, vomited twice.",
    "Took thirty paracetamol tablets in the night and feels sick now.",
    "Itchy red rash on both hands for two weeks. No fever.",
)
PEOPLE = ("his wife", "her husband", "the mother", "a friend", "her sister", "the carer", "dad")
OPINIONS = (
    "{} says it is nothing much.",
    "{} thinks it is stress.",
    "{} is sure that it is only teething.",
    "{} believes it was just a hangover.",
    "According to {} he is just tired.",
    "{} told her that it is nothing to worry about.",
    "{} is convinced it is wind.",
    "{} says she is only anxious.",
)


def consulted(text: str, knowledge: KnowledgeBase) -> Consultation:
    return asyncio.run(
        Coordinator().consult(Case(note=Note(text=text)), knowledge, lambda event: None)
    )


@settings(max_examples=60, deadline=None)
@given(
    illness=st.sampled_from(ILLNESSES),
    person=st.sampled_from(PEOPLE),
    opinion=st.sampled_from(OPINIONS),
)
def test_minimising_words_of_a_relative_change_nothing(
    knowledge: KnowledgeBase, illness: str, person: str, opinion: str
) -> None:
    sentence = opinion.format(person)
    plain = consulted(illness, knowledge)
    minimised = consulted(f"{illness} {sentence[0].upper()}{sentence[1:]}", knowledge)
    assert minimised.reading.present == plain.reading.present
    assert minimised.reading.absent == plain.reading.absent
    assert minimised.urgency == plain.urgency
    assert minimised.red_flags == plain.red_flags


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("His wife says he is confused.", "confusion"),
        ("The mother says he just vomited.", "vomiting"),
        ("Her husband thinks she has a fever.", "fever"),
        ("Her daughter noticed that she is drowsy.", "drowsiness"),
    ],
)
def test_what_a_relative_has_seen_is_a_finding(
    read: Callable[..., Reading], text: str, finding: str
) -> None:
    assert finding in read(text).present


@settings(max_examples=40, deadline=None)
@given(unknown=st.lists(st.sampled_from(["fever", "cough", "rash", "vomiting", "seizure"])))
def test_unknown_changes_nothing(knowledge: KnowledgeBase, unknown: list[str]) -> None:
    stated = (StatedFinding("headache"), StatedFinding("neck_stiffness", Presence.ABSENT))
    more = tuple(StatedFinding(name, Presence.UNKNOWN) for name in unknown)
    plain, with_unknown = (
        asyncio.run(Coordinator().consult(Case(findings=findings), knowledge, lambda event: None))
        for findings in (stated, stated + more)
    )
    assert with_unknown.differential == plain.differential
    assert with_unknown.urgency == plain.urgency
