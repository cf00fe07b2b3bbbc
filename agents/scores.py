"""Clinical scores. Pure; missing input is named and never imputed; adult scores refuse children.

Sources: NEWS2 (Royal College of Physicians 2017, ``rcp-news2``), qSOFA (Singer et al. JAMA 2016,
``singer-2016``), shock index (Allgöwer and Burri 1967; limits of Mutschler et al. Crit Care 2013,
``mutschler-2013``), CRB-65 (Lim et al. Thorax 2003, ``lim-2003``).
"""

from collections.abc import Callable
from typing import NamedTuple

from agents.types import Case, Presence, Reading, Score, Setting, Urgency, Vitals

ADULT_YEARS = 16.0
_ALTERED = frozenset({"confusion", "voice", "pain", "unresponsive"})

ScoreRule = Callable[["Subject"], Score | None]


class Subject(NamedTuple):
    """What every score may look at."""

    vitals: Vitals
    present: frozenset[str]
    absent: frozenset[str]
    age: float | None
    pregnant: bool
    setting: Setting

    @property
    def altered(self) -> bool | None:
        """Any new alteration of consciousness; None where nobody said."""
        if self.vitals.consciousness is not None:
            return self.vitals.consciousness in _ALTERED
        if self.present & {"altered_consciousness", "confusion"}:
            return True
        if self.vitals.gcs is not None:
            return self.vitals.gcs < 15
        return False if self.absent & {"altered_consciousness", "confusion"} else None


def scores_of(case: Case, vitals: Vitals, reading: Reading, age: float | None) -> tuple[Score, ...]:
    """Every score that has at least one of its measured inputs."""
    present = frozenset(reading.present)
    subject = Subject(
        vitals,
        present,
        frozenset(reading.absent),
        age,
        case.pregnant is Presence.PRESENT or "pregnant" in present,
        case.setting,
    )
    return tuple(score for rule in RULES if (score := rule(subject)) is not None)


def _refusal(subject: Subject) -> str:
    """Why an adult score does not apply; empty where it does."""
    if subject.age is None:
        return "Needs the age: it holds for people from 16 years."
    if subject.age < ADULT_YEARS:
        return "Not validated below 16 years."
    return "Not validated in pregnancy." if subject.pregnant else ""


def _points(value: float, limits: tuple[tuple[float, int], ...], above: int) -> int:
    """Points of the first limit that the value does not exceed."""
    for limit, points in limits:
        if value <= limit:
            return points
    return above


# --- NEWS2 ------------------------------------------------------------------------------------


def news2_respiration(rate: float) -> int:
    return _points(rate, ((8, 3), (11, 1), (20, 0), (24, 2)), 3)


def news2_spo2(spo2: float) -> int:
    """Scale 1."""
    return _points(spo2, ((91, 3), (93, 2), (95, 1)), 0)


def news2_spo2_scale2(spo2: float, on_oxygen: bool) -> int:
    """Scale 2, for a target of 88 to 92 % in hypercapnic respiratory failure."""
    if spo2 <= 92 or not on_oxygen:
        return _points(spo2, ((83, 3), (85, 2), (87, 1)), 0)
    return _points(spo2, ((94, 1), (96, 2)), 3)


def news2_systolic(pressure: float) -> int:
    return _points(pressure, ((90, 3), (100, 2), (110, 1), (219, 0)), 3)


def news2_pulse(rate: float) -> int:
    return _points(rate, ((40, 3), (50, 1), (90, 0), (110, 1), (130, 2)), 3)


def news2_temperature(celsius: float) -> int:
    return _points(celsius, ((35.0, 3), (36.0, 1), (38.0, 0), (39.0, 1)), 2)


def news2(subject: Subject) -> Score | None:
    v = subject.vitals
    spo2 = None
    if v.spo2 is not None:
        if "hypercapnic_respiratory_failure" in subject.present:
            spo2 = news2_spo2_scale2(v.spo2, bool(v.on_oxygen))
        else:
            spo2 = news2_spo2(v.spo2)
    altered = subject.altered
    parts: dict[str, int | None] = {
        "respiratory rate": _maybe(news2_respiration, v.respiratory_rate),
        "SpO2": spo2,
        "supplemental oxygen": None if v.on_oxygen is None else 2 * v.on_oxygen,
        "systolic blood pressure": _maybe(news2_systolic, v.systolic_bp),
        "heart rate": _maybe(news2_pulse, v.heart_rate),
        "consciousness": None if altered is None else 3 * altered,
        "temperature": _maybe(news2_temperature, v.temperature),
    }
    return _summed("news2", "NEWS2", "rcp-news2", parts, subject, _news2_meaning)


def _news2_meaning(total: int, worst: int) -> tuple[str, Urgency | None]:
    if total >= 7:
        return "high risk: emergency response", Urgency.EMERGENCY
    if total >= 5:
        return "medium risk: urgent review", Urgency.URGENT
    if worst >= 3:
        return "3 in a single parameter: urgent review", Urgency.URGENT
    return "low risk", None


def _maybe(rule: Callable[[float], int], value: float | None) -> int | None:
    return None if value is None else rule(value)


def _summed(
    key: str,
    name: str,
    source: str,
    parts: dict[str, int | None],
    subject: Subject,
    meaning: Callable[[int, int], tuple[str, Urgency | None]],
) -> Score | None:
    """A sum of points; with inputs missing, what is measured is a lower bound and says so."""
    measured = [points for points in parts.values() if points is not None]
    if not measured:
        return None
    refusal = _refusal(subject)
    if refusal:
        return Score(key, name, None, "not calculated", not_applicable=refusal, source=source)
    total = sum(measured)
    text, urgency = meaning(total, max(measured))
    missing = tuple(part for part, points in parts.items() if points is None)
    if not missing:
        return Score(key, name, total, f"{total}: {text}", urgency=urgency, source=source)
    shown = f"at least {total} from what is known"
    if urgency is not None:
        shown = f"{shown}: {text}"
    return Score(key, name, None, shown, missing=missing, urgency=urgency, source=source)


# --- qSOFA, CRB-65, shock index ---------------------------------------------------------------

_INFECTION = frozenset({"fever", "rigors", "chills", "recent_infection", "hypothermia"})


def qsofa(subject: Subject) -> Score | None:
    """Only with a sign of infection: outside it the score means nothing."""
    if not subject.present & _INFECTION:
        return None
    v = subject.vitals
    altered = subject.altered
    parts: dict[str, int | None] = {
        "respiratory rate": _maybe(lambda rate: int(rate >= 22), v.respiratory_rate),
        "systolic blood pressure": _maybe(lambda pressure: int(pressure <= 100), v.systolic_bp),
        "consciousness": None if altered is None else int(altered),
    }
    return _summed("qsofa", "qSOFA", "singer-2016", parts, subject, _qsofa_meaning)


def _qsofa_meaning(total: int, worst: int) -> tuple[str, Urgency | None]:
    if total >= 2:
        return "poor outcome likely with infection: assess for sepsis now", Urgency.EMERGENCY
    return "does not exclude sepsis", None


def crb65(subject: Subject) -> Score | None:
    """Only with cough and a sign of infection: it grades pneumonia."""
    if "cough" not in subject.present or not subject.present & _INFECTION:
        return None
    v = subject.vitals
    if v.respiratory_rate is None and v.systolic_bp is None:
        return None
    confused = subject.altered
    low = None
    if v.systolic_bp is not None or v.diastolic_bp is not None:
        low = int((v.systolic_bp or 999) < 90 or (v.diastolic_bp or 999) <= 60)
    parts: dict[str, int | None] = {
        "confusion": None if confused is None else int(confused),
        "respiratory rate": _maybe(lambda rate: int(rate >= 30), v.respiratory_rate),
        "blood pressure": low,
        "age": None if subject.age is None else int(subject.age >= 65),
    }
    return _summed("crb65", "CRB-65", "lim-2003", parts, subject, _crb65_meaning)


def _crb65_meaning(total: int, worst: int) -> tuple[str, Urgency | None]:
    if total >= 3:
        return "if pneumonia: high risk, urgent admission", Urgency.EMERGENCY
    if total >= 1:
        return "if pneumonia: increased risk, consider hospital", Urgency.URGENT
    return "if pneumonia: low risk", None


def shock_index(subject: Subject) -> Score | None:
    v = subject.vitals
    if v.heart_rate is None or not v.systolic_bp:
        return None
    refusal = _refusal(subject)
    name, source = "Shock index", "mutschler-2013"
    if refusal:
        return Score(
            "shock_index", name, None, "not calculated", not_applicable=refusal, source=source
        )
    value = round(v.heart_rate / v.systolic_bp, 2)
    if value >= 1.0:
        meaning, urgency = "shock likely", Urgency.EMERGENCY
    elif value >= 0.9:
        meaning, urgency = "raised", Urgency.URGENT
    else:
        return Score("shock_index", name, value, f"{value:g}: not raised", source=source)
    return Score(
        "shock_index", name, value, f"{value:g}: {meaning}", urgency=urgency, source=source
    )


RULES: tuple[ScoreRule, ...] = (news2, qsofa, crb65, shock_index)
