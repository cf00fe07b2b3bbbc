"""Glasgow-Blatchford, Alvarado, Ottawa rules, PHQ-9, GAD-7."""

import pytest

from agents.tests.scoring import mention, outcome, scored, without
from agents.types import Sex, Urgency

EMERGENCY, URGENT = Urgency.EMERGENCY, Urgency.URGENT

# --- Glasgow-Blatchford -----------------------------------------------------------------------

BLEEDING_NO = "anaemia_known melaena syncope hx_liver_disease hx_heart_failure"
STEADY = {"systolic_bp": 110.0, "heart_rate": 99.0}
UREA = ["urea_under_6_5", "urea_6_5_to_7_9", "urea_8_to_9_9", "urea_10_to_24_9", "urea_25_or_more"]  # fmt: skip


@pytest.mark.parametrize(
    ("present", "changed", "points"),
    [
        ("", {}, 0),
        ("", {"systolic_bp": 111.0, "heart_rate": 98.0}, 0),
        ("", {"systolic_bp": 109.0}, 1),
        ("", {"systolic_bp": 100.0}, 1),
        ("", {"systolic_bp": 99.0}, 2),
        ("", {"systolic_bp": 90.0}, 2),
        ("", {"systolic_bp": 89.0}, 3),
        ("", {"heart_rate": 100.0}, 1),
        ("", {"heart_rate": 101.0}, 1),
        ("melaena", {}, 1),
        ("syncope", {}, 2),
        ("hx_liver_disease", {}, 2),
        ("hx_heart_failure", {}, 2),
        ("melaena syncope hx_liver_disease hx_heart_failure", {"systolic_bp": 80.0, "heart_rate": 120.0}, 11),
    ],
)  # fmt: skip
def test_blatchford(present: str, changed: dict[str, object], points: int) -> None:
    absent = without(BLEEDING_NO, *present.split())
    found = scored(50, f"haematemesis urea_under_6_5 {present}", absent, **{**STEADY, **changed})
    score = found["glasgow_blatchford"]
    assert outcome(score) == (points, EMERGENCY if points >= 2 else None)
    assert ("very low risk" in score.interpretation) is (points < 2)


@pytest.mark.parametrize(("urea", "points"), list(zip(UREA, (0, 2, 3, 4, 6), strict=True)))
def test_blatchford_counts_urea(urea: str, points: int) -> None:
    score = scored(50, f"haematemesis {urea}", BLEEDING_NO, **STEADY)["glasgow_blatchford"]
    assert score.value == points


@pytest.mark.parametrize(
    ("haemoglobin", "woman", "man"),
    [
        ("haemoglobin_under_10", 6, 6),
        ("haemoglobin_10_to_11_9", 1, 3),
        ("haemoglobin_12_to_12_9", 0, 1),
    ],
)
def test_blatchford_counts_haemoglobin_by_sex(haemoglobin: str, woman: int, man: int) -> None:
    present = f"haematemesis urea_under_6_5 {haemoglobin}"
    absent = without(BLEEDING_NO, "anaemia_known")
    for sex, points in ((Sex.FEMALE, woman), (Sex.MALE, man)):
        score = scored(50, present, absent, sex=sex, **STEADY)["glasgow_blatchford"]
        assert score.value == points
    unknown = scored(50, present, absent, **STEADY)["glasgow_blatchford"]
    if woman == man:
        assert unknown.value == 6
    else:
        assert unknown.missing == ("sex, for haemoglobin",)
        assert unknown.interpretation == f"at least {woman} from what is known"


def test_blatchford_names_what_is_missing() -> None:
    score = scored(50, "melaena")["glasgow_blatchford"]
    assert score.missing == (
        "urea", "haemoglobin", "systolic blood pressure", "heart rate of 100 or more", "syncope",
        "liver disease", "heart failure",
    )  # fmt: skip
    assert (score.interpretation, score.urgency) == ("at least 1 from what is known", None)
    raised = scored(50, "haematemesis urea_over_7", BLEEDING_NO, **STEADY)["glasgow_blatchford"]
    assert (raised.missing, raised.urgency) == (("urea",), EMERGENCY)
    assert raised.interpretation.startswith("at least 2 from what is known")
    denied = scored(50, "haematemesis", f"{BLEEDING_NO} urea_over_7", **STEADY)
    assert denied["glasgow_blatchford"].interpretation == "at least 0 from what is known"
    bound = scored(50, "haematemesis anaemia_known", **STEADY)["glasgow_blatchford"]
    assert "haemoglobin" in bound.missing


@pytest.mark.parametrize("bleeding", ["haematemesis", "coffee_ground_vomit", "melaena"])
def test_bleeding_raises_the_question(bleeding: str) -> None:
    assert "glasgow_blatchford" in scored(50, bleeding, "syncope")
    assert "glasgow_blatchford" not in scored(50, "bloody_stool", "syncope")


# --- Alvarado ---------------------------------------------------------------------------------

ALVARADO = {
    "abdominal_pain_migrating_rlq": 1, "anorexia": 1, "nausea": 1, "rlq_tenderness": 2,
    "rebound_tenderness": 1, "leucocytosis": 2, "neutrophil_left_shift": 1,
}  # fmt: skip


@pytest.mark.parametrize(("finding", "points"), list(ALVARADO.items()))
def test_each_criterion_of_alvarado(finding: str, points: int) -> None:
    present = f"right_lower_quadrant_pain {finding}"
    score = scored(30, present, without(" ".join(ALVARADO), finding), temperature=37.2)["alvarado"]
    assert outcome(score) == (points, None)
    assert "unlikely" in score.interpretation


@pytest.mark.parametrize(("celsius", "points"), [(37.2, 0), (37.3, 1), (37.4, 1)])
def test_alvarado_counts_the_temperature(celsius: float, points: int) -> None:
    found = scored(30, "right_lower_quadrant_pain", " ".join(ALVARADO), temperature=celsius)
    assert found["alvarado"].value == points


@pytest.mark.parametrize(
    ("number", "total", "urgency", "word"),
    [
        (3, 4, None, "unlikely"),
        (4, 5, URGENT, "possible"),
        (5, 6, URGENT, "possible"),
        (6, 7, EMERGENCY, "likely: surgical"),
        (8, 10, EMERGENCY, "likely: surgical"),
    ],
)
def test_bands_of_alvarado(number: int, total: int, urgency: Urgency | None, word: str) -> None:
    order = "anorexia nausea rlq_tenderness rebound_tenderness abdominal_pain_migrating_rlq neutrophil_left_shift leucocytosis fever"
    met = order.split()[:number]
    absent = without(" ".join(ALVARADO), *met)
    celsius = 38.0 if "fever" in met else 37.0
    score = scored(30, " ".join(["right_lower_quadrant_pain", *met]), absent, temperature=celsius)[
        "alvarado"
    ]
    assert outcome(score) == (total, urgency)
    assert word in score.interpretation


def test_what_stands_for_a_criterion_of_alvarado() -> None:
    def points(present: str, absent: str = "", **more: object) -> float | None:
        rest = without(" ".join(ALVARADO), *present.split(), *absent.split("-"))
        found = scored(30, f"right_lower_quadrant_pain {present}", rest, **more)  # type: ignore[arg-type]
        return found["alvarado"].value

    assert points("ketonuria", temperature=37.0) == 1
    assert points("ketonuria anorexia", temperature=37.0) == 1
    assert points("fever") == 1
    assert points("") is None
    shifted = (mention("leucocytosis", "white cells with left shift"),)
    assert points("leucocytosis", mentions=shifted, temperature=37.0) == 3
    plain = (mention("leucocytosis", "raised white cell count"),)
    assert points("leucocytosis", mentions=plain, temperature=37.0) == 2


def test_alvarado_names_what_is_missing() -> None:
    score = scored(30, "rlq_tenderness fever rebound_tenderness")["alvarado"]
    assert score.missing == (
        "pain moved to the right", "loss of appetite", "nausea", "white cells above 10", "left shift",
    )  # fmt: skip
    assert score.interpretation == "at least 4 from what is known"
    denied = scored(30, "rlq_tenderness", "fever")["alvarado"]
    assert "temperature" in denied.missing


def test_what_raises_the_question_of_appendicitis() -> None:
    assert "alvarado" in scored(30, "right_lower_quadrant_pain", "nausea")
    assert "alvarado" in scored(30, "rlq_tenderness", "nausea")
    assert "alvarado" not in scored(30, "abdominal_pain nausea")
    assert "alvarado" not in scored(30, "rlq_tenderness previous_appendicectomy")


# --- Ottawa -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("present", "points"),
    [
        ("", 0),
        ("ankle_bony_tenderness", 1),
        ("unable_to_bear_weight", 1),
        ("ankle_bony_tenderness unable_to_bear_weight", 2),
    ],
)
def test_ottawa_ankle(present: str, points: int) -> None:
    absent = without("ankle_bony_tenderness unable_to_bear_weight", *present.split())
    score = scored(30, f"ankle_inversion {present}", absent)["ottawa_ankle"]
    assert outcome(score) == (points, URGENT if points else None)
    assert ("no X-ray" in score.interpretation) is (points == 0)


@pytest.mark.parametrize(
    ("present", "raised"),
    [
        ("ankle_pain", False),
        ("trauma_recent", False),
        ("ankle_pain trauma_recent", True),
        ("ankle_pain sprain_feeling", True),
        ("foot_pain trauma_recent", True),
        ("ankle_bony_tenderness trauma_recent", True),
        ("ankle_inversion", True),
        ("ankle_swelling_injury", True),
    ],
)
def test_an_injured_ankle_raises_the_question(present: str, raised: bool) -> None:
    assert ("ottawa_ankle" in scored(30, present, "unable_to_bear_weight")) is raised


def test_ottawa_names_what_is_missing() -> None:
    ankle = scored(30, "ankle_inversion unable_to_bear_weight")["ottawa_ankle"]
    assert ankle.interpretation.startswith("at least 1 from what is known: X-ray")
    assert "malleolus" in ankle.missing[0]
    knee = scored(30, "knee_pain trauma_recent")["ottawa_knee"]
    assert len(knee.missing) == 4
    assert knee.interpretation == "at least 0 from what is known"


KNEE_NO = "patella_tenderness_isolated fibular_head_tenderness knee_flexion_under_90 unable_to_bear_weight"


@pytest.mark.parametrize(
    ("age", "present", "points"),
    [
        (54.9, "", 0),
        (55, "", 1),
        (56, "", 1),
        *((30, finding, 1) for finding in KNEE_NO.split()),
        (60, KNEE_NO, 5),
    ],
)
def test_ottawa_knee(age: float, present: str, points: int) -> None:
    absent = without(KNEE_NO, *present.split())
    score = scored(age, f"knee_pain trauma_recent {present}", absent)["ottawa_knee"]
    assert outcome(score) == (points, URGENT if points else None)
    assert ("no X-ray" in score.interpretation) is (points == 0)


@pytest.mark.parametrize(
    ("present", "raised"),
    [
        ("knee_pain", False),
        ("trauma_recent", False),
        ("knee_pain trauma_recent", True),
        ("knee_swelling sprain_feeling", True),
        ("patella_tenderness_isolated trauma_recent", True),
    ],
)
def test_an_injured_knee_raises_the_question(present: str, raised: bool) -> None:
    assert ("ottawa_knee" in scored(30, present, "unable_to_bear_weight")) is raised


# --- PHQ-9 and GAD-7 --------------------------------------------------------------------------

PHQ9 = [
    "phq9_interest", "phq9_mood", "phq9_sleep", "phq9_energy", "phq9_appetite", "phq9_worth",
    "phq9_concentration", "phq9_movement", "phq9_self_harm",
]  # fmt: skip
GAD7 = [
    "gad7_nervous", "gad7_control", "gad7_worry", "gad7_relax", "gad7_restless", "gad7_irritable",
    "gad7_afraid",
]  # fmt: skip
GRADES = (None, "mild", "moderate", "severe")


def answered(questions: list[str], total: int):  # type: ignore[no-untyped-def]
    """Scores of answers that add up to a total, the first questions answered highest."""
    mentions, denied = [], []
    for question in questions:
        points = min(3, total)
        total -= points
        if points:
            mentions.append(mention(question, severity=GRADES[points], stated=True))  # type: ignore[arg-type]
        else:
            denied.append(question)
    return scored(30, "", " ".join(denied), mentions=tuple(mentions))


@pytest.mark.parametrize(
    ("total", "word"),
    [
        (0, "minimal"), (4, "minimal"), (5, "mild"), (6, "mild"), (9, "mild"), (10, "moderate"),
        (14, "moderate"), (15, "moderately severe"), (19, "moderately severe"), (20, "severe"),
        (24, "severe"), (27, "severe"),
    ],
)  # fmt: skip
def test_phq9(total: int, word: str) -> None:
    score = answered(PHQ9, total)["phq9"]
    assert outcome(score) == (total, None)
    assert score.interpretation.startswith(f"{total}: {word} symptoms")
    assert ("suicide" in score.interpretation) is (total > 24)


@pytest.mark.parametrize(
    ("total", "word"),
    [
        (0, "minimal"), (4, "minimal"), (5, "mild"), (9, "mild"), (10, "moderate"),
        (14, "moderate"), (15, "severe"), (16, "severe"), (21, "severe"),
    ],
)  # fmt: skip
def test_gad7(total: int, word: str) -> None:
    score = answered(GAD7, total)["gad7"]
    assert outcome(score) == (total, None)
    assert score.interpretation.startswith(f"{total}: {word} symptoms")


@pytest.mark.parametrize(("key", "questions"), [("phq9", PHQ9), ("gad7", GAD7)])
def test_every_answer_counts(key: str, questions: list[str]) -> None:
    for question in questions:
        rest = without(" ".join(questions), question)
        told = (mention(question, severity="moderate"),)
        assert scored(30, "", rest, mentions=told)[key].value == 2
        ungraded = scored(30, question, rest)[key]
        assert len(ungraded.missing) == 1
        assert ungraded.interpretation.startswith("at least 1 from what is known")


def test_the_worst_answer_to_a_question_counts() -> None:
    told = (mention("phq9_mood", severity="mild"), mention("phq9_mood", severity="severe"))
    score = scored(30, "", without(" ".join(PHQ9), "phq9_mood"), mentions=told)["phq9"]
    assert score.value == 3


def test_thoughts_of_self_harm_are_never_passed_over() -> None:
    score = scored(30, "", mentions=(mention("phq9_self_harm", severity="mild"),))["phq9"]
    assert score.interpretation == (
        "at least 1 from what is known; thoughts of death or self-harm: assess the risk of suicide"
    )
    assert len(score.missing) == 8


@pytest.mark.parametrize(
    ("key", "complaint", "core", "rest"),
    [
        ("phq9", "low_mood", "little interest or pleasure", "seven more answers"),
        ("phq9", "anhedonia", "little interest or pleasure", "seven more answers"),
        ("phq9", "hopelessness", "little interest or pleasure", "seven more answers"),
        ("gad7", "anxiety", "nervous, anxious or on edge", "five more answers"),
        ("gad7", "panic_attacks", "nervous, anxious or on edge", "five more answers"),
    ],
)
def test_a_complaint_is_no_answer(key: str, complaint: str, core: str, rest: str) -> None:
    score = scored(30, complaint)[key]
    assert (score.value, score.urgency) == (None, None)
    assert score.interpretation.startswith("not calculated")
    assert (score.missing[0], score.missing[-1], len(score.missing)) == (core, rest, 3)
    assert scored(11.9 if key == "phq9" else 17.9, complaint)[key].not_applicable
    assert key not in scored(30, "headache")


def test_what_a_note_denies_answers_no_question() -> None:
    kinds = {"phq9_mood": frozenset({"low_mood"}), "phq9_interest": frozenset({"anhedonia"})}
    assert "phq9" not in scored(30, "", "low_mood anhedonia", ancestors=kinds)
    score = scored(30, "anhedonia", "low_mood", ancestors=kinds)["phq9"]
    assert score.missing[1] == "feeling down, depressed or hopeless"
