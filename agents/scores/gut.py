"""Upper gut bleeding and appendicitis: Glasgow-Blatchford and Alvarado.

Sources: Orpen-Palmer and Stanley, J Clin Med 2023 (``orpen-palmer-2023``) for the score of
Blatchford et al. Lancet 2000; Ohle et al. BMC Med 2011 (``ohle-2011``) for that of Alvarado 1986.
"""

from agents.scores.points import LOWEST, Band, Item, Title, refusal, summed, when
from agents.scores.subject import Subject, first_known, from_limit
from agents.types import Score, Sex, Urgency

# --- Glasgow-Blatchford -----------------------------------------------------------------------

_BLATCHFORD = Title("glasgow_blatchford", "Glasgow-Blatchford", "orpen-palmer-2023")
_BLATCHFORD_BANDS = (
    Band(LOWEST, "very low risk: out-patient care is possible"),
    Band(2, "needs hospital care and endoscopy", Urgency.EMERGENCY),
)
_UREA = (
    ("urea_25_or_more", 6),
    ("urea_10_to_24_9", 4),
    ("urea_8_to_9_9", 3),
    ("urea_6_5_to_7_9", 2),
    ("urea_under_6_5", 0),
)


def glasgow_blatchford(subject: Subject) -> Score | None:
    if not subject.has("haematemesis", "coffee_ground_vomit", "melaena"):
        return None
    systolic = subject.vitals.systolic_bp
    items = (
        _urea(subject),
        _haemoglobin(subject),
        Item("systolic blood pressure", None if systolic is None else _systolic(systolic)),
        when("heart rate of 100 or more", subject.pulse_from(100)),
        when("melaena", subject.states("melaena")),
        when("syncope", subject.states("syncope"), 2),
        when("liver disease", subject.states("hx_liver_disease"), 2),
        when("heart failure", subject.states("hx_heart_failure"), 2),
    )
    return summed(_BLATCHFORD, refusal(subject), items, _BLATCHFORD_BANDS)


def _urea(subject: Subject) -> Item:
    for finding, points in _UREA:
        if subject.has(finding):
            return Item("urea", points)
    return Item("urea", None, 2 if subject.has("urea_over_7") else 0)


def _haemoglobin(subject: Subject) -> Item:
    """Men score earlier than women; without the sex the lower points are sure."""
    if subject.has("haemoglobin_under_10"):
        return Item("haemoglobin", 6)
    for finding, woman, man in (("haemoglobin_10_to_11_9", 1, 3), ("haemoglobin_12_to_12_9", 0, 1)):
        if subject.has(finding):
            points = {Sex.FEMALE: woman, Sex.MALE: man, None: None}[subject.sex]
            return Item("haemoglobin" if subject.sex else "sex, for haemoglobin", points, woman)
    return Item("haemoglobin", 0 if subject.states("anaemia_known") is False else None)


def _systolic(pressure: float) -> int:
    for limit, points in ((110, 0), (100, 1), (90, 2)):
        if pressure >= limit:
            return points
    return 3


# --- Alvarado ---------------------------------------------------------------------------------

_ALVARADO = Title("alvarado", "Alvarado", "ohle-2011")
_ALVARADO_BANDS = (
    Band(LOWEST, "appendicitis unlikely"),
    Band(5, "appendicitis possible: admit or observe", Urgency.URGENT),
    Band(7, "appendicitis likely: surgical assessment now", Urgency.EMERGENCY),
)


def alvarado(subject: Subject) -> Score | None:
    if subject.has("previous_appendicectomy"):
        return None
    if not subject.has("right_lower_quadrant_pain", "rlq_tenderness"):
        return None
    warm = first_known(from_limit(subject.vitals.temperature, 37.3), _feverish(subject))
    ketones = True if subject.has("ketonuria") else subject.states("anorexia")
    shift = subject.worded("leucocytosis", "shift")
    items = (
        when("pain moved to the right", subject.states("abdominal_pain_migrating_rlq")),
        when("loss of appetite", ketones),
        when("nausea", subject.states("nausea")),
        when("tenderness at the right lower abdomen", subject.states("rlq_tenderness"), 2),
        when("rebound tenderness", subject.states("rebound_tenderness")),
        when("temperature", warm),
        when("white cells above 10", subject.states("leucocytosis"), 2),
        when("left shift", True if shift else subject.states("neutrophil_left_shift")),
    )
    return summed(_ALVARADO, refusal(subject), items, _ALVARADO_BANDS)


def _feverish(subject: Subject) -> bool | None:
    """Fever is above the limit of 37.3 °C; no fever may still be."""
    return True if subject.has("fever") else None


RULES = (glasgow_blatchford, alvarado)
