"""NEWS2, shock index, coma scale, vital signs of children: every limit and its neighbours."""

import pytest

from agents.paediatric import normal_range
from agents.scores.vital_signs import (
    news2_pulse,
    news2_respiration,
    news2_spo2,
    news2_spo2_scale2,
    news2_systolic,
    news2_temperature,
)
from agents.tests.scoring import outcome, scored
from agents.types import Score, Urgency

CALM = {
    "temperature": 37.0, "heart_rate": 70.0, "respiratory_rate": 15.0, "systolic_bp": 120.0,
    "spo2": 98.0, "on_oxygen": False, "consciousness": "alert",
}  # fmt: skip


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
    on_air = {82: 3, 83: 3, 84: 2, 85: 2, 86: 1, 87: 1, 88: 0, 92: 0, 93: 0, 97: 0}
    assert {v: news2_spo2_scale2(v, False) for v in on_air} == on_air
    on_oxygen = {83: 3, 84: 2, 87: 1, 88: 0, 91: 0, 92: 0, 93: 1, 94: 1, 95: 2, 96: 2, 97: 3}
    assert {v: news2_spo2_scale2(v, True) for v in on_oxygen} == on_oxygen


@pytest.mark.parametrize(
    ("changed", "total", "urgency"),
    [
        ({}, 0, None),
        ({"respiratory_rate": 22.0}, 2, None),
        ({"spo2": 93.0}, 2, None),
        ({"on_oxygen": True}, 2, None),
        ({"systolic_bp": 105.0}, 1, None),
        ({"heart_rate": 95.0}, 1, None),
        ({"temperature": 38.5}, 1, None),
        ({"respiratory_rate": 22.0, "spo2": 93.0}, 4, None),
        ({"respiratory_rate": 25.0}, 3, Urgency.URGENT),
        ({"respiratory_rate": 25.0, "heart_rate": 95.0}, 4, Urgency.URGENT),
        ({"respiratory_rate": 22.0, "heart_rate": 95.0}, 3, None),
        ({"respiratory_rate": 22.0, "spo2": 93.0, "heart_rate": 95.0}, 5, Urgency.URGENT),
        ({"respiratory_rate": 22.0, "spo2": 93.0, "heart_rate": 115.0}, 6, Urgency.URGENT),
        ({"respiratory_rate": 22.0, "spo2": 93.0, "on_oxygen": True}, 6, Urgency.URGENT),
        ({"respiratory_rate": 22.0, "spo2": 93.0, "on_oxygen": True, "temperature": 38.5}, 7, Urgency.EMERGENCY),
        ({"consciousness": "confusion"}, 3, Urgency.URGENT),
    ],
)  # fmt: skip
def test_news2_totals(changed: dict[str, object], total: int, urgency: Urgency | None) -> None:
    assert outcome(scored(**{**CALM, **changed})["news2"]) == (total, urgency)


def test_news2_says_what_raised_it() -> None:
    assert "single parameter" in scored(**{**CALM, "heart_rate": 131.0})["news2"].interpretation
    assert (
        "medium"
        in scored(**{**CALM, "heart_rate": 131.0, "on_oxygen": True})["news2"].interpretation
    )


def test_missing_inputs_are_named_and_the_rest_is_a_lower_bound() -> None:
    score = scored(heart_rate=140.0, respiratory_rate=30.0, systolic_bp=80.0)["news2"]
    assert score.value is None
    assert "at least 9" in score.interpretation
    assert set(score.missing) == {"SpO2", "supplemental oxygen", "consciousness", "temperature"}
    assert score.urgency is Urgency.EMERGENCY
    low = scored(heart_rate=70.0)["news2"]
    assert (low.interpretation, low.urgency) == ("at least 0 from what is known", None)


def test_scale_2_is_for_hypercapnic_failure_and_needs_to_know_the_oxygen() -> None:
    def news2(spo2: float, on_oxygen: bool | None) -> Score:
        measured = {**CALM, "spo2": spo2, "on_oxygen": on_oxygen}
        return scored(50, "hypercapnic_respiratory_failure", **measured)["news2"]

    assert news2(88.0, False).value == 0
    assert news2(97.0, True).value == 5
    assert news2(93.0, False).value == 0
    assert news2(92.0, None).missing == ("supplemental oxygen",)
    assert news2(93.0, None).missing == ("SpO2", "supplemental oxygen")
    assert scored(**{**CALM, "spo2": 88.0})["news2"].value == 3


@pytest.mark.parametrize(
    ("pulse", "urgency", "text"),
    [
        (89.0, None, "0.89: not raised"),
        (90.0, Urgency.URGENT, "0.9: raised"),
        (99.0, Urgency.URGENT, "0.99: raised"),
        (100.0, Urgency.EMERGENCY, "1: shock likely"),
        (101.0, Urgency.EMERGENCY, "1.01: shock likely"),
    ],
)
def test_shock_index(pulse: float, urgency: Urgency | None, text: str) -> None:
    score = scored(heart_rate=pulse, systolic_bp=100.0)["shock_index"]
    assert outcome(score) == (pulse / 100, urgency)
    assert score.interpretation == text


def test_shock_index_is_a_ratio_to_two_places() -> None:
    assert scored(heart_rate=100.0, systolic_bp=150.0)["shock_index"].value == 0.67
    assert "shock_index" not in scored(heart_rate=100.0)
    assert "shock_index" not in scored(systolic_bp=100.0)
    assert "shock_index" not in scored(heart_rate=100.0, systolic_bp=0.0)


@pytest.mark.parametrize(
    ("gcs", "word", "urgency"),
    [
        (2, "severe", Urgency.EMERGENCY),
        (3, "severe", Urgency.EMERGENCY),
        (8, "severe", Urgency.EMERGENCY),
        (9, "moderate", Urgency.EMERGENCY),
        (12, "moderate", Urgency.EMERGENCY),
        (13, "mild", None),
        (14, "mild", None),
        (15, "fully conscious", None),
    ],
)
def test_glasgow_coma_scale(gcs: int, word: str, urgency: Urgency | None) -> None:
    score = scored(gcs=gcs)["gcs"]
    assert outcome(score) == (gcs, urgency)
    assert word in score.interpretation


@pytest.mark.parametrize(("age", "warned"), [(4.9, True), (5, False), (6, False), (None, False)])
def test_the_coma_scale_of_small_children_has_other_answers(
    age: float | None, warned: bool
) -> None:
    assert ("infants" in scored(age, gcs=14)["gcs"].interpretation) is warned


@pytest.mark.parametrize(
    ("heart_rate", "respiratory_rate", "value", "said"),
    [
        (87.0, 21.0, 1, "heart rate 87 is below 88 to 156"),
        (88.0, 21.0, 0, ""),
        (156.0, 53.0, 0, ""),
        (157.0, 53.0, 1, "heart rate 157 is above 88 to 156"),
        (100.0, 20.0, 1, "respiratory rate 20 is below 21 to 53"),
        (100.0, 54.0, 1, "respiratory rate 54 is above 21 to 53"),
        (
            160.0,
            60.0,
            2,
            "heart rate 160 is above 88 to 156; respiratory rate 60 is above 21 to 53",
        ),
    ],
)
def test_vital_signs_of_a_child_of_one(
    heart_rate: float, respiratory_rate: float, value: int, said: str
) -> None:
    score = scored(1, heart_rate=heart_rate, respiratory_rate=respiratory_rate)["paediatric_vitals"]
    assert outcome(score) == (value, None)
    assert score.interpretation.endswith(said or "within the range for the age")
    assert ("outside" in score.interpretation) is (value > 0)


def test_vital_signs_of_a_child_may_be_known_in_part() -> None:
    score = scored(1, heart_rate=200.0)["paediatric_vitals"]
    assert score.missing == ("respiratory rate",)
    assert score.interpretation.startswith("at least 1 from what is known: outside")
    assert scored(1, respiratory_rate=30.0)["paediatric_vitals"].missing == ("heart rate",)


def test_only_children_are_measured_by_their_age() -> None:
    assert "paediatric_vitals" in scored(15.9, heart_rate=80.0)
    assert "paediatric_vitals" not in scored(16, heart_rate=80.0)
    assert "paediatric_vitals" not in scored(None, heart_rate=80.0)
    assert "paediatric_vitals" not in scored(10, temperature=37.0)


def test_normal_ranges_fall_with_age() -> None:
    rates = [normal_range("heart_rate", age)[1] for age in (0, 1, 5, 12, 17)]
    assert rates == sorted(rates, reverse=True)
