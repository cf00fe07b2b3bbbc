"""Attributes of mentions: quality, what makes it worse or better, onset, course, severity, time.

An attribute belongs to the nearest mention in its sentence for which the knowledge has a finding
with that attribute; where the sentence has none ('The pain is worse lying flat'), to the latest
such mention before it.
"""

from collections.abc import Iterable

from msgspec import Struct

from agents.knowledge.schema import FindingEntry, Lexicon
from agents.language.context import Phrases
from agents.types import FindingMention, Presence, Severity, Span

SEVERITY_RANK: dict[str, int] = {"mild": 1, "moderate": 2, "severe": 3}
_CUED = ("aggravated", "relieved")
_CUE_REACH = 8
_DURATION_BANDS = (
    ("minutes", 1.0),
    ("hours", 24.0),
    ("days", 168.0),
    ("weeks", 1461.0),
    ("months", 8766.0),
)


def duration_band(hours: float) -> str:
    """minutes (< 1 h), hours (< 1 day), days (< 1 week), weeks (< 2 months), months, years."""
    for band, below in _DURATION_BANDS:
        if hours < below:
            return band
    return "years"


class Occurrence(Struct, frozen=True):
    """An attribute value at tokens ``[start, end)`` of a sentence."""

    attribute: str
    value: str
    start: int
    end: int


class Draft(Struct):
    """A mention while its section is being read."""

    finding: str
    presence: Presence
    sentence: int
    token: int
    span: Span
    text: str
    temporality: str = "current"
    subject: str = "patient"
    attributes: dict[str, set[str]] = {}
    denied_attributes: dict[str, set[str]] = {}
    severity: Severity | None = None
    duration_hours: float | None = None

    @property
    def is_current(self) -> bool:
        return (
            self.presence is Presence.PRESENT
            and self.temporality == "current"
            and self.subject == "patient"
        )


class AttributeReader:
    """Finds attribute values in sentences."""

    def __init__(self, lexicon: Lexicon) -> None:
        tables: dict[str, dict[str, tuple[str, ...]]] = {
            **lexicon.attributes,
            "onset": dict(lexicon.onset.items()),
            "course": dict(lexicon.course.items()),
            "severity": dict(lexicon.severity.items()),
        }
        self._meaning: dict[tuple[str, ...], list[tuple[str, str]]] = {}
        phrases: list[str] = []
        for attribute, values in tables.items():
            for value, wordings in values.items():
                for wording in wordings:
                    key = Phrases.words(wording)
                    self._meaning.setdefault(key, []).append((attribute, value))
                    phrases.append(wording)
        self._phrases = Phrases(phrases)
        self._relieving = Phrases(lexicon.relieving_cues)
        self._aggravating = Phrases(lexicon.aggravating_cues)

    def occurrences(self, words: list[str]) -> list[Occurrence]:
        """All attribute values in the words of one sentence."""
        spans = self._phrases.spans(words)
        if not spans:
            return []
        cues = self._cues(words)
        found: list[Occurrence] = []
        for start, end in spans:
            for attribute, value in self._meaning[tuple(words[start:end])]:
                if attribute not in _CUED or _cue_agrees(attribute, start, end, cues):
                    found.append(Occurrence(attribute, value, start, end))
        return found

    def _cues(self, words: list[str]) -> list[tuple[int, str]]:
        relieving = [(start, "relieved") for start, _ in self._relieving.spans(words)]
        aggravating = [(start, "aggravated") for start, _ in self._aggravating.spans(words)]
        return sorted(relieving + aggravating)


def _cue_agrees(attribute: str, start: int, end: int, cues: list[tuple[int, str]]) -> bool:
    """The nearest cue before it decides, else the nearest after it; alone it aggravates if long."""
    before = [kind for at, kind in cues if start - _CUE_REACH <= at < start]
    if before:
        return before[-1] == attribute
    after = [kind for at, kind in cues if end <= at < end + _CUE_REACH]
    if after:
        return after[0] == attribute
    return attribute == "aggravated" and end - start > 1


class Specialiser:
    """Findings that are a parent's mention with an attribute or a severity."""

    def __init__(
        self, findings: dict[str, FindingEntry], ancestors: dict[str, frozenset[str]]
    ) -> None:
        # sorted: the same case must give the same bytes in every process
        self._lineage = {key: tuple(sorted({*above, key})) for key, above in ancestors.items()}
        self._by_parent: dict[str, list[tuple[str, FindingEntry]]] = {}
        self._accepting: dict[tuple[str, str], set[str]] = {}
        for key, entry in findings.items():
            if not (entry.when or entry.severity):
                continue
            for parent in entry.parents:
                self._by_parent.setdefault(parent, []).append((key, entry))
                for attribute, values in entry.when.items():
                    for value in values:
                        self._accepting.setdefault((attribute, value), set()).add(parent)
                if entry.severity:
                    self._accepting.setdefault(("severity", entry.severity), set()).add(parent)

    def accepts(self, finding: str, attribute: str, value: str) -> bool:
        """True where some more specific finding would follow from the attribute."""
        return not self._accepting.get((attribute, value), frozenset()).isdisjoint(
            self._lineage[finding]
        )

    def derived(self, draft: Draft) -> Iterable[tuple[str, Presence]]:
        """Findings that a present mention's attributes make, or deny."""
        if not (draft.attributes or draft.denied_attributes or draft.severity):
            return
        for parent in self._lineage[draft.finding]:
            for key, entry in self._by_parent.get(parent, ()):
                if _meets(entry, draft.attributes, draft.severity):
                    yield key, Presence.PRESENT
                elif entry.when and _meets(entry, draft.denied_attributes, draft.severity):
                    yield key, Presence.ABSENT


def _meets(entry: FindingEntry, attributes: dict[str, set[str]], severity: str | None) -> bool:
    if entry.severity and severity != entry.severity:
        return False
    return all(
        not attributes.get(attribute, set()).isdisjoint(values)
        for attribute, values in entry.when.items()
    )


def as_mention(draft: Draft) -> FindingMention:
    return FindingMention(
        finding=draft.finding,
        presence=draft.presence,
        source="text",
        span=draft.span,
        text=draft.text,
        attributes={k: ", ".join(sorted(v)) for k, v in sorted(draft.attributes.items())},
        temporality=draft.temporality,  # type: ignore[arg-type]
        subject=draft.subject,  # type: ignore[arg-type]
        severity=draft.severity,
        duration_hours=draft.duration_hours,
    )
