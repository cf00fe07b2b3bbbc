"""Wells PE and DVT, PERC, HEART, ABCD2."""

import pytest

from agents.tests.scoring import mention, outcome, scored, without
from agents.types import FindingMention, Urgency

EMERGENCY, URGENT = Urgency.EMERGENCY, Urgency.URGENT

# --- pulmonary embolism -----------------------------------------------------------------------

PE_NO = (
    "unilateral_leg_swelling deep_vein_tenderness pe_most_likely_diagnosis immobilisation"
    " recent_surgery hx_dvt_pe haemoptysis cancer_active"
)
TENDER_LEG = "unilateral_leg_swelling deep_vein_tenderness"


@pytest.mark.parametrize(
    ("present", "pulse", "points"),
    [
        ("", 100, 0),
        ("", 99, 0),
        ("", 101, 1.5),
        (TENDER_LEG, 90, 3),
        ("pe_most_likely_diagnosis", 90, 3),
        ("immobilisation", 90, 1.5),
        ("recent_surgery", 90, 1.5),
        ("immobilisation recent_surgery leg_immobilised", 90, 1.5),
        ("leg_immobilised", 90, 1.5),
        ("hx_dvt_pe", 90, 1.5),
        ("haemoptysis", 90, 1),
        ("cancer_active", 90, 1),
        ("hx_dvt_pe haemoptysis cancer_active", 90, 3.5),
        ("pe_most_likely_diagnosis haemoptysis", 90, 4),
        ("pe_most_likely_diagnosis hx_dvt_pe", 90, 4.5),
        (f"{TENDER_LEG} pe_most_likely_diagnosis", 90, 6),
        (
            f"{TENDER_LEG} pe_most_likely_diagnosis recent_surgery hx_dvt_pe haemoptysis cancer_active",
            101,
            12.5,
        ),
    ],
)
def test_wells_pe(present: str, pulse: int, points: float) -> None:
    absent = without(PE_NO, *present.split())
    score = scored(50, f"chest_pain {present}", absent, heart_rate=float(pulse))["wells_pe"]
    assert outcome(score) == (points, EMERGENCY if points > 4 else None)
    assert ("unlikely" in score.interpretation) is (points <= 4)


@pytest.mark.parametrize("complaint", ["chest_pain", "dyspnoea", "haemoptysis", "syncope"])
def test_what_raises_the_question_of_embolism(complaint: str) -> None:
    assert {"wells_pe", "perc"} <= set(scored(30, complaint, "hx_dvt_pe"))
    assert {"wells_pe", "perc"}.isdisjoint(scored(30, "cough", "hx_dvt_pe"))


def test_wells_pe_is_a_lower_bound_while_the_judgement_is_missing() -> None:
    score = scored(50, "dyspnoea hx_dvt_pe haemoptysis recent_surgery", heart_rate=120.0)[
        "wells_pe"
    ]
    assert (score.value, score.urgency) == (None, EMERGENCY)
    assert score.interpretation.startswith(
        "at least 5.5 from what is known: pulmonary embolism likely"
    )
    assert score.missing == (
        "signs of deep vein thrombosis",
        "no diagnosis as likely",
        "active cancer",
    )


@pytest.mark.parametrize(
    ("present", "absent", "words", "signs"),
    [
        ("unilateral_leg_swelling deep_vein_tenderness", "", "", 3),
        ("unilateral_leg_swelling", "deep_vein_tenderness", "", 0),
        ("", "unilateral_leg_swelling", "", 0),
        ("unilateral_leg_swelling", "", "", None),
        ("deep_vein_tenderness", "", "", None),
        ("unilateral_leg_swelling", "", "calf tenderness", 3),
        ("unilateral_leg_swelling", "", "Homans sign", 3),
        ("unilateral_leg_swelling", "", "calf pain", None),
    ],
)
def test_signs_of_thrombosis_are_swelling_and_tenderness(
    present: str, absent: str, words: str, signs: int | None
) -> None:
    said = (mention("calf_pain", words),) if words else ()
    rest = without(PE_NO, "unilateral_leg_swelling", "deep_vein_tenderness")
    found = scored(50, f"dyspnoea {present}", f"{rest} {absent}", mentions=said, heart_rate=80.0)
    assert found["wells_pe"].value == signs


@pytest.mark.parametrize(
    ("present", "absent", "active"),
    [
        ("cancer_active cancer_known", "", 1),
        ("cancer_known drug_chemotherapy", "", 1),
        ("cancer_known chemotherapy_recent", "", 1),
        ("cancer_known", "", None),
        ("drug_chemotherapy", "", None),
        ("", "cancer_known", 0),
    ],
)
def test_a_cancer_counts_while_it_is_treated(present: str, absent: str, active: int | None) -> None:
    kinds = {"cancer_active": frozenset({"cancer_known"})}
    rest = without(PE_NO, "cancer_active")
    found = scored(50, f"dyspnoea {present}", f"{rest} {absent}", ancestors=kinds, heart_rate=80.0)
    assert found["wells_pe"].value == active


@pytest.mark.parametrize("key", ["wells_pe", "wells_dvt", "perc"])
def test_clot_scores_refuse_the_time_after_birth(key: str) -> None:
    known = "dyspnoea calf_pain unilateral_leg_swelling hx_dvt_pe"
    assert (
        scored(30, f"{known} postpartum")[key].not_applicable == "Not validated soon after birth."
    )
    assert not scored(30, known)[key].not_applicable
    assert "below 18" in scored(17, f"{known} postpartum")[key].not_applicable


# --- PERC -------------------------------------------------------------------------------------

PERC_NO = (
    "unilateral_leg_swelling haemoptysis recent_surgery trauma_recent hx_dvt_pe"
    " drug_oral_contraceptive drug_hrt"
)
PERC_FINE = {"heart_rate": 99.0, "spo2": 95.0}


@pytest.mark.parametrize(
    ("present", "changed", "failed"),
    [
        ("", {}, 0),
        ("", {"heart_rate": 98.0, "spo2": 96.0}, 0),
        ("", {"heart_rate": 100.0}, 1),
        ("", {"heart_rate": 101.0}, 1),
        ("", {"spo2": 94.0}, 1),
        ("", {"spo2": 94.0, "on_oxygen": True}, 1),
        ("unilateral_leg_swelling", {}, 1),
        ("haemoptysis", {}, 1),
        ("recent_surgery", {}, 1),
        ("trauma_recent recent_hospital_stay", {}, 1),
        ("hx_dvt_pe", {}, 1),
        ("drug_oral_contraceptive", {}, 1),
        ("drug_hrt", {}, 1),
        ("haemoptysis hx_dvt_pe", {}, 2),
        ("unilateral_leg_swelling haemoptysis recent_surgery hx_dvt_pe drug_hrt", {"heart_rate": 120.0, "spo2": 90.0}, 7),
    ],
)  # fmt: skip
def test_perc(present: str, changed: dict[str, object], failed: int) -> None:
    absent = without(PERC_NO, *present.split())
    score = scored(49.9, f"chest_pain {present}", absent, **{**PERC_FINE, **changed})["perc"]
    assert outcome(score) == (failed, None)
    assert ("does not rule" in score.interpretation) is (failed > 0)


@pytest.mark.parametrize("age", [50, 51])
def test_perc_is_for_people_under_50(age: float) -> None:
    score = scored(age, "chest_pain", PERC_NO, **PERC_FINE)["perc"]
    assert score.not_applicable == "Cannot rule pulmonary embolism out from 50 years."
    assert "age" in scored(None, "chest_pain", PERC_NO, **PERC_FINE)["perc"].not_applicable


def test_perc_needs_every_criterion() -> None:
    score = scored(30, "chest_pain", without(PERC_NO, "drug_hrt", "hx_dvt_pe"), **PERC_FINE)["perc"]
    assert (score.value, score.missing) == (None, ("previous clot", "oestrogen"))
    assert score.interpretation == "at least 0 from what is known"
    on_oxygen = scored(30, "chest_pain", PERC_NO, **PERC_FINE, on_oxygen=True)["perc"]
    assert on_oxygen.missing == ("SpO2 below 95 % on air",)
    injured = scored(30, "chest_pain trauma_recent", without(PERC_NO, "trauma_recent"), **PERC_FINE)
    assert injured["perc"].missing == ("surgery, or injury with hospital stay, in 4 weeks",)
    nothing = scored(30, "chest_pain haemoptysis")["perc"]
    assert len(nothing.missing) == 6
    assert nothing.interpretation.startswith("at least 1 from what is known: does not rule")


# --- deep vein thrombosis ---------------------------------------------------------------------

DVT_NO = (
    "cancer_active leg_immobilised leg_weakness immobilisation recent_surgery deep_vein_tenderness"
    " entire_leg_swollen calf_swelling_3cm pitting_oedema_one_leg collateral_superficial_veins"
    " hx_dvt_pe dvt_alternative_diagnosis"
)


@pytest.mark.parametrize(
    ("present", "points"),
    [
        ("", 0),
        ("cancer_active", 1),
        ("leg_weakness", 1),
        ("unilateral_weakness", 1),
        ("immobilisation", 1),
        ("recent_surgery", 1),
        ("leg_immobilised", 2),
        ("deep_vein_tenderness", 1),
        ("entire_leg_swollen", 1),
        ("calf_swelling_3cm", 1),
        ("pitting_oedema_one_leg", 1),
        ("collateral_superficial_veins", 1),
        ("hx_dvt_pe", 1),
        ("dvt_alternative_diagnosis", -2),
        ("cancer_active entire_leg_swollen dvt_alternative_diagnosis", 0),
        ("cancer_active entire_leg_swollen calf_swelling_3cm dvt_alternative_diagnosis", 1),
        (
            "cancer_active entire_leg_swollen calf_swelling_3cm hx_dvt_pe dvt_alternative_diagnosis",
            2,
        ),
        ("hx_dvt_pe entire_leg_swollen", 2),
        ("hx_dvt_pe entire_leg_swollen recent_surgery", 3),
    ],
)
def test_wells_dvt(present: str, points: int) -> None:
    absent = without(DVT_NO, *present.split())
    score = scored(50, f"unilateral_leg_swelling {present}", absent)["wells_dvt"]
    assert outcome(score) == (points, URGENT if points >= 2 else None)
    assert ("unlikely" in score.interpretation) is (points < 2)


@pytest.mark.parametrize(
    "complaint", ["unilateral_leg_swelling", "calf_pain", "leg_warmth_redness"]
)
def test_what_raises_the_question_of_thrombosis(complaint: str) -> None:
    assert "wells_dvt" in scored(50, complaint, "hx_dvt_pe")
    assert "wells_dvt" not in scored(50, "oedema_leg", "hx_dvt_pe")


def test_an_alternative_diagnosis_that_nobody_judged_lowers_the_bound() -> None:
    present = "unilateral_leg_swelling cancer_active hx_dvt_pe entire_leg_swollen"
    absent = without(DVT_NO, *present.split(), "dvt_alternative_diagnosis")
    score = scored(50, present, absent)["wells_dvt"]
    assert score.missing == ("another diagnosis as likely",)
    assert (score.interpretation, score.urgency) == ("at least 1 from what is known", None)
    more = scored(50, f"{present} recent_surgery", without(absent, "recent_surgery"))["wells_dvt"]
    assert more.urgency is URGENT
    assert more.interpretation.startswith(
        "at least 2 from what is known: deep vein thrombosis likely"
    )


def test_what_is_missing_of_a_swollen_leg() -> None:
    score = scored(50, "unilateral_leg_swelling", "hx_dvt_pe leg_immobilised")["wells_dvt"]
    assert len(score.missing) == 9
    assert "paralysis or plaster of the leg" in score.missing
    assert "bedridden 3 days or major surgery in 12 weeks" in score.missing


# --- HEART ------------------------------------------------------------------------------------

RISKS = "hypertension hyperlipidaemia diabetes_mellitus_known obesity smoking fh_heart_disease"
VESSELS = (
    "hx_ischaemic_heart_disease recent_myocardial_infarction hx_stroke hx_tia"
    " hx_peripheral_arterial_disease"
)
CALM = "heart_history_slightly_suspicious ecg_normal"
HEART_NO = f"{RISKS} {VESSELS} raised_troponin"


def heart(age: float = 44, instead: str = "", add: str = "") -> tuple[float | None, Urgency | None]:
    """A patient without points, with parts of the picture exchanged or added."""
    picture = instead or CALM
    return outcome(
        scored(age, f"chest_pain {picture} {add}", without(HEART_NO, *add.split()))["heart"]
    )


@pytest.mark.parametrize(
    ("age", "points"), [(44, 0), (44.9, 0), (45, 1), (46, 1), (64.9, 1), (65, 2), (66, 2)]
)
def test_heart_counts_the_age(age: float, points: int) -> None:
    assert heart(age) == (points, None)


@pytest.mark.parametrize(
    ("instead", "points"),
    [
        ("heart_history_slightly_suspicious ecg_normal", 0),
        ("heart_history_moderately_suspicious ecg_normal", 1),
        ("heart_history_highly_suspicious ecg_normal", 2),
        ("heart_history_slightly_suspicious ecg_nonspecific_changes", 1),
        ("heart_history_slightly_suspicious ecg_lbbb", 1),
        ("heart_history_slightly_suspicious ecg_lvh", 1),
        ("heart_history_slightly_suspicious ecg_st_elevation", 2),
        ("heart_history_slightly_suspicious ecg_st_depression_significant ecg_st_depression", 2),
        ("heart_history_slightly_suspicious ecg_st_elevation ecg_lbbb", 2),
    ],
)
def test_heart_counts_history_and_ecg(instead: str, points: int) -> None:
    assert heart(instead=instead) == (points, None)


@pytest.mark.parametrize("factor", RISKS.split())
def test_heart_counts_each_risk_factor(factor: str) -> None:
    assert heart(add=factor) == (1, None)


@pytest.mark.parametrize("disease", VESSELS.split())
def test_heart_counts_each_disease_of_the_vessels(disease: str) -> None:
    assert heart(add=disease) == (2, None)


def test_heart_counts_three_risk_factors_as_a_disease() -> None:
    assert heart(add="hypertension smoking") == (1, None)
    assert heart(add="hypertension smoking obesity") == (2, None)
    assert heart(add=RISKS) == (2, None)
    assert heart(add="hypertension hx_stroke") == (2, None)


def test_heart_counts_troponin() -> None:
    assert heart(add="raised_troponin troponin_up_to_three_times") == (1, None)
    assert heart(add="raised_troponin troponin_over_three_times") == (2, None)


@pytest.mark.parametrize(
    ("age", "add", "points", "urgency", "word"),
    [
        (65, "smoking", 3, None, "low"),
        (65, "hx_stroke", 4, URGENT, "moderate"),
        (65, "hx_stroke troponin_up_to_three_times", 5, URGENT, "moderate"),
        (65, "hx_stroke troponin_over_three_times", 6, URGENT, "moderate"),
    ],
)
def test_bands_of_heart(
    age: float, add: str, points: int, urgency: Urgency | None, word: str
) -> None:
    assert heart(age, add=add) == (points, urgency)
    score = scored(age, f"chest_pain {CALM} {add}", without(HEART_NO, *add.split()))["heart"]
    assert f"{word} risk" in score.interpretation


def test_a_high_heart_score() -> None:
    six = "heart_history_slightly_suspicious ecg_nonspecific_changes"
    assert heart(65, six, "hx_stroke troponin_over_three_times") == (7, EMERGENCY)
    ten = "heart_history_highly_suspicious ecg_st_elevation"
    assert heart(65, ten, "hx_stroke troponin_over_three_times") == (10, EMERGENCY)


@pytest.mark.parametrize(
    ("present", "absent", "least", "known"),
    [
        ("", f"{RISKS} {VESSELS}", 0, True),
        ("hypertension smoking obesity", "", 2, True),
        ("hx_stroke", "", 2, True),
        ("", RISKS, 0, False),
        ("", VESSELS, 0, False),
        ("smoking", VESSELS, 1, False),
        ("smoking", f"{VESSELS} hypertension hyperlipidaemia diabetes_mellitus_known", 1, False),
        (
            "smoking",
            f"{VESSELS} hypertension hyperlipidaemia diabetes_mellitus_known obesity",
            1,
            True,
        ),
        (
            "",
            f"{VESSELS} hypertension hyperlipidaemia diabetes_mellitus_known obesity smoking",
            0,
            False,
        ),
    ],
)
def test_risk_factors_are_known_when_no_answer_could_change_them(
    present: str, absent: str, least: int, known: bool
) -> None:
    score = scored(30, f"chest_pain {CALM} {present}", f"{absent} raised_troponin")["heart"]
    assert (score.value, score.missing == ()) == (least if known else None, known)
    if not known:
        assert score.interpretation == f"at least {least} from what is known"
        assert score.missing == ("risk factors and known atherosclerosis",)


@pytest.mark.parametrize(
    ("picture", "missing"),
    [
        (
            "heart_history_slightly_suspicious ecg_st_depression",
            "ECG (is the ST depression 1 mm or more)",
        ),
        (f"{CALM} raised_troponin", "troponin (is it above three times the limit)"),
    ],
)
def test_a_result_without_its_degree_counts_one(picture: str, missing: str) -> None:
    score = scored(30, f"chest_pain {picture}", without(HEART_NO, *picture.split()))["heart"]
    assert score.missing == (missing,)
    assert score.interpretation == "at least 1 from what is known"


def test_heart_names_what_is_missing() -> None:
    score = scored(70, "chest_pain hx_stroke")["heart"]
    assert score.missing == ("suspicion by the history", "ECG", "troponin")
    assert score.interpretation.startswith("at least 4 from what is known: moderate risk")
    assert "heart" not in scored(70, "dyspnoea hx_stroke")


# --- ABCD2 ------------------------------------------------------------------------------------

TIA = "neuro_transient numbness_unilateral"
TIA_NO = (
    "unilateral_weakness facial_weakness arm_weakness dysarthria aphasia diabetes_mellitus_known"
)
NORMAL = {"systolic_bp": 139.0, "diastolic_bp": 89.0}


def abcd2(
    age: float = 59.9,
    present: str = "deficit_under_10_minutes",
    mentions: tuple[FindingMention, ...] = (),
    **changed: float,
) -> tuple[float | None, Urgency | None]:
    vitals: dict[str, object] = {**NORMAL, **changed}
    absent = without(TIA_NO, *present.split())
    found = scored(age, f"{TIA} {present}", absent, mentions=mentions, **vitals)
    return outcome(found["abcd2"])


@pytest.mark.parametrize(
    ("changed", "points"),
    [
        ({}, 0),
        ({"age": 60}, 1),
        ({"age": 61}, 1),
        ({"systolic_bp": 140.0}, 1),
        ({"systolic_bp": 141.0}, 1),
        ({"diastolic_bp": 90.0}, 1),
        ({"diastolic_bp": 91.0}, 1),
        ({"systolic_bp": 140.0, "diastolic_bp": 90.0}, 1),
        ({"present": "deficit_10_to_59_minutes"}, 1),
        ({"present": "deficit_60_minutes_or_more"}, 2),
        ({"present": "deficit_under_10_minutes diabetes_mellitus_known"}, 1),
        ({"present": "deficit_under_10_minutes dysarthria"}, 1),
        ({"present": "deficit_under_10_minutes aphasia"}, 1),
        ({"present": "deficit_under_10_minutes unilateral_weakness"}, 2),
        ({"present": "deficit_under_10_minutes facial_weakness"}, 2),
        ({"present": "deficit_under_10_minutes arm_weakness"}, 2),
        ({"present": "deficit_under_10_minutes arm_weakness aphasia"}, 2),
        ({"age": 60, "systolic_bp": 150.0, "present": "deficit_10_to_59_minutes"}, 3),
    ],
)
def test_abcd2(changed: dict[str, object], points: int) -> None:
    assert abcd2(**changed) == (points, None)  # type: ignore[arg-type]


def test_bands_of_abcd2() -> None:
    weak = "deficit_60_minutes_or_more arm_weakness"
    assert abcd2(present=weak) == (4, None)
    assert abcd2(60, weak) == (5, None)
    assert abcd2(60, weak, systolic_bp=150.0) == (6, EMERGENCY)
    assert abcd2(60, f"{weak} diabetes_mellitus_known", systolic_bp=150.0) == (7, EMERGENCY)
    absent = without(TIA_NO, "arm_weakness")
    score = scored(50, f"{TIA} {weak}", absent, **NORMAL)["abcd2"]
    assert score.interpretation == "4: moderate risk of stroke within 2 days"
    low = scored(60, f"{TIA} {weak}", f"{absent} deficit", **NORMAL)["abcd2"]
    assert "moderate" in low.interpretation
    three = scored(50, f"{TIA} deficit_10_to_59_minutes arm_weakness", absent, **NORMAL)["abcd2"]
    assert three.interpretation.startswith("3: low risk")


@pytest.mark.parametrize(
    ("minutes", "points"),
    [(9, 0), (9.9, 0), (10, 1), (11, 1), (59.9, 1), (60, 2), (61, 2), (1439, 2)],
)
def test_a_duration_given_with_a_finding(minutes: float, points: int) -> None:
    stated = (mention("neuro_transient", hours=minutes / 60, stated=True),)
    assert abcd2(present="", mentions=stated) == (points, None)
    longest = (mention("numbness_unilateral", hours=1 / 60, stated=True), *stated)
    assert abcd2(present="", mentions=longest) == (points, None)


@pytest.mark.parametrize(
    "told",
    [
        mention("neuro_transient", hours=2),
        mention("neuro_transient", hours=24, stated=True),
        mention("neuro_transient", stated=True),
    ],
)
def test_other_durations_do_not_count(told: FindingMention) -> None:
    score = scored(50, TIA, TIA_NO, mentions=(told,), **NORMAL)["abcd2"]
    assert score.missing == ("duration of the deficit",)


@pytest.mark.parametrize(
    "deficit",
    [
        "dysarthria", "aphasia", "unilateral_weakness", "facial_weakness", "arm_weakness",
        "focal_weakness", "numbness_unilateral", "hemianopia", "visual_loss_transient",
    ],
)  # fmt: skip
def test_a_transient_deficit_raises_the_question(deficit: str) -> None:
    assert "abcd2" in scored(50, f"neuro_transient {deficit}", **NORMAL)
    assert "abcd2" not in scored(50, deficit, **NORMAL)
    assert "abcd2" not in scored(50, "neuro_transient", **NORMAL)


def test_what_is_missing_of_a_transient_deficit() -> None:
    score = scored(50, f"{TIA} aphasia")["abcd2"]
    assert score.missing == (
        "blood pressure",
        "weakness of one side",
        "duration of the deficit",
        "diabetes",
    )
    assert score.interpretation == "at least 1 from what is known"
    score = scored(50, TIA, "unilateral_weakness facial_weakness arm_weakness aphasia")["abcd2"]
    assert "disturbed speech" in score.missing
    assert scored(50, TIA)["abcd2"].interpretation == "at least 0 from what is known"
    for part in ({"systolic_bp": 120.0}, {"diastolic_bp": 80.0}):
        assert "blood pressure" in scored(50, TIA, **part)["abcd2"].missing
