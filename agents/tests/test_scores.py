"""Every limit of every score, one below, at and one above; refusals; missing inputs."""

import pytest

from agents.paediatric import normal_range
from agents.scores import (
    news2_pulse,
    news2_respiration,
    news2_spo2,
    news2_spo2_scale2,
    news2_systolic,
    news2_temperature,
    scores_of,
)
from agents.types import Case, Presence, Reading, Score, Urgency, Vitals

CALM = {
    "temperature": 37.0, "heart_rate": 70.0, "respiratory_rate": 15.0, "systolic_bp": 120.0,
    "spo2": 98.0, "on_oxygen": False, "consciousness": "alert",
}  # fmt: skip


def scored(
    age: float | None = 50,
    present: tuple[str, ...] = (),
    pregnant: Presence = Presence.UNKNOWN,
    **vitals: object,
) -> dict[str, Score]:
    measured = Vitals(**vitals)  # type: ignore[arg-type]
    case = Case(vitals=measured, pregnant=pregnant)
    return {s.score: s for s in scores_of(case, measured, Reading(present=present), age)}


@pytest.mark.parametrize(
    ("rule", "points"),
    [
        (news2_respiration, {7: 3, 8: 3, 9: 1, 11: 1, 12: 0, 20: 0, 21: 2, 24: 2, 25: 3, 26: 3}),
        (news2_spo2, {90: 3, 91: 3, 92: 2, 93: 2, 94: 1, 95: 1, 96: 0, 97: 0}),
        (news2_systolic, {89: 3, 90: 3, 91: 2, 100: 2, 101: 1, 110: 1, 111: 0, 219: 0, 220: 3}),
        (news2_pulse, {39: 3, 40: 3, 41: 1, 50: 1, 51: 0, 90: 0, 91: 1, 110: 1, 111: 2, 130: 2, 131: 3}),
        (news2_temperature, {34.9: 3, 35.0: 3, 35.1: 1, 36.0: 1, 36.1: 0, 38.0: 0, 38.1: 1, 39.0: 1, 39.1: 2}),
    ],
)  # fmt: skip
def test_news2_limits(rule, points: dict[float, int]) -> None:  # type: ignore[no-untyped-def]
    assert {value: rule(value) for value in points} == points


def test_news2_scale_2() -> None:
    on_air = {83: 3, 84: 2, 85: 2, 86: 1, 87: 1, 88: 0, 92: 0, 93: 0, 97: 0}
    assert {v: news2_spo2_scale2(v, False) for v in on_air} == on_air
    on_oxygen = {92: 0, 93: 1, 94: 1, 95: 2, 96: 2, 97: 3}
    assert {v: news2_spo2_scale2(v, True) for v in on_oxygen} == on_oxygen


@pytest.mark.parametrize(
    ("changed", "total", "urgency"),
    [
        ({}, 0, None),
        ({"respiratory_rate": 22.0, "spo2": 93.0}, 4, None),
        ({"respiratory_rate": 25.0}, 3, Urgency.URGENT),
        ({"respiratory_rate": 22.0, "spo2": 93.0, "heart_rate": 95.0}, 5, Urgency.URGENT),
        ({"respiratory_rate": 22.0, "spo2": 93.0, "heart_rate": 115.0}, 6, Urgency.URGENT),
        ({"respiratory_rate": 22.0, "spo2": 93.0, "on_oxygen": True, "temperature": 38.5}, 7, Urgency.EMERGENCY),
        ({"consciousness": "confusion"}, 3, Urgency.URGENT),
    ],
)  # fmt: skip
def test_news2_totals(changed: dict[str, object], total: int, urgency: Urgency | None) -> None:
    score = scored(**{**CALM, **changed})["news2"]
    assert score.value == total
    assert score.urgency == urgency
    assert score.missing == ()


def test_missing_inputs_are_named_and_the_rest_is_a_lower_bound() -> None:
    score = scored(heart_rate=140.0, respiratory_rate=30.0, systolic_bp=80.0)["news2"]
    assert score.value is None
    assert "at least 9" in score.interpretation
    assert set(score.missing) == {"SpO2", "supplemental oxygen", "consciousness", "temperature"}
    assert score.urgency is Urgency.EMERGENCY


@pytest.mark.parametrize(
    ("age", "pregnant"),
    [(15.9, Presence.UNKNOWN), (None, Presence.UNKNOWN), (30, Presence.PRESENT)],
)
def test_adult_scores_refuse_children_pregnancy_and_unknown_age(
    age: float | None, pregnant: Presence
) -> None:
    for score in scored(age, pregnant=pregnant, **CALM).values():
        assert score.value is None
        assert score.not_applicable
        assert score.urgency is None


@pytest.mark.parametrize(
    ("rate", "pressure", "mind", "value", "urgency"),
    [
        (21.0, 101.0, "alert", 0, None),
        (22.0, 101.0, "alert", 1, None),
        (22.0, 100.0, "alert", 2, Urgency.EMERGENCY),
        (22.0, 100.0, "confusion", 3, Urgency.EMERGENCY),
    ],
)
def test_qsofa(rate: float, pressure: float, mind: str, value: int, urgency: Urgency) -> None:
    score = scored(
        present=("fever",), respiratory_rate=rate, systolic_bp=pressure, consciousness=mind
    )["qsofa"]
    assert (score.value, score.urgency) == (value, urgency)


def test_qsofa_needs_an_infection() -> None:
    assert "qsofa" not in scored(**CALM)


@pytest.mark.parametrize(
    ("age", "rate", "pressure", "value", "urgency"),
    [
        (64, 29.0, 90.0, 0, None),
        (65, 29.0, 90.0, 1, Urgency.URGENT),
        (65, 30.0, 90.0, 2, Urgency.URGENT),
        (65, 30.0, 89.0, 3, Urgency.EMERGENCY),
    ],
)
def test_crb65(age: float, rate: float, pressure: float, value: int, urgency: Urgency) -> None:
    score = scored(
        age, ("cough", "fever"), respiratory_rate=rate, systolic_bp=pressure, consciousness="alert"
    )["crb65"]
    assert (score.value, score.urgency) == (value, urgency)


@pytest.mark.parametrize(
    ("pulse", "urgency"), [(89.0, None), (90.0, Urgency.URGENT), (99.0, Urgency.URGENT), (100.0, Urgency.EMERGENCY)]
)  # fmt: skip
def test_shock_index(pulse: float, urgency: Urgency | None) -> None:
    assert scored(heart_rate=pulse, systolic_bp=100.0)["shock_index"].urgency == urgency


def test_normal_ranges_fall_with_age() -> None:
    rates = [normal_range("heart_rate", age)[1] for age in (0, 1, 5, 12, 17)]
    assert rates == sorted(rates, reverse=True)
