"""Numbers in a note: durations, vitals with their units, age and sex."""

# ruff: noqa: E501 (tables of expressions read best one a line)

import re
from collections.abc import Iterator

from msgspec import Struct

from agents.types import Sex

_HOURS = {
    "second": 1 / 3600,
    "sec": 1 / 3600,
    "minute": 1 / 60,
    "min": 1 / 60,
    "hour": 1.0,
    "hr": 1.0,
    "day": 24.0,
    "night": 24.0,
    "week": 168.0,
    "wk": 168.0,
    "fortnight": 336.0,
    "month": 730.5,
    "year": 8766.0,
    "yr": 8766.0,
    "decade": 87660.0,
}
_NUMBERS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "couple": 2, "few": 3,
    "several": 4, "past": 1, "last": 1, "many": 6, "half": 0.5,
}  # fmt: skip
_DURATION = re.compile(
    r"\b(?:(?P<n>\d{1,3}(?:\.\d+)?)(?:\s*(?:-|–|to|or)\s*\d{1,3}(?:\.\d+)?)?|(?P<w>"
    + "|".join(_NUMBERS)
    + r"))(?:\s+(?:or\s+(?:two|three|so)|of|more|full|past|last))?[\s-]{0,3}"
    r"(?P<u>seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|nights?|weeks?|wks?|fortnights?|months?"
    r"|years?|yrs?|decades?)\b(?P<old>[\s-]*(?:old|of\s+age|of\s+life|boy|girl|baby|infant|after|later|following))?(?P<ago>\s*(?:ago|before|prior|earlier))?",
    re.IGNORECASE,
)
_NAMED = (
    (re.compile(r"\bsince\s+(?:yesterday|last\s+night)\b|\bovernight\b", re.IGNORECASE), 18.0),
    (re.compile(r"\bsince\s+(?:this\s+morning|today|awakening|waking)\b|\bthis\s+(?:morning|afternoon|evening)\b|\btoday\b", re.IGNORECASE), 8.0),
    (re.compile(r"\byesterday\b|\blast\s+night\b", re.IGNORECASE), 24.0),
    (re.compile(r"\bsince\s+(?:childhood|birth|infancy|adolescence)\b|\blife-?long\b|\bfor\s+(?:many\s+)?years\b", re.IGNORECASE), 87660.0),
    (re.compile(r"\bfor\s+(?:many\s+)?months\b", re.IGNORECASE), 4383.0),
    (re.compile(r"\bfor\s+(?:many\s+)?weeks\b", re.IGNORECASE), 672.0),
    (re.compile(r"\bfor\s+(?:many\s+)?days\b", re.IGNORECASE), 96.0),
    (re.compile(r"\bfor\s+(?:many\s+)?hours\b", re.IGNORECASE), 6.0),
)  # fmt: skip
_FREQUENCY = re.compile(
    r"(?:\bper|\btimes|\bonce|\btwice|\bevery|\beach)\s*(?:in\s*)?$", re.IGNORECASE
)
_ARTICLE_LEAD = re.compile(
    r"\b(?:for|in|over|since|within|during|about|around|almost|nearly|lasting|lasts|lasted|after"
    r"|the|than|under|of|half)\s*(?:about|around|almost|nearly|the|at least|over)?\s*$",
    re.IGNORECASE,
)
_LASTING = re.compile(
    r"(?:\b(?:lasts|lasting|lasted)\b[^.;]{0,20}|(?<!the)(?<!this)\s(?:typically|usually|to|they|and)\s+last\b[^.;]{0,15})$",
    re.IGNORECASE,
)


class Duration(Struct, frozen=True):
    """A stretch of time in hours; ``lasting`` is the length of a spell, not of the illness."""

    hours: float
    start: int
    end: int
    lasting: bool
    ago: bool


def durations(text: str) -> list[Duration]:
    """All durations of a section, in order; ages and frequencies are left out."""
    found = [d for m in _DURATION.finditer(text) if (d := _duration(m, text)) is not None]
    taken = [(d.start, d.end) for d in found]
    for pattern, hours in _NAMED:
        for match in pattern.finditer(text):
            if not any(s < match.end() and match.start() < e for s, e in taken):
                found.append(Duration(hours, match.start(), match.end(), False, False))
                taken.append(match.span())
    return sorted(found, key=lambda d: d.start)


def _duration(match: "re.Match[str]", text: str) -> Duration | None:
    before = text[max(0, match.start() - 30) : match.start()]
    word = (match["w"] or "").lower()
    if match["old"] or _FREQUENCY.search(before):
        return None
    if word in ("a", "an") and not (match["ago"] or _ARTICLE_LEAD.search(before)):
        return None  # 'three times a day'
    number = float(match["n"]) if match["n"] else float(_NUMBERS[word])
    unit = match["u"].lower().rstrip("s")
    return Duration(
        hours=number * _HOURS[unit],
        start=match.start(),
        end=match.end(),
        lasting=bool(_LASTING.search(before)),
        ago=bool(match["ago"]),
    )


_NUMBER = r"(\d{1,3}(?:\.\d+)?)"
_VITALS: tuple[tuple[str, "re.Pattern[str]"], ...] = (
    ("temperature", re.compile(rf"\b(?:temp(?:erature)?|fevers?|pyrexia|febrile|T)\b[^\d.;]{{0,25}}{_NUMBER}\s*°?\s*([CF])?(?![\d/%])", re.IGNORECASE)),
    ("temperature", re.compile(rf"\b{_NUMBER}\s*(?:°\s*|degrees\s+|deg\s+)?([CF])\b", re.IGNORECASE)),
    ("heart_rate", re.compile(rf"\b(?:pulse|heart\s+rate|HR|PR)\b(?:\s+rate)?[^\d.;]{{0,15}}{_NUMBER}(?![\d/%])", re.IGNORECASE)),
    ("heart_rate", re.compile(rf"\b{_NUMBER}\s*(?:bpm\b|beats)", re.IGNORECASE)),
    ("respiratory_rate", re.compile(rf"\b(?:respiratory\s+rate|respirations?|resp\s+rate|RR)\b[^\d.;]{{0,15}}{_NUMBER}(?![\d/%])", re.IGNORECASE)),
    ("respiratory_rate", re.compile(rf"\b{_NUMBER}\s*breaths", re.IGNORECASE)),
    ("spo2", re.compile(rf"\b(?:sats?|saturations?|SpO2|SaO2|pulse\s+ox\w*|O2)\b[^\d.;]{{0,25}}{_NUMBER}\s*%?", re.IGNORECASE)),
    ("gcs", re.compile(rf"\b(?:GCS|glasgow\s+coma\s+s\w+)\b[^\d.;]{{0,12}}{_NUMBER}", re.IGNORECASE)),
    ("glucose", re.compile(rf"\b(?:glucose|blood\s+sugar|BM|RBS|FBS)\b[^\d.;]{{0,25}}{_NUMBER}\s*(mg|mmol)?", re.IGNORECASE)),
)  # fmt: skip
_PRESSURE = re.compile(r"\b(\d{2,3})\s*/\s*(\d{2,3})\b(?!\s*/)")
_PLAUSIBLE = {
    "temperature": (25.0, 45.0),
    "heart_rate": (15.0, 300.0),
    "respiratory_rate": (3.0, 120.0),
    "spo2": (40.0, 100.0),
    "gcs": (3.0, 15.0),
    "glucose": (0.5, 70.0),
}


class Measurement(Struct, frozen=True):
    """A vital read from text, in the units of ``agents.types``."""

    vital: str
    value: float
    start: int
    end: int


def measurements(text: str) -> Iterator[Measurement]:
    """Plausible vitals of a section; the first of each kind counts."""
    seen: set[str] = set()
    for vital, pattern in _VITALS:
        for match in pattern.finditer(text):
            value = _converted(vital, float(match[1]), match[2] if pattern.groups > 1 else None)
            low, high = _PLAUSIBLE[vital]
            if vital not in seen and low <= value <= high:
                seen.add(vital)
                yield Measurement(vital, value, *match.span())
    for match in _PRESSURE.finditer(text):
        systolic, diastolic = float(match[1]), float(match[2])
        if 60 <= systolic <= 280 and 20 <= diastolic < systolic and diastolic <= 160:
            yield Measurement("systolic_bp", systolic, *match.span())
            yield Measurement("diastolic_bp", diastolic, *match.span())
            return


def _converted(vital: str, value: float, unit: str | None) -> float:
    if vital == "temperature" and (value > 90 or (unit or "").upper() == "F"):
        return round((value - 32) / 1.8, 1)
    if vital == "glucose" and (unit == "mg" or (unit is None and value > 40)):
        return round(value / 18.0, 1)
    return value


_AGE = re.compile(
    r"\b(\d{1,3})[\s-]*(year|yr|month|week|day)s?[\s-]*old\b|\b(\d{1,3})\s*(?:yo|y/o|yof|yom)\b",
    re.IGNORECASE,
)
_SEX = re.compile(r"\b(?:(woman|female|girl|lady)|(man|male|boy|gentleman))\b", re.IGNORECASE)
_YEARS = {"year": 1.0, "yr": 1.0, "month": 1 / 12, "week": 7 / 365.25, "day": 1 / 365.25}


def age_in(text: str) -> float | None:
    """Age in years where the text states it: '6-week-old' is 0.115."""
    match = _AGE.search(text)
    if match is None:
        return None
    number = float(match[1] or match[3])
    years = number * _YEARS[(match[2] or "year").lower()]
    return years if 0 <= years <= 120 else None


def sex_in(text: str) -> Sex | None:
    """Sex by the first 'woman', 'boy' and the like."""
    match = _SEX.search(text[:300])
    if match is None:
        return None
    return Sex.FEMALE if match[1] else Sex.MALE
