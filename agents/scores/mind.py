"""PHQ-9 and GAD-7, from structured answers; a note is no questionnaire.

An answer is a stated finding with a severity: mild for several days, moderate for more than half
the days, severe for nearly every day; absent for not at all.
Sources: Kroenke et al. J Gen Intern Med 2001 (``kroenke-2001``), from 12 years by USPSTF 2022;
Spitzer et al. Arch Intern Med 2006 (``spitzer-2006``), in adults.
"""

from collections.abc import Collection

from agents.scores.points import LOWEST, Band, Item, Title, refusal, refused, summed
from agents.scores.subject import Subject
from agents.types import Score

_GRADE = {"mild": 1, "moderate": 2, "severe": 3}

_PHQ9 = Title("phq9", "PHQ-9", "kroenke-2001")
_PHQ9_FROM_YEARS = 12
_PHQ9_BANDS = (
    Band(LOWEST, "minimal symptoms of depression"),
    Band(5, "mild symptoms of depression"),
    Band(10, "moderate symptoms of depression"),
    Band(15, "moderately severe symptoms of depression"),
    Band(20, "severe symptoms of depression"),
)
_PHQ9_ASKED = ("low_mood", "anhedonia", "hopelessness")
_PHQ9_ITEMS = {
    "phq9_interest": "little interest or pleasure",
    "phq9_mood": "feeling down, depressed or hopeless",
    "phq9_sleep": "sleep",
    "phq9_energy": "energy",
    "phq9_appetite": "appetite",
    "phq9_worth": "feeling bad about oneself",
    "phq9_concentration": "concentration",
    "phq9_movement": "slowed down or restless",
    "phq9_self_harm": "thoughts of death or self-harm",
}
_GAD7 = Title("gad7", "GAD-7", "spitzer-2006")
_GAD7_FROM_YEARS = 18
_GAD7_BANDS = (
    Band(LOWEST, "minimal symptoms of anxiety"),
    Band(5, "mild symptoms of anxiety"),
    Band(10, "moderate symptoms of anxiety: assess further"),
    Band(15, "severe symptoms of anxiety: assess further"),
)
_GAD7_ASKED = ("anxiety", "panic_attacks")
_GAD7_ITEMS = {
    "gad7_nervous": "nervous, anxious or on edge",
    "gad7_control": "cannot stop or control worrying",
    "gad7_worry": "worrying too much",
    "gad7_relax": "trouble relaxing",
    "gad7_restless": "restless",
    "gad7_irritable": "irritable",
    "gad7_afraid": "afraid that something awful might happen",
}

_PHQ9_RAISED = frozenset({*_PHQ9_ITEMS, *_PHQ9_ASKED})
_GAD7_RAISED = frozenset({*_GAD7_ITEMS, *_GAD7_ASKED})


def phq9(subject: Subject) -> Score | None:
    if not _is_raised(subject, _PHQ9_RAISED):
        return None
    why_not = refusal(subject, _PHQ9_FROM_YEARS, pregnancy=False)
    items = [_answer(subject, key, name) for key, name in _PHQ9_ITEMS.items()]
    at_risk = subject.has("phq9_self_harm")
    note = "thoughts of death or self-harm: assess the risk of suicide" if at_risk else ""
    score = summed(_PHQ9, why_not, items, _PHQ9_BANDS, note)
    core = tuple(item.name for item in items[:2])
    return score or _unanswered(subject, _PHQ9, why_not, _PHQ9_ASKED, (*core, "seven more answers"))


def gad7(subject: Subject) -> Score | None:
    if not _is_raised(subject, _GAD7_RAISED):
        return None
    why_not = refusal(subject, _GAD7_FROM_YEARS, pregnancy=False)
    items = [_answer(subject, key, name) for key, name in _GAD7_ITEMS.items()]
    score = summed(_GAD7, why_not, items, _GAD7_BANDS)
    core = tuple(item.name for item in items[:2])
    return score or _unanswered(subject, _GAD7, why_not, _GAD7_ASKED, (*core, "five more answers"))


def _is_raised(subject: Subject, findings: frozenset[str]) -> bool:
    """Whether anything is said of any of these; most patients are asked none of it."""
    said: tuple[Collection[str], ...] = (subject.present, subject.absent, subject.statements)
    return not all(findings.isdisjoint(names) for names in said)


def _answer(subject: Subject, finding: str, name: str) -> Item:
    """0 to 3; present without a grade is at least 1. What a note denies answers no question."""
    grades = [_GRADE[m.severity] for m in subject.said(finding) if m.severity is not None]
    if grades:
        return Item(name, max(grades))
    if subject.has(finding):
        return Item(name, None, 1)
    return Item(name, 0 if finding in subject.absent else None)


def _unanswered(
    subject: Subject, title: Title, why_not: str, asked: tuple[str, ...], missing: tuple[str, ...]
) -> Score | None:
    """Where the complaint raises the question but nobody has answered it."""
    if not subject.has(*asked):
        return None
    if why_not:
        return refused(title, why_not)
    shown = "not calculated: needs the answers of the questionnaire"
    return Score(title.key, title.name, None, shown, missing=missing, source=title.source)


RULES = (phq9, gad7)
