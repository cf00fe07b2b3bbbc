"""qSOFA, CRB-65, CURB-65, Centor, McIsaac, FeverPAIN."""

import pytest

from agents.tests.scoring import mention, outcome, scored, without
from agents.types import Setting, Urgency

# --- sepsis and pneumonia ---------------------------------------------------------------------

WELL = {
    "respiratory_rate": 21.0, "systolic_bp": 101.0, "diastolic_bp": 61.0, "consciousness": "alert",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "value", "urgency"),
    [
        ({}, 0, None),
        ({"respiratory_rate": 22.0}, 1, None),
        ({"respiratory_rate": 23.0}, 1, None),
        ({"systolic_bp": 100.0}, 1, None),
        ({"systolic_bp": 99.0}, 1, None),
        ({"consciousness": "confusion"}, 1, None),
        ({"respiratory_rate": 22.0, "systolic_bp": 100.0}, 2, Urgency.EMERGENCY),
        ({"respiratory_rate": 22.0, "systolic_bp": 100.0, "consciousness": "voice"}, 3, Urgency.EMERGENCY),
    ],
)  # fmt: skip
def test_qsofa(changed: dict[str, object], value: int, urgency: Urgency | None) -> None:
    assert outcome(scored(50, "fever", **{**WELL, **changed})["qsofa"]) == (value, urgency)


@pytest.mark.parametrize("sign", ["fever", "rigors", "chills", "recent_infection", "hypothermia"])
def test_a_sign_of_infection_raises_the_question(sign: str) -> None:
    assert "qsofa" in scored(50, sign, **WELL)
    assert "crb65" in scored(50, f"cough {sign}", **WELL)


def test_without_infection_there_is_no_question() -> None:
    assert "qsofa" not in scored(**WELL)
    assert {"crb65", "curb65"}.isdisjoint(scored(50, "fever", setting=Setting.EMERGENCY, **WELL))
    assert {"crb65", "curb65"}.isdisjoint(scored(50, "cough", setting=Setting.EMERGENCY, **WELL))
    assert "crb65" in scored(50, "cxr_consolidation", **WELL)


def test_qsofa_names_what_is_missing() -> None:
    score = scored(50, "fever", systolic_bp=90.0, respiratory_rate=30.0)["qsofa"]
    assert (score.value, score.missing, score.urgency) == (
        None,
        ("consciousness",),
        Urgency.EMERGENCY,
    )
    assert "assess for sepsis" in score.interpretation
    one = scored(50, "fever", systolic_bp=90.0)["qsofa"]
    assert one.missing == ("respiratory rate", "consciousness")
    assert one.interpretation == "at least 1 from what is known"


FIT = {**WELL, "respiratory_rate": 29.0, "systolic_bp": 90.0}


@pytest.mark.parametrize(
    ("age", "changed", "points"),
    [
        (64.9, {}, 0),
        (65, {}, 1),
        (66, {}, 1),
        (64, {"respiratory_rate": 30.0}, 1),
        (64, {"respiratory_rate": 31.0}, 1),
        (64, {"systolic_bp": 89.0}, 1),
        (64, {"systolic_bp": 91.0}, 0),
        (64, {"diastolic_bp": 60.0}, 1),
        (64, {"diastolic_bp": 59.0}, 1),
        (64, {"diastolic_bp": 62.0}, 0),
        (64, {"systolic_bp": 89.0, "diastolic_bp": 50.0}, 1),
        (64, {"consciousness": "confusion"}, 1),
        (65, {"respiratory_rate": 30.0}, 2),
        (65, {"respiratory_rate": 30.0, "systolic_bp": 80.0}, 3),
        (65, {"respiratory_rate": 30.0, "systolic_bp": 80.0, "consciousness": "voice"}, 4),
    ],
)
def test_crb65_and_curb65(age: float, changed: dict[str, object], points: int) -> None:
    grades = {0: None, 1: Urgency.URGENT, 2: Urgency.URGENT}
    for urea, extra in (("urea_over_7", 1), ("urea_under_6_5", 0)):
        found = scored(age, f"cough fever {urea}", **{**FIT, **changed})
        assert outcome(found["crb65"]) == (points, grades.get(points, Urgency.EMERGENCY))
        total = points + extra
        expected = None if total < 2 else Urgency.URGENT if total == 2 else Urgency.EMERGENCY
        assert outcome(found["curb65"]) == (total, expected)


def test_a_pressure_known_in_part_is_missing_unless_it_is_low() -> None:
    for part in ({"systolic_bp": 120.0}, {"diastolic_bp": 80.0, "respiratory_rate": 15.0}):
        assert "blood pressure" in scored(50, "cough fever", **part)["crb65"].missing
    for part in ({"systolic_bp": 80.0}, {"diastolic_bp": 50.0, "respiratory_rate": 15.0}):
        assert "blood pressure" not in scored(50, "cough fever", **part)["crb65"].missing


def test_crb65_needs_a_measurement() -> None:
    assert "crb65" not in scored(70, "cough fever confusion", diastolic_bp=50.0)
    assert "crb65" in scored(70, "cough fever", respiratory_rate=20.0)
    assert "crb65" in scored(70, "cough fever", systolic_bp=120.0)


def test_curb65_is_for_where_urea_can_be_had() -> None:
    assert "curb65" not in scored(70, "cough fever", **FIT)
    in_hospital = scored(70, "cough fever", setting=Setting.EMERGENCY, **FIT)["curb65"]
    assert in_hospital.missing == ("urea",)
    assert "curb65" in scored(70, "cough fever urea_over_7", respiratory_rate=20.0)
    assert "curb65" in scored(70, "cough fever urea_over_7")
    assert "curb65" not in scored(70, "cough fever", setting=Setting.EMERGENCY)
    denied = scored(60, "cough fever", "urea_over_7", **FIT)["curb65"]
    assert outcome(denied) == (0, None)


# --- sore throat ------------------------------------------------------------------------------

THROAT = "tonsillar_exudate anterior_cervical_nodes_tender fever tonsils_severely_inflamed"
CLEAR = f"{THROAT} cough rhinorrhoea tonsils_swollen"
EARLY = (mention("sore_throat", "sore throat", hours=72),)
LATE = (mention("sore_throat", "sore throat", hours=72.1),)


@pytest.mark.parametrize(
    ("finding", "centor", "mcisaac", "feverpain"),
    [
        ("", 0, 0, 0),
        ("tonsillar_exudate", 1, 1, 1),
        ("anterior_cervical_nodes_tender", 1, 1, 0),
        ("fever", 1, 1, 1),
        ("tonsils_severely_inflamed", 0, 0, 1),
        ("tonsils_swollen", 0, 1, 0),
        ("no cough", 1, 1, 0),
        ("no cough rhinorrhoea", 1, 1, 1),
    ],
)
def test_each_criterion_of_a_sore_throat(
    finding: str, centor: int, mcisaac: int, feverpain: int
) -> None:
    """From a throat where every criterion fails, one is met."""
    free = finding.removeprefix("no ").split() if finding.startswith("no ") else []
    met = [] if free else finding.split()
    present = " ".join({*met, "cough", "rhinorrhoea"} - set(free))
    absent = without(f"{CLEAR} cough rhinorrhoea", *present.split())
    found = scored(20, present, absent, mentions=LATE)
    assert outcome(found["centor"]) == (centor, None)
    assert outcome(found["mcisaac"]) == (mcisaac, None)
    assert outcome(found["feverpain"]) == (feverpain, None)


@pytest.mark.parametrize(
    ("number", "centor", "feverpain", "mcisaac"),
    [
        (0, "unlikely", "streptococci unlikely", "no test"),
        (1, "unlikely", "streptococci unlikely", "no test"),
        (2, "unlikely", "no antibiotic or", "test for"),
        (3, "more likely", "no antibiotic or", "test for"),
        (4, "more likely", "streptococci likely", "streptococci likely"),
        (5, "", "streptococci likely", "streptococci likely"),
    ],
)
def test_bands_of_a_sore_throat(number: int, centor: str, feverpain: str, mcisaac: str) -> None:
    for key, order, word, age in (
        ("centor", "tonsillar_exudate fever anterior_cervical_nodes_tender cough", centor, 20),
        (
            "feverpain",
            "tonsillar_exudate fever tonsils_severely_inflamed cough early",
            feverpain,
            20,
        ),
        (
            "mcisaac",
            "child tonsillar_exudate fever anterior_cervical_nodes_tender cough",
            mcisaac,
            20,
        ),
    ):
        met = order.split()[:number]
        present = " ".join(c for c in met if c in THROAT.split())
        cold = [] if "cough" in met else ["cough"]
        score = scored(
            10 if "child" in met else age,
            " ".join([present, *cold]),
            without(f"{CLEAR} cough", *present.split(), *cold),
            mentions=EARLY if "early" in met else LATE,
        )[key]
        if word:
            assert score.value == number
            assert word in score.interpretation


@pytest.mark.parametrize(
    ("age", "points"), [(3, 1), (14.9, 1), (15, 0), (16, 0), (44.9, 0), (45, -1), (46, -1)]
)
def test_mcisaac_counts_the_age(age: float, points: int) -> None:
    score = scored(age, "sore_throat cough", CLEAR)["mcisaac"]
    assert outcome(score) == (points, None)
    assert "no test" in score.interpretation


@pytest.mark.parametrize(
    ("mentions", "early"),
    [
        (EARLY, 1),
        (LATE, 0),
        ((*EARLY, *LATE), 0),
        ((mention("sore_throat", hours=71),), 1),
        ((mention("sore_throat", stated=True, hours=73),), 0),
    ],
)
def test_seen_within_three_days(mentions: tuple, early: int) -> None:  # type: ignore[type-arg]
    score = scored(20, "cough", CLEAR, mentions=mentions)["feverpain"]
    assert outcome(score) == (early, None)


def test_what_is_missing_of_a_sore_throat() -> None:
    found = scored(None, "sore_throat fever")
    assert found["centor"].not_applicable
    found = scored(20, "sore_throat fever")
    assert found["centor"].missing == (
        "tonsillar exudate", "tender glands at the front of the neck", "absence of cough",
    )  # fmt: skip
    assert found["mcisaac"].missing[0] == "tonsillar swelling or exudate"
    assert found["feverpain"].missing == (
        "pus on the tonsils", "seen within 3 days", "severely inflamed tonsils", "no cough or coryza",
    )  # fmt: skip


@pytest.mark.parametrize("complaint", ["sore_throat", "tonsils_swollen", "tonsillar_exudate"])
def test_a_throat_raises_the_question(complaint: str) -> None:
    assert {"centor", "mcisaac", "feverpain"} <= set(scored(20, complaint, "cough rhinorrhoea"))
    assert {"centor", "mcisaac", "feverpain"}.isdisjoint(scored(20, "fever cough"))


@pytest.mark.parametrize(
    ("celsius", "stated", "fever"),
    [
        (38.0, "", None),
        (38.1, "", 1),
        (38.0, "fever", 1),
        (37.0, "no", 0),
        (39.0, "no", 1),
        (None, "", None),
    ],
)
def test_fever_is_measured_or_stated(celsius: float | None, stated: str, fever: int | None) -> None:
    present = "sore_throat cough fever" if stated == "fever" else "sore_throat cough"
    absent = without(CLEAR, "fever") + (" fever" if stated == "no" else "")
    score = scored(20, present, absent, temperature=celsius)["centor"]
    assert score.value == fever


@pytest.mark.parametrize(
    ("present", "absent", "words", "tender"),
    [
        ("anterior_cervical_nodes_tender", "", "", 1),
        ("", "anterior_cervical_nodes_tender", "", 0),
        ("lymphadenopathy_cervical lymphadenopathy_tender", "", "", 1),
        ("lymphadenopathy_cervical", "lymphadenopathy_tender", "", 0),
        ("lymphadenopathy_tender", "lymphadenopathy_cervical", "", 0),
        ("lymphadenopathy_cervical", "", "", None),
        ("", "", "tender cervical lymph nodes", 1),
        ("", "", "painful neck glands", 1),
        ("", "", "sore neck glands", 1),
        ("", "", "cervical lymphadenopathy", None),
    ],
)
def test_tender_glands(present: str, absent: str, words: str, tender: int | None) -> None:
    said = (mention("lymphadenopathy_cervical", words),) if words else ()
    rest = without(CLEAR, "anterior_cervical_nodes_tender")
    score = scored(20, f"cough sore_throat {present}", f"{rest} {absent}", mentions=said)["centor"]
    assert score.value == tender


@pytest.mark.parametrize(
    ("present", "absent", "free"),
    [
        ("", "cough rhinorrhoea", 1),
        ("cough", "rhinorrhoea", 0),
        ("rhinorrhoea", "cough", 0),
        ("nasal_congestion", "cough rhinorrhoea", 0),
        ("", "cough", None),
        ("", "rhinorrhoea", None),
    ],
)
def test_cough_and_coryza(present: str, absent: str, free: int | None) -> None:
    rest = without(CLEAR, "cough", "rhinorrhoea")
    score = scored(20, present, f"{rest} {absent}", mentions=LATE)["feverpain"]
    assert score.value == free
