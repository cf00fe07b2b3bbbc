"""Thrombosis, heart and transient ischaemic attack: Wells PE and DVT, PERC, HEART, ABCD2.

Sources: NICE NG158 (``nice-ng158``) for both Wells scores; Kline et al. J Thromb Haemost 2008
(``kline-2008``); Backus et al. Int J Cardiol 2013 (``backus-2013``); Johnston et al. Lancet 2007
(``johnston-2007``). What a clinician has to judge (is another diagnosis as likely, how suspicious
is the history) is never judged here: it counts where the reading states it.
"""

from agents.scores.points import LOWEST, Band, Item, Title, refusal, summed, when
from agents.scores.subject import Subject, below, both, either, from_limit
from agents.types import Score, Urgency

_FROM_YEARS = 18
_ALERTING = ("chest_pain", "dyspnoea", "haemoptysis", "syncope")

# --- pulmonary embolism and deep vein thrombosis ----------------------------------------------

_WELLS_PE = Title("wells_pe", "Wells score for pulmonary embolism", "nice-ng158")
_WELLS_PE_BANDS = (
    Band(LOWEST, "pulmonary embolism unlikely: D-dimer if it is suspected"),
    Band(4.5, "pulmonary embolism likely: immediate CT pulmonary angiography", Urgency.EMERGENCY),
)
_WELLS_DVT = Title("wells_dvt", "Wells score for deep vein thrombosis", "nice-ng158")
_WELLS_DVT_BANDS = (
    Band(LOWEST, "deep vein thrombosis unlikely: D-dimer if it is suspected"),
    Band(2, "deep vein thrombosis likely: ultrasound, if possible within 4 hours", Urgency.URGENT),
)
_PERC = Title("perc", "PERC rule", "kline-2008")
_PERC_BANDS = (
    Band(LOWEST, "rules pulmonary embolism out if its clinical probability is below 15 %"),
    Band(1, "does not rule pulmonary embolism out"),
)
_PERC_BELOW_YEARS = 50


def wells_pe(subject: Subject) -> Score | None:
    if not subject.has(*_ALERTING):
        return None
    items = (
        when("signs of deep vein thrombosis", _leg_signs(subject), 3),
        when("no diagnosis as likely", subject.states("pe_most_likely_diagnosis"), 3),
        when("heart rate above 100", subject.pulse_from(100, above=True), 1.5),
        when("immobilisation or surgery in 4 weeks", _immobile(subject), 1.5),
        when("previous clot", subject.states("hx_dvt_pe"), 1.5),
        when("haemoptysis", subject.states("haemoptysis")),
        when("active cancer", _active_cancer(subject)),
    )
    return summed(_WELLS_PE, _clot_refusal(subject), items, _WELLS_PE_BANDS)


def wells_dvt(subject: Subject) -> Score | None:
    if not subject.has("unilateral_leg_swelling", "calf_pain", "leg_warmth_redness"):
        return None
    plaster = subject.any_of("leg_immobilised", "leg_weakness")
    items = (
        when("active cancer", _active_cancer(subject)),
        when("paralysis or plaster of the leg", _also(subject, plaster, "unilateral_weakness")),
        when("bedridden 3 days or major surgery in 12 weeks", _immobile(subject)),
        when("tenderness along the deep veins", _vein_tenderness(subject)),
        when("entire leg swollen", subject.states("entire_leg_swollen")),
        when("calf 3 cm larger", subject.states("calf_swelling_3cm")),
        when("pitting oedema of that leg only", subject.states("pitting_oedema_one_leg")),
        when("collateral superficial veins", subject.states("collateral_superficial_veins")),
        when("previous clot", subject.states("hx_dvt_pe")),
        when("another diagnosis as likely", subject.states("dvt_alternative_diagnosis"), -2),
    )
    return summed(_WELLS_DVT, _clot_refusal(subject), items, _WELLS_DVT_BANDS)


def perc(subject: Subject) -> Score | None:
    """Criteria that fail. It rules out only where all eight are known, the age among them."""
    if not subject.has(*_ALERTING):
        return None
    why_not = _clot_refusal(subject)
    if subject.age is not None and subject.age >= _PERC_BELOW_YEARS:
        why_not = f"Cannot rule pulmonary embolism out from {_PERC_BELOW_YEARS} years."
    injured = both(subject.states("trauma_recent"), subject.states("recent_hospital_stay"))
    items = (
        when("heart rate of 100 or more", subject.pulse_from(100)),
        when("SpO2 below 95 % on air", _low_on_air(subject)),
        when("one leg swollen", subject.states("unilateral_leg_swelling")),
        when("haemoptysis", subject.states("haemoptysis")),
        when(
            "surgery, or injury with hospital stay, in 4 weeks",
            either(subject.states("recent_surgery"), injured),
        ),
        when("previous clot", subject.states("hx_dvt_pe")),
        when("oestrogen", subject.any_of("drug_oral_contraceptive", "drug_hrt")),
    )
    return summed(_PERC, why_not, items, _PERC_BANDS)


def _clot_refusal(subject: Subject) -> str:
    why_not = refusal(subject, _FROM_YEARS)
    if not why_not and subject.has("postpartum"):
        return "Not validated soon after birth."
    return why_not


def _also(subject: Subject, known: bool | None, *findings: str) -> bool | None:
    """Findings that say yes where they hold, and nothing where they do not."""
    return True if subject.has(*findings) else known


def _immobile(subject: Subject) -> bool | None:
    known = subject.any_of("immobilisation", "recent_surgery")
    return _also(subject, known, "leg_immobilised")


def _active_cancer(subject: Subject) -> bool | None:
    """A cancer known without its time counts only with chemotherapy."""
    if subject.has("cancer_known") and subject.has("drug_chemotherapy", "chemotherapy_recent"):
        return True
    return subject.states("cancer_active")


def _vein_tenderness(subject: Subject) -> bool | None:
    """Pain of the calf is not tenderness unless it is put so."""
    if subject.worded("calf_pain", "tender", "homan"):
        return True
    return subject.states("deep_vein_tenderness")


def _leg_signs(subject: Subject) -> bool | None:
    return both(subject.states("unilateral_leg_swelling"), _vein_tenderness(subject))


def _low_on_air(subject: Subject) -> bool | None:
    """On oxygen a normal saturation says nothing of that on air."""
    low = below(subject.vitals.spo2, 95)
    return None if subject.vitals.on_oxygen and not low else low


# --- HEART ------------------------------------------------------------------------------------

_HEART = Title("heart", "HEART", "backus-2013")
_HEART_BANDS = (
    Band(LOWEST, "low risk of a coronary event within 6 weeks"),
    Band(4, "moderate risk of a coronary event: observe in hospital", Urgency.URGENT),
    Band(7, "high risk of a coronary event: hospital now", Urgency.EMERGENCY),
)
_RISK_FACTORS = (
    "hypertension",
    "hyperlipidaemia",
    "diabetes_mellitus_known",
    "obesity",
    "smoking",
    "fh_heart_disease",
)
_ATHEROSCLEROSIS = (
    "hx_ischaemic_heart_disease",
    "recent_myocardial_infarction",
    "hx_stroke",
    "hx_tia",
    "hx_peripheral_arterial_disease",
)


def heart(subject: Subject) -> Score | None:
    if not subject.has("chest_pain"):
        return None
    items = (
        _heart_history(subject),
        _heart_ecg(subject),
        Item("age", None if subject.age is None else _heart_age(subject.age)),
        _heart_risk(subject),
        _heart_troponin(subject),
    )
    return summed(_HEART, refusal(subject, _FROM_YEARS), items, _HEART_BANDS)


def _heart_age(age: float) -> int:
    if age < 45:
        return 0
    return 1 if age < 65 else 2


def _heart_history(subject: Subject) -> Item:
    """The clinician's judgement, where it is stated."""
    for points, word in ((2, "highly"), (1, "moderately"), (0, "slightly")):
        if subject.has(f"heart_history_{word}_suspicious"):
            return Item("suspicion by the history", points)
    return Item("suspicion by the history", None)


def _heart_ecg(subject: Subject) -> Item:
    if subject.has("ecg_st_elevation", "ecg_st_depression_significant"):
        return Item("ECG", 2)
    if subject.has("ecg_st_depression"):
        return Item("ECG (is the ST depression 1 mm or more)", None, 1)
    if subject.has("ecg_nonspecific_changes", "ecg_lbbb", "ecg_lvh"):
        return Item("ECG", 1)
    return Item("ECG", 0 if subject.has("ecg_normal") else None)


def _heart_risk(subject: Subject) -> Item:
    """Two points for atherosclerosis or three factors; missing while what is unsaid could add."""
    answers = [subject.states(factor) for factor in _RISK_FACTORS]
    disease = subject.any_of(*_ATHEROSCLEROSIS)
    least = _heart_risk_points(answers.count(True), bool(disease))
    most = _heart_risk_points(len(answers) - answers.count(False), disease is not False)
    name = "risk factors and known atherosclerosis"
    return Item(name, least if least == most else None, least)


def _heart_risk_points(factors: int, disease: bool) -> int:
    if disease or factors >= 3:
        return 2
    return min(factors, 1)


def _heart_troponin(subject: Subject) -> Item:
    if subject.has("troponin_over_three_times"):
        return Item("troponin", 2)
    if subject.has("troponin_up_to_three_times"):
        return Item("troponin", 1)
    if subject.has("raised_troponin"):
        return Item("troponin (is it above three times the limit)", None, 1)
    return when("troponin", subject.states("raised_troponin"))


# --- ABCD2 ------------------------------------------------------------------------------------

_ABCD2 = Title("abcd2", "ABCD2", "johnston-2007")
_ABCD2_BANDS = (
    Band(LOWEST, "low risk of stroke within 2 days, which is no reason to wait"),
    Band(4, "moderate risk of stroke within 2 days"),
    Band(6, "high risk of stroke within 2 days: evaluate immediately", Urgency.EMERGENCY),
)
_SPEECH = ("dysarthria", "aphasia")
_ONE_SIDED = ("unilateral_weakness", "facial_weakness", "arm_weakness")
_DEFICIT = (
    *_SPEECH,
    *_ONE_SIDED,
    "focal_weakness",
    "numbness_unilateral",
    "hemianopia",
    "visual_loss_transient",
)


def abcd2(subject: Subject) -> Score | None:
    """Only for a focal deficit that has resolved."""
    if not (subject.has("neuro_transient") and subject.has(*_DEFICIT)):
        return None
    v = subject.vitals
    items = (
        when("age", from_limit(subject.age, 60)),
        when(
            "blood pressure",
            either(from_limit(v.systolic_bp, 140), from_limit(v.diastolic_bp, 90)),
        ),
        _abcd2_deficit(subject),
        _abcd2_duration(subject),
        when("diabetes", subject.states("diabetes_mellitus_known")),
    )
    return summed(_ABCD2, refusal(subject, _FROM_YEARS), items, _ABCD2_BANDS)


def _abcd2_deficit(subject: Subject) -> Item:
    weak = subject.any_of(*_ONE_SIDED)
    if weak:
        return Item("weakness of one side", 2)
    speech = subject.any_of(*_SPEECH)
    if weak is False:
        return when("disturbed speech", speech)
    return Item("weakness of one side", None, 1 if speech else 0)


def _abcd2_duration(subject: Subject) -> Item:
    """As a finding, or given with a structured finding; 'two hours' in a note may be 'ago'."""
    name = "duration of the deficit"
    for points, finding in (
        (2, "deficit_60_minutes_or_more"),
        (1, "deficit_10_to_59_minutes"),
        (0, "deficit_under_10_minutes"),
    ):
        if subject.has(finding):
            return Item(name, points)
    hours = [
        mention.duration_hours
        for finding in ("neuro_transient", *_DEFICIT)
        for mention in subject.said(finding)
        if mention.source == "stated"
        and mention.duration_hours is not None
        and mention.duration_hours < 24
    ]
    return Item(name, _abcd2_points(60 * max(hours)) if hours else None)


def _abcd2_points(minutes: float) -> int:
    if minutes < 10:
        return 0
    return 1 if minutes < 60 else 2


RULES = (wells_pe, wells_dvt, perc, heart, abcd2)
