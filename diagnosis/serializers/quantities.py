"""Measured quantities as people send them, turned into the units of ``agents.types``."""

import re
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from agents.errors import InvalidCase


class Quantity(Struct, frozen=True, forbid_unknown_fields=True):
    """A number with its unit, such as ``{"value": 101, "unit": "F"}``."""

    value: float
    unit: str


Scale = tuple[float, float]
"""A unit is turned into the product's own by ``value * factor + offset``."""

_PLAIN: Final[Scale] = (1.0, 0.0)
_DAYS_A_YEAR: Final = 365.25
_HOURS_A_DAY: Final = 24.0

_AGE: Final[Mapping[str, Scale]] = {
    "years": _PLAIN,
    "months": (1 / 12, 0.0),
    "weeks": (7 / _DAYS_A_YEAR, 0.0),
    "days": (1 / _DAYS_A_YEAR, 0.0),
}
_DURATION: Final[Mapping[str, Scale]] = {
    "minutes": (1 / 60, 0.0),
    "hours": _PLAIN,
    "days": (_HOURS_A_DAY, 0.0),
    "weeks": (7 * _HOURS_A_DAY, 0.0),
    "months": (_DAYS_A_YEAR / 12 * _HOURS_A_DAY, 0.0),
    "years": (_DAYS_A_YEAR * _HOURS_A_DAY, 0.0),
}
_PRESSURE: Final[Mapping[str, Scale]] = {"mmhg": _PLAIN, "kpa": (7.50062, 0.0)}
_RATE: Final[Mapping[str, Scale]] = {"/min": _PLAIN, "bpm": _PLAIN}

UNITS: Final[Mapping[str, Mapping[str, Scale]]] = {
    "age": _AGE,
    "duration": _DURATION,
    "temperature": {"c": _PLAIN, "f": (5 / 9, -160 / 9), "k": (1.0, -273.15)},
    "heart_rate": _RATE,
    "respiratory_rate": _RATE,
    "systolic_bp": _PRESSURE,
    "diastolic_bp": _PRESSURE,
    "spo2": {"%": _PLAIN},
    "glucose": {"mmol/l": _PLAIN, "mg/dl": (1 / 18.016, 0.0)},
    "weight": {"kg": _PLAIN, "g": (0.001, 0.0), "lb": (0.45359237, 0.0)},
}

_SPELLINGS: Final[Mapping[str, str]] = {
    "year": "years",
    "yr": "years",
    "yrs": "years",
    "y": "years",
    "month": "months",
    "mo": "months",
    "week": "weeks",
    "wk": "weeks",
    "w": "weeks",
    "day": "days",
    "d": "days",
    "hour": "hours",
    "hr": "hours",
    "hrs": "hours",
    "h": "hours",
    "minute": "minutes",
    "min": "minutes",
    "mins": "minutes",
    "°c": "c",
    "celsius": "c",
    "°f": "f",
    "fahrenheit": "f",
    "kelvin": "k",
    "lbs": "lb",
    "kilograms": "kg",
    "percent": "%",
}

# The digits are bounded so that no input makes the number long to convert.
_WORDED: Final = re.compile(r"\s*(\d{1,6}(?:\.\d{1,6})?)\s*([a-z]{1,10})\s*", re.IGNORECASE)


def measured(field: str, quantity: float | Quantity | None) -> float | None:
    """The quantity in the product's own unit; ``field`` ends in the name of what was measured.

    Raises InvalidCase where the unit does not measure it.
    """
    if not isinstance(quantity, Quantity):
        return quantity
    units = UNITS[field.rpartition(".")[2]]
    spelt = quantity.unit.strip().lower()
    scale = units.get(spelt) or units.get(_SPELLINGS.get(spelt, ""))
    if scale is None:
        raise InvalidCase(f"{field}.unit", f"is not one of {', '.join(units)}.")
    factor, offset = scale
    return quantity.value * factor + offset


def lasting(field: str, duration: str | Quantity | None) -> float | None:
    """Hours of a duration such as ``"3 days"``. Raises InvalidCase where it cannot be read."""
    if isinstance(duration, str):
        worded = _WORDED.fullmatch(duration)
        if worded is None:
            raise InvalidCase(field, 'is not a number with a unit, such as "3 days".')
        duration = Quantity(float(worded[1]), worded[2])
    return measured(field, duration)
