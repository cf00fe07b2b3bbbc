"""Normal ranges of heart rate and breathing in children: 1st to 99th centile by age.

Source: Fleming S et al. Normal ranges of heart rate and respiratory rate in children from birth
to 18 years of age. Lancet 2011;377:1011-18 (source id ``fleming-2011``).
"""

from bisect import bisect_right
from typing import Literal

ADULT_FROM_YEARS = 16.0

_FROM_YEARS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 15.0)
_HEART_RATE = (
    (107, 181), (104, 175), (98, 168), (93, 161), (88, 156), (82, 149), (76, 142), (70, 136),
    (65, 131), (59, 123), (52, 115), (47, 108), (43, 104),
)  # fmt: skip
_RESPIRATORY_RATE = (
    (25, 66), (24, 64), (23, 61), (22, 58), (21, 53), (19, 46), (18, 38), (17, 33),
    (17, 29), (16, 27), (14, 25), (12, 23), (11, 22),
)  # fmt: skip


def normal_range(
    vital: Literal["heart_rate", "respiratory_rate"], age_years: float
) -> tuple[float, float]:
    """(1st, 99th) centile per minute at an age from 0 to 18 years."""
    table = _HEART_RATE if vital == "heart_rate" else _RESPIRATORY_RATE
    return table[max(0, bisect_right(_FROM_YEARS, age_years) - 1)]
