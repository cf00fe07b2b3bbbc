"""From a consultation to the words of the page."""

from datetime import UTC, date, datetime
from uuid import UUID

import msgspec
import pytest

from agents.tests.tiny import tiny_text
from agents.types import (
    AgentName,
    Case,
    FindingMention,
    Note,
    Presence,
    Setting,
    Sex,
    Span,
    StatedFinding,
    Urgency,
    UrgencyReason,
    Vitals,
)
from diagnosis.serializers import words
from diagnosis.serializers.cards import ResultPage
from diagnosis.serializers.case_page import case_page
from diagnosis.serializers.presentation import result_page
from diagnosis.serializers.progress import progress_of
from diagnosis.serializers.replay_page import replay_page
from diagnosis.tests.samples import FULL, PARTIAL
from diagnosis.values import RankChange, ReplayDiff, SessionMoment, VersionChange

TODAY = date(2026, 1, 1)
SESSION = UUID("01936b5e-0000-7000-8000-000000000000")


@pytest.fixture(scope="module")
def page() -> ResultPage:
    return result_page(FULL, tiny_text(), TODAY)


def test_the_urgency_stands_with_its_own_reasons_apart_from_lesser_ones(page: ResultPage) -> None:
    assert page.urgency.title == "Emergency"
    assert [(r.origin, r.title, r.sentence) for r in page.reasons] == [
        ("Red flag", "Sepsis", "Sepsis is possible.")
    ]
    assert [(r.origin, r.urgency.title) for r in page.lesser_reasons] == [("Condition", "Urgent")]


def test_no_urgency_is_never_shown_as_harmless() -> None:
    page = result_page(
        msgspec.structs.replace(FULL, urgency=None, urgency_reasons=()), tiny_text(), TODAY
    )
    assert page.urgency.title == "Urgency not determined"


def test_a_candidate_is_explained(page: ResultPage) -> None:
    card = page.most_likely[0]
    assert (card.name, card.probability, card.bar, card.prior) == (
        "Pneumonia",
        "62 %",
        62.4,
        "<1 %",
    )
    (support,) = card.findings_for
    assert (support.ratio, support.weight, support.presence) == ("4.0", "+1.4", "present")
    assert (support.source.short, support.source.url) == ("A journal 2020", "https://example.org/p")
    (against,) = card.findings_against
    assert (against.ratio, against.weight, against.presence) == (
        "0.12",
        "\N{MINUS SIGN}2.1",
        "absent",
    )
    assert (against.source.short, against.source.url) == ("Estimate", "")
    assert [line.presence for line in card.not_asked] == ["not asked"]
    assert [line.weight for line in card.context] == ["0"]


def test_bars_are_shares_of_the_heaviest_weight(page: ResultPage) -> None:
    card = page.most_likely[0]
    assert (card.findings_for[0].bar, card.findings_against[0].bar) == (67, 100)


def test_names_stand_for_ids_and_gone_ids_stay_readable(page: ResultPage) -> None:
    assert page.most_likely[0].exclude_first == ("Ectopic pregnancy", "Gone condition")
    assert page.red_flags[0].findings == ("Fever",)
    assert page.red_flags[0].suspects == ("Pneumonia",)


def test_a_recommendation_for_two_conditions_stands_once() -> None:
    advice = FULL.recommendations[1]
    both = (advice, msgspec.structs.replace(advice, condition="flu"))
    page = result_page(msgspec.structs.replace(FULL, recommendations=both), tiny_text(), TODAY)
    (group,) = page.recommendations
    (card,) = group.advice
    assert (group.condition, card.also_for) == ("Pneumonia", ("Flu",))


def test_long_lists_are_split_and_ranks_go_on() -> None:
    ten = FULL.differential.most_likely * 5
    differential = msgspec.structs.replace(FULL.differential, most_likely=ten)
    page = result_page(msgspec.structs.replace(FULL, differential=differential), tiny_text(), TODAY)
    assert [card.rank for card in page.most_likely] == [1, 2, 3, 4, 5]
    assert [card.rank for card in page.less_likely] == [6, 7, 8, 9, 10]
    assert [card.rank for card in page.dont_miss] == [0]


def test_red_flags_stand_first_among_the_reasons() -> None:
    reasons = tuple(
        UrgencyReason(Urgency.EMERGENCY, origin, origin)
        for origin in ("condition:flu", "score:news2", "red_flag:gone", "red_flag:sepsis")
    )
    page = result_page(msgspec.structs.replace(FULL, urgency_reasons=reasons), tiny_text(), TODAY)
    assert [(r.origin, r.title) for r in page.reasons] == [
        ("Red flag", ""),
        ("Red flag", "Sepsis"),
        ("Score", ""),
    ]
    assert [r.origin for r in page.more_reasons] == ["Condition"]


def test_drafts_are_marked(page: ResultPage) -> None:
    assert [card.is_draft for card in page.most_likely] == [True, False]
    assert page.has_draft


def test_an_answer_without_drafts_says_nothing_of_them() -> None:
    reviewed = msgspec.structs.replace(
        FULL,
        recommendations=(),
        differential=msgspec.structs.replace(
            FULL.differential, most_likely=(FULL.differential.most_likely[1],), dont_miss=()
        ),
    )
    assert not result_page(reviewed, tiny_text(), TODAY).has_draft


def test_scores_without_a_value_say_what_is_missing(page: ResultPage) -> None:
    assert [(score.name, score.value) for score in page.scores] == [("CURB-65", "2")]
    (news,) = page.unscored
    assert (news.interpretation, news.missing) == (
        "at least 3",
        ("Oxygen saturation", "Supplemental oxygen"),
    )


def test_recommendations_say_whether_to_trust_them(page: ResultPage) -> None:
    (group,) = page.recommendations
    assert (group.condition, group.probability) == ("Pneumonia", "62 %")
    # what must not be given stands last, though it came first
    sound, forbidden = group.advice
    assert forbidden.contraindicated == "Penicillin allergy is stated."
    assert (forbidden.is_overdue, forbidden.is_draft) == (True, True)
    assert (forbidden.kind, forbidden.strength, forbidden.certainty) == (
        "Treat", "Strong recommendation", "High certainty",
    )  # fmt: skip
    assert forbidden.source.url == "https://example.org/g"
    assert (sound.is_overdue, sound.is_draft, sound.contraindicated) == (False, False, "")
    assert sound.source.url == "https://example.org/p"


def test_questions_say_what_each_answer_changes(page: ResultPage) -> None:
    (question,) = page.questions
    assert [(a.said, a.leading, a.probability) for a in question.answers] == [
        ("If yes", "Pneumonia", "80 %"),
        ("If no", "Flu", "51 %"),
    ]


def test_mentions_say_why_they_are_no_evidence(page: ResultPage) -> None:
    assert [(m.name, m.presence, m.quote, m.context) for m in page.mentions] == [
        ("Fever", "present", "Fever", ""),
        ("Cough", "absent", "cough", ""),
        ("Rash", "present", "rash", "in the family"),
        ("Chills", "present", "", "from the vital signs"),
    ]


def test_contradictions_and_unrecognised_words_are_shown(page: ResultPage) -> None:
    assert page.contradictions == ("Fever is both stated and denied.",)
    assert page.unrecognised == ("zorbitis",)


@pytest.mark.parametrize("agent", list(AgentName))
def test_every_missing_agent_is_named_with_what_that_means(agent: AgentName) -> None:
    consultation = msgspec.structs.replace(PARTIAL, missing_agents=(agent,))
    (missing,) = result_page(consultation, tiny_text(), TODAY).missing_agents
    assert missing.name == words.AGENTS[agent][0]
    assert missing.consequence.endswith(".")


def test_opinions_of_a_partial_answer() -> None:
    lines = {line.name: line for line in result_page(PARTIAL, tiny_text(), TODAY).opinions}
    retriever = lines["Treatment retriever"]
    assert (retriever.status, retriever.completed, retriever.duration) == (
        "Timed out",
        False,
        "5.0 s",
    )
    assert sum(line.completed for line in lines.values()) == 3


def test_versions_are_shown(page: ResultPage) -> None:
    assert (page.engine, page.knowledge) == ("9.9", "abcdef0123456789")
    assert page.guidelines[0][1] == "2024"


# --- numbers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("probability", "said"),
    [
        (0, "<1 %"),
        (0.0001, "<1 %"),
        (0.0099, "<1 %"),
        (0.01, "1 %"),
        (0.625, "62 %"),
        (0.995, ">99 %"),
        (1, ">99 %"),
    ],
)
def test_percent_never_rounds_to_impossible_or_certain(probability: float, said: str) -> None:
    assert words.percent(probability) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (66.686, "67"),
        (9.96, "10"),
        (4.04, "4.0"),
        (1.0, "1.0"),
        (0.99, "0.99"),
        (0.123, "0.12"),
        (0.004, "0.004"),
    ],
)
def test_ratio(value: float, said: str) -> None:
    assert words.ratio(value) == said


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        (0.5, "30 minutes"),
        (1, "1 hour"),
        (36, "36 hours"),
        (72, "3 days"),
        (24 * 21, "3 weeks"),
        (8766 * 3, "3 years"),
    ],
)
def test_duration(hours: float, said: str) -> None:
    assert words.duration(hours) == said


@pytest.mark.parametrize(
    ("years", "said"),
    [
        (3 / 365.25, "3 days old"),
        (0.5, "6 months old"),
        (1.5, "18 months old"),
        (40, "40 years old"),
    ],
)
def test_age(years: float, said: str) -> None:
    assert words.age(years) == said


@pytest.mark.parametrize(("spent", "said"), [(0.2, "<1 ms"), (12.4, "12 ms"), (1500, "1.5 s")])
def test_milliseconds(spent: float, said: str) -> None:
    assert words.milliseconds(spent) == said


# --- the case -------------------------------------------------------------------------------------

CASE = Case(
    note=Note(text="Fever, no cough. Father: rash."),
    findings=(StatedFinding("fever", Presence.ABSENT, "mild", 72, "sudden"),),
    vitals=Vitals(temperature=38.3333, on_oxygen=False, consciousness="alert", gcs=15),
    age_years=58,
    sex=Sex.MALE,
    setting=Setting.EMERGENCY,
)


def test_the_case_in_words() -> None:
    page = case_page(CASE, None, lambda key: key.capitalize())
    assert page.patient == ("58 years old", "Male", "Emergency department")
    assert page.vitals == (
        ("Temperature", "38.3 °C"),
        ("On supplementary oxygen", "No"),
        ("Consciousness", "Alert"),
        ("Glasgow coma scale", "15"),
    )
    assert page.findings == ("Fever, absent, mild, sudden, 3 days",)


def test_what_was_not_given_is_said() -> None:
    page = case_page(Case(note=Note(text="x"), pregnant=Presence.PRESENT), None, str)
    assert page.patient == ("Age not given", "Sex not given", "Pregnant", "Primary care")


def test_the_note_is_whole_and_marked() -> None:
    (section,) = case_page(CASE, FULL, lambda key: key.capitalize()).note
    assert "".join(passage.text for passage in section.passages) == CASE.note.text
    assert [(p.text, p.mark) for p in section.passages if p.mark] == [
        ("Fever", "present"),
        ("cough", "absent"),
        (" ras", "aside"),
    ]


def test_overlapping_mentions_keep_the_note_whole() -> None:
    spans = [(0, 5), (0, 2), (3, 8), (7, 9), (500, 600)]
    mentions = tuple(
        FindingMention("fever", Presence.PRESENT, "text", Span("text", *span)) for span in spans
    )
    reading = msgspec.structs.replace(FULL.reading, mentions=mentions)
    (section,) = case_page(CASE, msgspec.structs.replace(FULL, reading=reading), str).note
    assert "".join(passage.text for passage in section.passages) == CASE.note.text
    assert [p.text for p in section.passages if p.mark] == ["Fever", "no"]


# --- progress and replay --------------------------------------------------------------------------


def moment(seq: int, kind: str, agent: str | None = None, **detail: object) -> SessionMoment:
    return SessionMoment(SESSION, seq, kind, datetime.now(UTC), 0.0, agent, detail)  # type: ignore[arg-type]


def test_progress_before_anything_happened() -> None:
    progress = progress_of([])
    assert [agent.state for agent in progress.agents] == ["waiting"] * 4
    assert (progress.alarms, progress.seq) == ([], 0)


def test_progress_follows_the_moments() -> None:
    flags = [{"rule": "sepsis", "title": "Sepsis", "urgency": "emergency"}]
    progress = progress_of(
        [
            moment(1, "session_started"),
            moment(2, "agent_started", "emergency_detector"),
            moment(
                3, "emergency_detected", "emergency_detector", urgency="emergency", red_flags=flags
            ),
            moment(4, "agent_started", "symptom_classifier"),
            moment(5, "agent_completed", "symptom_classifier", duration_ms=12.0),
            moment(6, "agent_failed", "condition_matcher", duration_ms=4000.0, status="timed_out"),
        ]
    )
    said = {agent.key: (agent.state, agent.said) for agent in progress.agents}
    assert said == {
        "emergency_detector": ("running", "Working"),
        "symptom_classifier": ("done", "Done in 12 ms"),
        "condition_matcher": ("failed", "Timed out after 4.0 s"),
        "treatment_retriever": ("waiting", "Waiting"),
    }
    assert [(title, urgency.title) for title, urgency in progress.alarms] == [
        ("Sepsis", "Emergency")
    ]
    assert progress.seq == 6


def test_a_replay_in_words() -> None:
    diff = ReplayDiff(
        session_id=SESSION,
        identical=False,
        urgency_then="routine",  # type: ignore[arg-type]
        urgency_now=None,
        ranks=(
            RankChange("flu", "Flu", 1, 2, 0.5, 0.3),
            RankChange("new", "New", None, 1, None, 0.6),
        ),
        red_flags_gained=("head_injury",),
        red_flags_lost=(),
        versions=(
            VersionChange("knowledge", "a" * 64, "b" * 64),
            VersionChange("guideline:asthma_care", "2020", None),
        ),
        now=FULL,
    )
    page = replay_page(diff)
    assert page.urgency_changed
    assert [(line.name, line.then, line.now) for line in page.ranks] == [
        ("Flu", "#1, 50 %", "#2, 30 %"),
        ("New", "not listed", "#1, 60 %"),
    ]
    assert page.gained == ("Head injury",)
    assert [(line.what, line.then, line.now) for line in page.versions] == [
        ("Knowledge", "a" * 12, "b" * 12),
        ("Guideline: Asthma care", "2020", "not used"),
    ]
