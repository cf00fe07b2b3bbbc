"""What a reading says as a whole: tempo of the illness, and contradictions."""

import re
from collections.abc import Iterator

from agents.knowledge.schema import FindingEntry
from agents.language.attributes import Draft
from agents.language.measures import age_in, sex_in
from agents.types import (
    Case,
    Contradiction,
    FindingMention,
    Presence,
    Sex,
    Span,
    Tempo,
)

_COMPLAINT_KINDS = frozenset({"symptom", "sign"})
_COMPLAINT_SECTIONS = frozenset({"chief_complaint", "history", "text"})
_AGE_TOLERANCE = 1.5
AGE = "age"
_BABY = re.compile(
    r"(?:^|[.]\s+)(?:this|the|a|an)?\s*(?:\w+\s)?(?:baby|infant|newborn|neonate)\b(?!'s)",
    re.IGNORECASE,
)
_OLDEST_BABY, _OLDEST_MISTAKEN = 2.5, 25
"""Years; ages in weeks or months that were entered as years."""


def tempo_of(case: Case, drafts: list[Draft], findings: dict[str, FindingEntry]) -> Tempo:
    """Onset, duration and courses of the complaints, as first stated."""
    complaints = [
        d
        for d in drafts
        if d.is_current
        and d.span.section in _COMPLAINT_SECTIONS
        and findings[d.finding].kind in _COMPLAINT_KINDS
    ]
    onsets = [o for d in complaints for o in sorted(d.attributes.get("onset", ()))]
    hours = [d.duration_hours for d in complaints if d.duration_hours is not None]
    courses = {c for d in complaints for c in d.attributes.get("course", ())}
    for stated in case.findings:
        if stated.presence is Presence.PRESENT:
            onsets.extend([stated.onset] if stated.onset else [])
            hours.extend([stated.duration_hours] if stated.duration_hours is not None else [])
            courses.update([stated.course] if stated.course else [])
    return Tempo(
        onset=onsets[0] if onsets else None,  # type: ignore[arg-type]
        duration_hours=hours[0] if hours else None,
        courses=tuple(sorted(courses)),  # type: ignore[arg-type]
    )


def chief_spans(drafts: list[Draft]) -> frozenset[Span]:
    """Where the chief complaint stands: its own section, else the first sentence with findings."""
    current = [d for d in drafts if d.is_current and d.span.section in _COMPLAINT_SECTIONS]
    stated = [d for d in current if d.span.section == "chief_complaint"]
    leading = stated or [d for d in current if d.sentence == current[0].sentence]
    return frozenset(d.span for d in leading)


def contradictions_in(
    case: Case,
    mentions: list[FindingMention],
    findings: dict[str, FindingEntry],
    ancestors: dict[str, frozenset[str]],
) -> Iterator[Contradiction]:
    """Stated both ways, against the patient's sex, or an age that the text denies."""
    evidence = [m for m in mentions if m.is_evidence]
    present = {m.finding for m in evidence if m.presence is Presence.PRESENT}
    absent = {m.finding for m in evidence if m.presence is Presence.ABSENT}
    for key in sorted(present & absent):
        yield Contradiction(key, f"{findings[key].name} is stated as present and as absent.")
    for key in sorted(present - absent):
        for above in sorted(ancestors[key] & (absent - present)):
            yield Contradiction(
                above,
                f"{findings[above].name} is denied, but {findings[key].name.lower()} is present.",
            )
    yield from _against_sex(case, present, findings)
    yield from _against_text(case)


def _against_sex(
    case: Case, present: set[str], findings: dict[str, FindingEntry]
) -> Iterator[Contradiction]:
    for key in sorted(present):
        needed = findings[key].sex
        if needed is not None and case.sex is not None and needed is not case.sex:
            yield Contradiction(
                key, f"{findings[key].name} does not fit a {case.sex.value} patient."
            )
    if case.sex is Sex.MALE and case.pregnant is Presence.PRESENT:
        yield Contradiction("pregnant", "Pregnancy does not fit a male patient.")


def _against_text(case: Case) -> Iterator[Contradiction]:
    for section, text in case.note.sections():
        if section not in _COMPLAINT_SECTIONS:
            continue
        age, sex = age_in(text), sex_in(text)
        if _is_baby(case, text):
            yield Contradiction(
                AGE, "The note speaks of a baby, the age field of an older patient."
            )
        if age is None:
            continue
        if case.age_years is not None and abs(age - case.age_years) > _tolerance(case.age_years):
            yield Contradiction(AGE, "The note states another age than the age field.")
        # beside an age it is 'a 25-year-old woman', not some woman in the story
        if sex is not None and case.sex is not None and sex is not case.sex:
            yield Contradiction("sex", "The note states another sex than the sex field.")


def age_is_doubtful(case: Case) -> bool:
    """The note and the age field cannot both be right."""
    return any(c.subject == AGE for c in _against_text(case))


def _is_baby(case: Case, text: str) -> bool:
    """A unit of age gone wrong: 'this baby ...' of a patient entered as 10 years."""
    return (
        case.age_years is not None
        and _OLDEST_BABY < case.age_years < _OLDEST_MISTAKEN
        and _BABY.search(text) is not None
    )


def _tolerance(age_years: float) -> float:
    return max(_AGE_TOLERANCE, 0.1 * age_years)
