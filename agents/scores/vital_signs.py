"""NEWS2, shock index, Glasgow coma scale, and pulse and breathing of children against their age.

Sources: Royal College of Physicians 2017 (``rcp-news2``); Mutschler et al. Crit Care 2013
(``mutschler-2013``); bands of the coma scale as in the summary of NICE NG232
(``guidelinegenius-head-injury``); Fleming et al. Lancet 2011 (``fleming-2011``).
"""

from collections.abc import Callable
from typing import Literal

from agents.paediatric import ADULT_FROM_YEARS, normal_range
from agents.scores.points import LOWEST, Band, Item, Title, first_limit, refusal, summed, when
from agents.scores.subject import Subject
from agents.types import Score, Urgency

# --- NEWS2 ------------------------------------------------------------------------------------

_NEWS2 = Title("news2", "NEWS2", "rcp-news2")
_NEWS2_LOW = Band(LOWEST, "low risk")
_NEWS2_SINGLE = Band(3, "3 in a single parameter: urgent review", Urgency.URGENT)
_NEWS2_HIGHER = (
    Band(5, "medium risk: urgent review", Urgency.URGENT),
    Band(7, "high risk: emergency response", Urgency.EMERGENCY),
)


def news2_respiration(rate: float) -> int:
    return first_limit(rate, ((8, 3), (11, 1), (20, 0), (24, 2)), 3)


def news2_spo2(spo2: float) -> int:
    """Scale 1."""
    return first_limit(spo2, ((91, 3), (93, 2), (95, 1)), 0)


def news2_spo2_scale2(spo2: float, on_oxygen: bool) -> int:
    """Scale 2, for a target of 88 to 92 % in hypercapnic respiratory failure."""
    if spo2 <= 92 or not on_oxygen:
        return first_limit(spo2, ((83, 3), (85, 2), (87, 1)), 0)
    return first_limit(spo2, ((94, 1), (96, 2)), 3)


def news2_systolic(pressure: float) -> int:
    return first_limit(pressure, ((90, 3), (100, 2), (110, 1), (219, 0)), 3)


def news2_pulse(rate: float) -> int:
    return first_limit(rate, ((40, 3), (50, 1), (90, 0), (110, 1), (130, 2)), 3)


def news2_temperature(celsius: float) -> int:
    return first_limit(celsius, ((35.0, 3), (36.0, 1), (38.0, 0), (39.0, 1)), 2)


def news2(subject: Subject) -> Score | None:
    v = subject.vitals
    items = (
        _measured("respiratory rate", news2_respiration, v.respiratory_rate),
        Item("SpO2", _news2_saturation(subject)),
        when("supplemental oxygen", v.on_oxygen, 2),
        _measured("systolic blood pressure", news2_systolic, v.systolic_bp),
        _measured("heart rate", news2_pulse, v.heart_rate),
        when("consciousness", subject.altered, 3),
        _measured("temperature", news2_temperature, v.temperature),
    )
    single = any(item.points == 3 for item in items)
    bands = (_NEWS2_LOW, *((_NEWS2_SINGLE,) if single else ()), *_NEWS2_HIGHER)
    return summed(_NEWS2, refusal(subject), items, bands)


def _measured(name: str, rule: Callable[[float], int], value: float | None) -> Item:
    return Item(name, None if value is None else rule(value))


def _news2_saturation(subject: Subject) -> int | None:
    spo2, on_oxygen = subject.vitals.spo2, subject.vitals.on_oxygen
    if spo2 is None:
        return None
    if not subject.has("hypercapnic_respiratory_failure"):
        return news2_spo2(spo2)
    if spo2 <= 92 or on_oxygen is not None:
        return news2_spo2_scale2(spo2, bool(on_oxygen))
    return None  # above the target it is harmful on oxygen and normal on air


# --- shock index ------------------------------------------------------------------------------

_SHOCK_INDEX = Title("shock_index", "Shock index", "mutschler-2013")
_SHOCK_INDEX_BANDS = (
    Band(LOWEST, "not raised"),
    Band(0.9, "raised", Urgency.URGENT),
    Band(1.0, "shock likely", Urgency.EMERGENCY),
)


def shock_index(subject: Subject) -> Score | None:
    v = subject.vitals
    if v.heart_rate is None or not v.systolic_bp:
        return None
    items = (Item("shock index", round(v.heart_rate / v.systolic_bp, 2)),)
    return summed(_SHOCK_INDEX, refusal(subject), items, _SHOCK_INDEX_BANDS)


# --- Glasgow coma scale -----------------------------------------------------------------------

_GCS = Title("gcs", "Glasgow coma scale", "guidelinegenius-head-injury")
_GCS_BANDS = (
    Band(LOWEST, "severe impairment: the airway is at risk", Urgency.EMERGENCY),
    Band(9, "moderate impairment: after a head injury CT within an hour", Urgency.EMERGENCY),
    Band(13, "mild impairment"),
    Band(15, "fully conscious"),
)
_VERBAL_FROM_YEARS = 5


def gcs(subject: Subject) -> Score | None:
    """The total as measured; a child under 5 needs the paediatric answers."""
    total = subject.vitals.gcs
    if total is None:
        return None
    young = subject.age is not None and subject.age < _VERBAL_FROM_YEARS
    note = "below 5 years the verbal answer is scored as for infants" if young else ""
    return summed(_GCS, "", (Item("total", total),), _GCS_BANDS, note)


# --- pulse and breathing of children ----------------------------------------------------------

_PAEDIATRIC = Title("paediatric_vitals", "Pulse and breathing for the age", "fleming-2011")


def paediatric_vitals(subject: Subject) -> Score | None:
    """How many of both lie outside the 1st to 99th centile of healthy children."""
    v, age = subject.vitals, subject.age
    if age is None or age >= ADULT_FROM_YEARS:
        return None
    seen = [
        _against_age("heart rate", "heart_rate", v.heart_rate, age),
        _against_age("respiratory rate", "respiratory_rate", v.respiratory_rate, age),
    ]
    items = [item for item, _ in seen]
    bands = (Band(LOWEST, "within the range for the age"), Band(1, "outside the range for the age"))
    return summed(_PAEDIATRIC, "", items, bands, "; ".join(text for _, text in seen if text))


def _against_age(
    name: str, vital: Literal["heart_rate", "respiratory_rate"], value: float | None, age: float
) -> tuple[Item, str]:
    if value is None:
        return Item(name, None), ""
    low, high = normal_range(vital, age)
    if low <= value <= high:
        return Item(name, 0), ""
    side = "above" if value > high else "below"
    return Item(name, 1), f"{name} {value:g} is {side} {low:g} to {high:g}"


RULES = (news2, shock_index, gcs, paediatric_vitals)
