"""What all scores share: refusals, missing inputs, lower bounds, findings and sources."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from agents import knowledge as knowledge_files
from agents import scores as score_files
from agents.detector import EmergencyDetector
from agents.knowledge.base import KnowledgeBase
from agents.scores import RULES
from agents.scores.points import Band, Item, Title, refusal, summed, when
from agents.scores.subject import (
    Subject,
    below,
    both,
    either,
    first_known,
    from_limit,
    negated,
    statements_of,
)
from agents.tests.scoring import mention, scored
from agents.types import (
    Alarm,
    Case,
    FindingMention,
    Note,
    Presence,
    Score,
    Setting,
    StatedFinding,
    Urgency,
    Vitals,
)

TITLE = Title("x", "X", "a-source")
BANDS = (Band(0, "low"), Band(2, "middle", Urgency.URGENT), Band(4, "high", Urgency.EMERGENCY))
YES, NO, UNKNOWN = True, False, None


# --- points -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("total", "text", "urgency"),
    [
        (0, "0: low", None),
        (1.5, "1.5: low", None),
        (2, "2: middle", Urgency.URGENT),
        (3.5, "3.5: middle", Urgency.URGENT),
        (4, "4: high", Urgency.EMERGENCY),
        (-1, "-1: low", None),
    ],
)
def test_bands_begin_at_their_start(total: float, text: str, urgency: Urgency | None) -> None:
    score = summed(TITLE, "", [Item("all", total)], BANDS)
    assert score is not None
    assert (score.value, score.interpretation, score.urgency) == (total, text, urgency)
    assert (score.score, score.name, score.source) == TITLE


@pytest.mark.parametrize(
    ("items", "text", "missing", "urgency"),
    [
        ([Item("a", 1), Item("b", None)], "at least 1 from what is known", ("b",), None),
        (
            [Item("a", 2), Item("b", None)],
            "at least 2 from what is known: middle (or a higher band)",
            ("b",),
            Urgency.URGENT,
        ),
        ([Item("a", None, 4)], "at least 4 from what is known: high", ("a",), Urgency.EMERGENCY),
        ([Item("a", None, 1)], "at least 1 from what is known", ("a",), None),
        ([Item("a", 3), Item("b", None, -2)], "at least 1 from what is known", ("b",), None),
    ],
)
def test_a_lower_bound_says_so(
    items: list[Item], text: str, missing: tuple[str, ...], urgency: Urgency | None
) -> None:
    score = summed(TITLE, "", items, BANDS)
    assert score is not None
    assert (score.value, score.interpretation) == (None, text)
    assert (score.missing, score.urgency) == (missing, urgency)


def test_a_score_needs_a_known_input() -> None:
    assert summed(TITLE, "", [Item("a", None), Item("b", None, -2)], BANDS) is None
    assert summed(TITLE, "too young", [Item("a", None)], BANDS) is None
    assert summed(TITLE, "", [Item("a", 0), Item("b", None)], BANDS) is not None


def test_a_refused_score_has_no_value_and_no_urgency() -> None:
    score = summed(TITLE, "too young", [Item("a", 4)], BANDS)
    assert score is not None
    assert (score.value, score.urgency, score.not_applicable) == (None, None, "too young")


def test_notes_follow_the_meaning() -> None:
    score = summed(TITLE, "", [Item("a", 2)], BANDS, "and more")
    assert score is not None
    assert score.interpretation == "2: middle; and more"


@pytest.mark.parametrize(
    ("holds", "points", "item"),
    [
        (YES, 2, Item("n", 2)), (NO, 2, Item("n", 0)), (UNKNOWN, 2, Item("n", None, 0)),
        (YES, -2, Item("n", -2, -2)), (NO, -2, Item("n", 0, -2)), (UNKNOWN, -2, Item("n", None, -2)),
    ],
)  # fmt: skip
def test_points_where_a_criterion_holds(holds: bool | None, points: float, item: Item) -> None:
    assert when("n", holds, points) == item


def test_three_answers() -> None:
    assert [either(YES, UNKNOWN), either(NO, UNKNOWN), either(NO, NO)] == [YES, UNKNOWN, NO]
    assert [both(NO, UNKNOWN), both(YES, UNKNOWN), both(YES, YES)] == [NO, UNKNOWN, YES]
    assert [negated(YES), negated(NO), negated(UNKNOWN)] == [NO, YES, UNKNOWN]
    assert [first_known(UNKNOWN, NO, YES), first_known(UNKNOWN)] == [NO, UNKNOWN]
    assert [from_limit(v, 5) for v in (4, 5, 6, None)] == [NO, YES, YES, UNKNOWN]
    assert [below(v, 5) for v in (4, 5, 6, None)] == [YES, NO, NO, UNKNOWN]


# --- the subject ------------------------------------------------------------------------------

ANCESTORS = {"high_fever": frozenset({"fever"}), "fever": frozenset[str](), "pregnant": frozenset()}


def subject(
    present: str = "", absent: str = "", mentions: tuple[FindingMention, ...] = (), **vitals: object
) -> Subject:
    return Subject(
        Vitals(**vitals),  # type: ignore[arg-type]
        frozenset(present.split()),
        frozenset(absent.split()),
        50,
        None,
        False,
        Setting.PRIMARY_CARE,
        statements_of(mentions, ANCESTORS),
        ANCESTORS,
    )


def test_what_is_neither_stated_nor_denied_is_unknown() -> None:
    assert subject("fever").states("fever") is True
    assert subject(absent="fever").states("fever") is False
    assert subject().states("fever") is None
    assert subject("fever", "fever").states("fever") is True


def test_a_denied_finding_denies_its_kinds_but_not_the_other_way() -> None:
    assert subject(absent="fever").states("high_fever") is False
    assert subject(absent="high_fever").states("fever") is None


def test_one_of_several() -> None:
    assert subject("a", "b").any_of("a", "b") is True
    assert subject(absent="a b").any_of("a", "b") is False
    assert subject(absent="a").any_of("a", "b") is None
    assert subject("a").has("a", "b")
    assert not subject("c").has("a", "b")


def test_words_of_the_note() -> None:
    told = subject("high_fever", mentions=(mention("high_fever", "Burning HOT"),))
    assert told.worded("fever", "hot")
    assert told.worded("high_fever", "cold", "hot")
    assert not told.worded("fever", "cold")
    assert not told.worded("cough", "hot")


@pytest.mark.parametrize(
    ("presence", "temporality", "who"),
    [
        ("absent", "current", "patient"),
        ("present", "past", "patient"),
        ("present", "current", "family"),
    ],
)
def test_only_current_findings_of_the_patient_are_said(
    presence: str, temporality: str, who: str
) -> None:
    other = replace(
        mention("fever", "hot"),
        presence=Presence(presence),
        temporality=temporality,
        subject=who,
    )
    assert subject(mentions=(mention("fever", "hot"),)).said("fever")
    assert not subject(mentions=(other,)).said("fever")


@pytest.mark.parametrize(
    ("present", "absent", "vitals", "altered"),
    [
        ("", "", {}, None),
        ("", "", {"consciousness": "alert"}, False),
        ("", "", {"consciousness": "confusion"}, True),
        ("", "", {"consciousness": "voice"}, True),
        ("", "", {"consciousness": "pain"}, True),
        ("", "", {"consciousness": "unresponsive"}, True),
        ("", "", {"gcs": 15}, False),
        ("", "", {"gcs": 14}, True),
        ("confusion", "", {"consciousness": "alert"}, True),
        ("altered_consciousness", "", {}, True),
        ("", "confusion", {}, False),
        ("", "altered_consciousness", {}, False),
    ],
)
def test_altered_consciousness(
    present: str, absent: str, vitals: dict[str, object], altered: bool | None
) -> None:
    assert subject(present, absent, **vitals).altered is altered


def test_pulse_is_measured_or_as_the_reading_says() -> None:
    assert [subject(heart_rate=float(r)).pulse_from(100) for r in (99, 100, 101)] == [NO, YES, YES]
    assert [subject(heart_rate=float(r)).pulse_from(100, above=True) for r in (99, 100, 101)] == [
        NO,
        NO,
        YES,
    ]
    assert subject("tachycardia").pulse_from(100) is True
    assert subject(absent="tachycardia").pulse_from(100) is False
    assert subject().pulse_from(100) is None
    assert subject("tachycardia", heart_rate=80.0).pulse_from(100) is False


# --- refusals ---------------------------------------------------------------------------------


def test_refusals() -> None:
    assert refusal(subject()) == ""
    assert "below 51 years" in refusal(subject(), 51)
    assert refusal(subject(), 50) == ""
    assert refusal(subject()._replace(age=None)).startswith("Needs the age")
    pregnant = subject()._replace(pregnant=True)
    assert "pregnancy" in refusal(pregnant)
    assert refusal(pregnant, pregnancy=False) == ""


EVERYTHING = (
    "fever cough cxr_consolidation sore_throat tonsillar_exudate chest_pain haemoptysis"
    " unilateral_leg_swelling entire_leg_swollen neuro_transient unilateral_weakness haematemesis"
    " melaena right_lower_quadrant_pain anorexia trauma_recent ankle_pain ankle_bony_tenderness"
    " knee_pain fibular_head_tenderness low_mood anxiety urea_over_7"
)
MEASURED = {
    "temperature": 37.0, "heart_rate": 70.0, "respiratory_rate": 15.0, "systolic_bp": 120.0,
    "diastolic_bp": 80.0, "spo2": 98.0, "on_oxygen": False, "consciousness": "alert", "gcs": 15,
}  # fmt: skip
FROM_YEARS = {
    "news2": 16, "shock_index": 16, "gcs": 0, "qsofa": 16, "crb65": 16, "curb65": 16, "centor": 15,
    "mcisaac": 3, "feverpain": 3, "wells_pe": 18, "wells_dvt": 18, "perc": 18, "heart": 18,
    "abcd2": 18, "glasgow_blatchford": 16, "alvarado": 16, "ottawa_ankle": 2, "ottawa_knee": 18,
    "phq9": 12, "gad7": 18,
}  # fmt: skip
IN_PREGNANCY = {"gcs", "centor", "mcisaac", "feverpain", "phq9", "gad7"}


def everything(age: float | None, pregnant: Presence = Presence.UNKNOWN) -> dict[str, bool]:
    """By score: does it apply."""
    found = scored(age, EVERYTHING, pregnant=pregnant, **MEASURED)
    for score in found.values():
        assert not score.not_applicable or (score.value, score.urgency) == (None, None)
    return {key: not score.not_applicable for key, score in found.items()}


def test_every_score_holds_from_its_age() -> None:
    for key, years in FROM_YEARS.items():
        assert everything(years)[key], key
        assert years == 0 or not everything(years - 0.1)[key], key


def test_every_score_is_in_the_table() -> None:
    assert set(everything(30)) == set(FROM_YEARS)
    assert len(RULES) == len(FROM_YEARS) + 1  # and the vital signs of children


def test_pregnancy_is_refused_where_the_score_was_not_made_for_it() -> None:
    applies = everything(30, Presence.PRESENT)
    assert {key for key, holds in applies.items() if holds} == IN_PREGNANCY
    assert everything(30, Presence.ABSENT) == everything(30)
    assert scored(30, "pregnant", **MEASURED)["news2"].not_applicable


def test_an_unknown_age_is_refused() -> None:
    assert {key for key, holds in everything(None).items() if holds} == {"gcs"}


def test_nothing_is_scored_without_its_question() -> None:
    assert scored(30, "rash") == {}
    assert set(scored(30, "rash", **MEASURED)) == {"news2", "shock_index", "gcs"}


def test_a_specific_finding_raises_the_question_of_the_general_one() -> None:
    kinds = {"pleuritic_chest_pain": frozenset({"chest_pain"})}
    found = scored(30, "pleuritic_chest_pain", "haemoptysis", ancestors=kinds)
    assert {"wells_pe", "perc", "heart"} <= set(found)


# --- against the knowledge --------------------------------------------------------------------

_KNOWLEDGE = Path(str(knowledge_files.__file__)).parent
_SCORES = Path(str(score_files.__file__)).parent
_ASKING = {"states", "any_of", "has", "worded", "said", "_also"}


def _strings(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


def _findings_in(tree: ast.Module) -> Iterator[str]:
    """Arguments of questions to the subject, what loops run over, and constants of the module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.For | ast.comprehension):
            yield from _strings(node.iter)
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            arguments = node.args[:1] if name in {"worded", "said"} else node.args
            yield from (s for a in arguments if name in _ASKING for s in _strings(a))
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and not isinstance(statement.value, ast.Call):
            yield from _strings(statement.value)


def test_every_finding_of_a_score_is_in_the_knowledge() -> None:
    known = {
        key
        for file in (_KNOWLEDGE / "findings").glob("*.toml")
        for key in tomllib.loads(file.read_text())
    }
    files = [f for f in _SCORES.glob("*.py") if f.stem not in {"__init__", "points", "subject"}]
    asked = {s for file in files for s in _findings_in(ast.parse(file.read_text()))}
    named = {s for s in asked if "_" in s and " " not in s} - {"heart_history_", "_suspicious"}
    assert len(named) > 100
    assert named - known == set()
    words = ("highly", "moderately", "slightly")
    others = {"altered_consciousness", "confusion", "tachycardia", "pregnant", "fever", "cough"}
    assert {*others, *(f"heart_history_{word}_suspicious" for word in words)} <= known


def test_every_source_of_a_score_is_in_the_knowledge() -> None:
    sources = tomllib.loads((_KNOWLEDGE / "sources.toml").read_text())
    found = {**scored(30, EVERYTHING, **MEASURED), **scored(3, **MEASURED)}
    assert {score.source for score in found.values()} <= set(sources)
    assert "fine-2012" in sources
    assert "dowling-2009" in sources


def test_a_note_is_scored(knowledge: KnowledgeBase) -> None:
    note = Note(
        chief_complaint="Sore throat for 2 days.",
        history="High fever, pus on tonsils and tender anterior cervical nodes. No cough, no runny nose.",
    )
    found = knowledge_scores(knowledge, Case(note=note, age_years=20))
    assert found["centor"].value == 4
    assert found["mcisaac"].value == 4
    assert found["feverpain"].missing == ("severely inflamed tonsils",)
    assert "at least 4" in found["feverpain"].interpretation


def test_answers_to_a_questionnaire_are_scored(knowledge: KnowledgeBase) -> None:
    answers = tuple(
        StatedFinding(key, severity="moderate")
        for key in knowledge.text.findings
        if key.startswith("phq9_") and key != "phq9_self_harm"
    )
    case = Case(findings=(*answers, StatedFinding("phq9_self_harm", Presence.ABSENT)), age_years=20)
    assert knowledge_scores(knowledge, case)["phq9"].value == 16


def knowledge_scores(knowledge: KnowledgeBase, case: Case) -> dict[str, Score]:
    alarm = EmergencyDetector().second_look(Alarm(), case, None, knowledge)
    return {score.score: score for score in alarm.scores}
