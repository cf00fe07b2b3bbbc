"""Points to a score: missing inputs are named and what is known stays a lower bound."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from agents.scores.subject import Subject
from agents.types import Score, Urgency

ADULT_YEARS = 16.0
LOWEST = float("-inf")
"""Start of the lowest band."""

ScoreRule = Callable[[Subject], Score | None]


class Title(NamedTuple):
    """Id and name of a score, and the id of the source of its bands."""

    key: str
    name: str
    source: str


class Item(NamedTuple):
    """One input; ``points`` is None where it is missing, and then ``least`` is what it adds."""

    name: str
    points: float | None
    least: float = 0


class Band(NamedTuple):
    """What a total from ``start`` up to the next band means."""

    start: float
    text: str
    urgency: Urgency | None = None


def when(name: str, holds: bool | None, points: float = 1) -> Item:
    """Points where it holds. One that is missing may still cost what it would take away."""
    return Item(name, None if holds is None else points * holds, min(points, 0))


def first_limit(value: float, limits: Sequence[tuple[float, int]], above: int) -> int:
    """Points of the first limit that a value does not exceed."""
    return next((points for limit, points in limits if value <= limit), above)


def refusal(subject: Subject, from_years: float = ADULT_YEARS, *, pregnancy: bool = True) -> str:
    """Why a score does not apply; empty where it does. ``pregnancy``: it is not for pregnancy."""
    if subject.age is None:
        return f"Needs the age: it holds for people from {from_years:g} years."
    if subject.age < from_years:
        return f"Not validated below {from_years:g} years."
    return "Not validated in pregnancy." if pregnancy and subject.pregnant else ""


def refused(title: Title, why: str) -> Score:
    return Score(
        title.key, title.name, None, "not calculated", not_applicable=why, source=title.source
    )


def summed(
    title: Title, why_not: str, items: Sequence[Item], bands: Sequence[Band], note: str = ""
) -> Score | None:
    """The sum of points; None where no input is known, refused where ``why_not`` says so.

    A lower bound says what it means only where it has left the lowest band.
    """
    if all(item.points is None and item.least <= 0 for item in items):
        return None
    if why_not:
        return refused(title, why_not)
    total = sum(item.least if item.points is None else item.points for item in items)
    missing = tuple(item.name for item in items if item.points is None)
    band = next((b for b in reversed(bands) if b.start <= total), bands[0])
    shown = f"at least {total:g} from what is known" if missing else f"{total:g}"
    if not missing or band is not bands[0]:
        shown = f"{shown}: {band.text}"
    if missing and band not in (bands[0], bands[-1]):
        shown = f"{shown} (or a higher band)"
    return Score(
        score=title.key,
        name=title.name,
        value=None if missing else total,
        interpretation=f"{shown}; {note}" if note else shown,
        missing=missing,
        urgency=band.urgency,
        source=title.source,
    )
