"""The words of the screen for the words of the code, as a clinician would say them."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from agents.types import AgentName, Presence, Urgency


class UrgencyWords(Struct, frozen=True):
    """``icon`` names a file in ``templates/icons``; ``key`` a class in the style sheet."""

    key: str
    title: str
    sentence: str
    icon: str


URGENCIES: Final[Mapping[str, UrgencyWords]] = {
    Urgency.EMERGENCY: UrgencyWords(
        "emergency", "Emergency", "Needs emergency care now.", "icons/octagon.svg"
    ),
    Urgency.URGENT: UrgencyWords(
        "urgent", "Urgent", "Needs to be assessed today.", "icons/triangle.svg"
    ),
    Urgency.ROUTINE: UrgencyWords(
        "routine", "Routine", "Can be seen at a routine appointment.", "icons/calendar.svg"
    ),
    Urgency.SELF_CARE: UrgencyWords(
        "self-care", "Self-care", "Likely to settle with self-care and safety-netting.",
        "icons/house.svg",
    ),
    "": UrgencyWords(
        "unknown", "Urgency not determined",
        "The case does not say enough to judge how urgent it is. Assess the patient yourself.",
        "icons/question.svg",
    ),
}  # fmt: skip

AGENTS: Final[Mapping[str, tuple[str, str]]] = {
    AgentName.DETECTOR: ("Emergency detector", "Looks for red flags and warning scores"),
    AgentName.CLASSIFIER: ("Symptom classifier", "Reads the note into coded findings"),
    AgentName.MATCHER: ("Condition matcher", "Ranks conditions that explain the findings"),
    AgentName.RETRIEVER: ("Treatment retriever", "Finds guideline recommendations"),
}
"""Name and task, in the order in which they are shown."""

WITHOUT_AGENT: Final[Mapping[str, str]] = {
    AgentName.DETECTOR: "Red flags and scores may be missing: look for emergencies yourself.",
    AgentName.CLASSIFIER: "The note was not read: nothing below rests on its text.",
    AgentName.MATCHER: "There is no ranking of conditions.",
    AgentName.RETRIEVER: "There are no guideline recommendations.",
}

OPINION_STATUSES: Final[Mapping[str, str]] = {
    "completed": "Done",
    "failed": "Failed",
    "timed_out": "Timed out",
    "breaker_open": "Not asked",
}

SESSION_STATUSES: Final[Mapping[str, str]] = {
    "running": "Running",
    "complete": "Complete",
    "partial": "Partial",
    "failed": "Failed",
    "interrupted": "Interrupted",
}

PRESENCES: Final[Mapping[str, str]] = {
    Presence.PRESENT: "present",
    Presence.ABSENT: "absent",
    Presence.UNKNOWN: "not asked",
}

KINDS_OF_ADVICE: Final[Mapping[str, str]] = {
    "investigation": "Investigate",
    "treatment": "Treat",
    "referral": "Refer",
    "safety_net": "Safety net",
    "prevention": "Prevent",
    "advice": "Advise",
}
STRENGTHS: Final[Mapping[str, str]] = {
    "strong": "Strong recommendation",
    "conditional": "Conditional recommendation",
    "good_practice": "Good practice point",
    "not_stated": "Strength not stated",
}
CERTAINTIES: Final[Mapping[str, str]] = {
    "high": "High certainty",
    "moderate": "Moderate certainty",
    "low": "Low certainty",
    "very_low": "Very low certainty",
    "not_stated": "Certainty not stated",
}

INPUTS: Final[Mapping[str, str]] = {
    "temperature": "Temperature",
    "heart_rate": "Heart rate",
    "respiratory_rate": "Respiratory rate",
    "systolic_bp": "Systolic blood pressure",
    "diastolic_bp": "Diastolic blood pressure",
    "spo2": "Oxygen saturation",
    "on_oxygen": "On supplementary oxygen",
    "consciousness": "Consciousness",
    "glucose": "Glucose",
    "weight": "Weight",
    "gcs": "Glasgow coma scale",
    "age_years": "Age",
    "sex": "Sex",
    "pregnant": "Pregnancy",
}
UNITS: Final[Mapping[str, str]] = {
    "temperature": "°C",
    "heart_rate": "/min",
    "respiratory_rate": "/min",
    "systolic_bp": "mmHg",
    "diastolic_bp": "mmHg",
    "spo2": "%",
    "glucose": "mmol/L",
    "weight": "kg",
}
SECTIONS: Final[Mapping[str, str]] = {
    "chief_complaint": "Chief complaint",
    "history": "History",
    "denies": "Denies",
    "past_history": "Past history",
    "family_history": "Family history",
    "social_history": "Social history",
    "text": "Note",
}


def urgency_words(urgency: str | None) -> UrgencyWords:
    """The words for an urgency; None is 'not determined', never 'harmless'."""
    return URGENCIES[urgency or ""]


def plain(identifier: str) -> str:
    """An id that the knowledge in use no longer has, made readable."""
    return identifier.replace("_", " ").capitalize()


def percent(probability: float) -> str:
    """A probability for people; nothing is ever said to be impossible or certain."""
    if probability < 0.01:
        return "<1 %"
    if probability > 0.99:
        return ">99 %"
    return f"{probability:.0%}".replace("%", " %")


def ratio(likelihood_ratio: float) -> str:
    """A likelihood ratio with two telling digits."""
    if likelihood_ratio >= 9.95:
        return f"{likelihood_ratio:.0f}"
    return f"{likelihood_ratio:.2g}" if likelihood_ratio < 0.995 else f"{likelihood_ratio:.1f}"


def weight(value: float) -> str:
    """A weight in the score, signed; what rounds to nothing says so."""
    return "0" if abs(value) < 0.05 else f"{value:+.1f}".replace("-", "\N{MINUS SIGN}")


def duration(hours: float) -> str:
    """Hours in the largest unit that keeps the number above one."""
    for unit, length in (("years", 8766.0), ("months", 730.5), ("weeks", 168.0), ("days", 24.0)):
        if hours >= 2 * length:
            return f"{hours / length:.0f} {unit}"
    if hours >= 1:
        return f"{hours:.0f} {'hour' if round(hours) == 1 else 'hours'}"
    return f"{hours * 60:.0f} minutes"


def age(years: float) -> str:
    """An age as it is spoken: days, months, then years."""
    if years < 1 / 12:
        return f"{years * 365.25:.0f} days old"
    if years < 2:
        return f"{years * 12:.0f} months old"
    return f"{years:.0f} years old"


def milliseconds(duration_ms: float) -> str:
    """A duration of an agent or a consultation."""
    if duration_ms >= 1000:
        return f"{duration_ms / 1000:.1f} s"
    return f"{duration_ms:.0f} ms" if duration_ms >= 1 else "<1 ms"
