"""The fast engine against the slow one, and the properties that any engine must have."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.explanation import explained
from agents.inference import Parameters, rank
from agents.knowledge.base import KnowledgeBase
from agents.questions import next_questions
from agents.tests.tiny import reference_scores, tiny_knowledge
from agents.types import Case, Presence, Reading, Sex, Tempo

TINY = tiny_knowledge()
FINDINGS = sorted(TINY.finding_ids)
PARAMETERS = Parameters(missing=0.0)


def reading(present: tuple[str, ...], absent: tuple[str, ...] = (), **more: object) -> Reading:
    return Reading(present=present, absent=absent, **more)  # type: ignore[arg-type]


@st.composite
def readings(draw: st.DrawFn) -> Reading:
    present = draw(st.sets(st.sampled_from(FINDINGS)))
    absent = draw(st.sets(st.sampled_from(FINDINGS))) - present
    return reading(tuple(sorted(present)), tuple(sorted(absent)))


@given(readings())
def test_it_agrees_with_the_reference_engine(given_reading: Reading) -> None:
    case = Case()
    ranking = rank(TINY, case, given_reading, PARAMETERS)
    slow = reference_scores(TINY.text, case, given_reading, PARAMETERS)
    fast = dict(zip(TINY.condition_ids, ranking.scores, strict=True))
    assert fast == pytest.approx(slow, abs=1e-9)


@given(readings(), st.randoms(use_true_random=False))
def test_the_order_of_findings_never_matters(given_reading: Reading, random) -> None:  # type: ignore[no-untyped-def]
    present, absent = list(given_reading.present), list(given_reading.absent)
    random.shuffle(present)
    random.shuffle(absent)
    shuffled = rank(TINY, Case(), reading(tuple(present), tuple(absent)))
    straight = rank(TINY, Case(), given_reading)
    np.testing.assert_allclose(shuffled.scores, straight.scores, atol=1e-9)


@given(readings(), st.sampled_from(FINDINGS))
def test_a_supporting_finding_never_lowers_its_condition(
    given_reading: Reading, added: str
) -> None:
    if added in (*given_reading.present, *given_reading.absent):
        return
    more = reading((*given_reading.present, added), given_reading.absent)
    before = rank(TINY, Case(), given_reading).scores
    after = rank(TINY, Case(), more).scores
    supported = TINY.tables.present([TINY.finding_index[added]])[:, 0] > 0
    assert np.all(after[supported] >= before[supported] - 1e-9)


@given(readings())
def test_probabilities_are_probabilities(given_reading: Reading) -> None:
    ranking = rank(TINY, Case(), given_reading)
    assert np.all((ranking.probabilities >= 0) & (ranking.probabilities <= 1))
    assert ranking.probabilities.sum() + ranking.other_probability == pytest.approx(1)


@given(readings())
def test_weights_add_up_to_the_score(given_reading: Reading) -> None:
    ranking = rank(TINY, Case(age_years=30, sex=Sex.FEMALE), given_reading)
    context = sum(ranking.context.values())
    total = context + ranking.weights.sum(axis=1) + ranking.missing
    np.testing.assert_allclose(total, ranking.scores, atol=1e-9)


def test_correlated_findings_count_less_than_their_sum() -> None:
    both = rank(TINY, Case(), reading(("fever", "chills")))
    alone = [rank(TINY, Case(), reading((f,))) for f in ("fever", "chills")]
    row = TINY.condition_index["flu"]
    assert both.weights[row].sum() < sum(a.weights[row].sum() for a in alone)


def test_a_child_supports_what_its_parent_supports_but_less() -> None:
    row = TINY.condition_index["pneumonia"]
    columns = [TINY.finding_index["dry_cough"], TINY.finding_index["cough"]]
    child, parent = TINY.tables.present(columns)[row]
    assert 0 < child < parent


@pytest.mark.parametrize(
    "case",
    [Case(sex=Sex.MALE), Case(age_years=70), Case(age_years=5), Case(pregnant=Presence.ABSENT)],
)
def test_hard_constraints_exclude(case: Case) -> None:
    ranking = rank(TINY, case, reading(("pelvic_pain",)))
    assert ranking.probabilities[TINY.condition_index["ectopic"]] == 0


def test_a_finding_against_lowers() -> None:
    row = TINY.condition_index["eczema"]
    without = rank(TINY, Case(), reading(("rash",)))
    with_fever = rank(TINY, Case(), reading(("fever", "rash")))
    assert with_fever.scores[row] < without.scores[row]


def test_a_missing_hallmark_counts_only_in_a_long_enough_note() -> None:
    row = TINY.condition_index["flu"]
    short = rank(TINY, Case(), reading(("cough",), word_count=0))
    long = rank(TINY, Case(), reading(("cough",), word_count=200))
    assert short.missing[row] == 0
    assert long.missing[row] < 0


def test_the_two_lists_and_their_explanation() -> None:
    given_reading = reading(("cough", "fever"), ("rash",))
    differential = explained(TINY, given_reading, rank(TINY, Case(), given_reading))
    assert {c.condition for c in differential.most_likely[:2]} == {"flu", "pneumonia"}
    assert [c.condition for c in differential.dont_miss] == ["pneumonia"]
    pneumonia = differential.dont_miss[0]
    assert {e.finding for e in pneumonia.findings_for} == {"cough", "fever"}
    assert {e.finding for e in pneumonia.not_asked} == {"smoking"}
    assert pneumonia.not_asked[0].presence is Presence.UNKNOWN


def test_the_same_input_gives_the_same_bytes(knowledge: KnowledgeBase) -> None:
    given_reading = reading(("cough", "fever", "headache"), ("rash",))
    answers = {
        msgspec.json.encode(
            explained(knowledge, given_reading, rank(knowledge, Case(), given_reading))
        )
        for _ in range(3)
    }
    assert len(answers) == 1


def test_tempo_is_evidence(knowledge: KnowledgeBase) -> None:
    sudden = reading(("headache",), tempo=Tempo(onset="sudden", duration_hours=1))
    slow = reading(("headache",), tempo=Tempo(onset="gradual", duration_hours=5000))
    row = knowledge.condition_index["subarachnoid_haemorrhage"]
    assert (
        rank(knowledge, Case(), sudden).probabilities[row]
        > rank(knowledge, Case(), slow).probabilities[row]
    )


def test_questions_are_about_what_is_not_known() -> None:
    given_reading = reading(("cough",), ("chills",))
    questions = next_questions(TINY, rank(TINY, Case(), given_reading), given_reading, 1.0)
    asked = {q.finding for q in questions}
    assert asked
    assert asked.isdisjoint({"cough", "chills"})
    assert [q.information for q in questions] == sorted(
        (q.information for q in questions), reverse=True
    )
    for question in questions:
        assert {a.presence for a in question.answers} == {Presence.PRESENT, Presence.ABSENT}


def test_nearly_every_shipped_condition_leads_on_its_own_hallmarks(
    knowledge: KnowledgeBase,
) -> None:
    """A patient with all that a condition lists as very common has it among the first ten."""
    found = []
    for row, key in enumerate(knowledge.condition_ids):
        figures = knowledge.text.conditions[key].findings
        typical = tuple(sorted(f for f in figures if figures[f] in ("hallmark", "very_common")))
        if len(typical) >= 3:
            found.append(row in rank(knowledge, Case(), reading(typical)).order[:10])
    assert len(found) > 500
    assert sum(found) / len(found) > 0.97
