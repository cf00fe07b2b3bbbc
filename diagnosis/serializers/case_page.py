"""A case as pages show it: who, what was measured, and the note with its findings marked."""

from collections.abc import Callable, Iterator
from typing import Final

from msgspec import Struct

from agents.types import (
    Case,
    Consultation,
    FindingMention,
    Presence,
    Section,
    Setting,
    StatedFinding,
    Vitals,
)
from diagnosis.serializers import words

_SETTINGS: Final = {
    Setting.PRIMARY_CARE: "Primary care",
    Setting.EMERGENCY: "Emergency department",
}


class Passage(Struct, frozen=True):
    """A stretch of the note; ``mark`` is '' or how the finding in it was read."""

    text: str
    mark: str = ""
    title: str = ""


class NoteSection(Struct, frozen=True):
    title: str
    passages: tuple[Passage, ...]


class CasePage(Struct, frozen=True):
    """``patient`` and ``vitals`` are ready to print; ``findings`` were entered, not read."""

    patient: tuple[str, ...]
    vitals: tuple[tuple[str, str], ...]
    findings: tuple[str, ...]
    note: tuple[NoteSection, ...]


def case_page(
    case: Case, consultation: Consultation | None, name_of: Callable[[str], str]
) -> CasePage:
    """The case, with what the classifier has read marked in the note once there is a reading."""
    mentions = consultation.reading.mentions if consultation else ()
    return CasePage(
        patient=tuple(_patient(case)),
        vitals=tuple(_vitals(case.vitals)),
        findings=tuple(_stated(finding, name_of) for finding in case.findings),
        note=tuple(
            NoteSection(words.SECTIONS[section], tuple(_passages(section, text, mentions, name_of)))
            for section, text in case.note.sections()
        ),
    )


def _patient(case: Case) -> Iterator[str]:
    yield words.age(case.age_years) if case.age_years is not None else "Age not given"
    yield case.sex.value.capitalize() if case.sex else "Sex not given"
    if case.pregnant is not Presence.UNKNOWN:
        yield "Pregnant" if case.pregnant is Presence.PRESENT else "Not pregnant"
    yield _SETTINGS[case.setting]


def _vitals(vitals: Vitals) -> Iterator[tuple[str, str]]:
    for name in vitals.__struct_fields__:
        value = getattr(vitals, name)
        if value is not None:
            yield words.INPUTS[name], _vital(name, value)


def _vital(name: str, value: float | bool | str) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, str):
        return value.capitalize()
    # converted units carry digits that nobody measured
    return f"{round(value, 1):g} {words.UNITS.get(name, '')}".strip()


def _stated(finding: StatedFinding, name_of: Callable[[str], str]) -> str:
    said = [name_of(finding.name)]
    if finding.presence is not Presence.PRESENT:
        said.append(words.PRESENCES[finding.presence])
    said += [
        attribute for attribute in (finding.severity, finding.onset, finding.course) if attribute
    ]
    if finding.duration_hours is not None:
        said.append(words.duration(finding.duration_hours))
    return ", ".join(said)


def _passages(
    section: Section,
    text: str,
    mentions: tuple[FindingMention, ...],
    name_of: Callable[[str], str],
) -> Iterator[Passage]:
    """The whole text in stretches; of overlapping mentions the first and longest is marked."""
    at = 0
    for mention in _marked(section, mentions):
        span = mention.span
        if span is None or span.start < at or span.end > len(text):
            continue
        if span.start > at:
            yield Passage(text[at : span.start])
        yield Passage(text[span.start : span.end], _mark(mention), _title(mention, name_of))
        at = span.end
    if at < len(text):
        yield Passage(text[at:])


def _marked(section: Section, mentions: tuple[FindingMention, ...]) -> list[FindingMention]:
    here = [m for m in mentions if m.span is not None and m.span.section == section]
    return sorted(here, key=lambda m: (m.span.start, -m.span.end) if m.span else (0, 0))


def _mark(mention: FindingMention) -> str:
    return mention.presence.value if mention.is_evidence else "aside"


def _title(mention: FindingMention, name_of: Callable[[str], str]) -> str:
    said = f"{name_of(mention.finding)}: {words.PRESENCES[mention.presence]}"
    if mention.subject == "family":
        return f"{said} in the family"
    return said if mention.is_evidence else f"{said} ({mention.temporality})"
