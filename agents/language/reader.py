"""A case's text to finding mentions, contradictions and tempo. Pure: same text, same reading."""

from collections.abc import Iterable, Iterator

from rapidfuzz import process
from rapidfuzz.distance import DamerauLevenshtein

from agents.knowledge.schema import KnowledgeText
from agents.language.attributes import AttributeReader, Draft, Specialiser, as_mention
from agents.language.lexicon import PhraseIndex
from agents.language.measures import age_in, measurements
from agents.language.section import SectionReader
from agents.language.summary import (
    age_is_doubtful,
    chief_spans,
    contradictions_in,
    tempo_of,
)
from agents.language.tokens import Vocabulary
from agents.language.vitals import VitalRules
from agents.language.wordings import Wordings
from agents.types import (
    Case,
    FindingMention,
    Note,
    Presence,
    Reading,
    Span,
    StatedFinding,
    Vitals,
)


class Reader:
    """Compiled once for each knowledge release."""

    def __init__(
        self, text: KnowledgeText, ancestors: dict[str, frozenset[str]], wordings: Wordings
    ) -> None:
        vocabulary = Vocabulary(text.lexicon.classes, text.lexicon.stopwords)
        self._findings = text.findings
        self._ancestors = ancestors
        self._vocabulary = vocabulary
        index = PhraseIndex(wordings.findings)
        vocabulary.learn(index.stems, index.pairs)
        self._specialiser = Specialiser(text.findings, ancestors)
        self._vitals = VitalRules(text.findings)
        self._section = SectionReader(
            text.findings,
            vocabulary,
            index,
            PhraseIndex(wordings.conditions),
            text.lexicon,
            AttributeReader(text.lexicon),
            self._specialiser,
        )
        self._names = wordings.names
        self._ages = text.lexicon.ages

    # --- structured findings --------------------------------------------------------------

    def resolve(self, name: str) -> str | None:
        """Finding id for an id, a name or a synonym, misspellings forgiven; None if unknown."""
        if name in self._findings:
            return name
        spelt = " ".join(sorted(self._vocabulary.phrase(name)))
        return self._names.get(spelt) or self._resolve_misspelt(spelt)

    def _resolve_misspelt(self, wanted: str) -> str | None:
        if len(wanted) < 6 or len(wanted) > 80:
            return None
        best = process.extractOne(
            wanted,
            self._names.keys(),
            scorer=DamerauLevenshtein.distance,
            score_cutoff=1 if len(wanted) < 10 else 2,
        )
        return self._names[best[0]] if best else None

    # --- the whole case -------------------------------------------------------------------

    def read(self, case: Case) -> Reading:
        """All mentions of a case; nothing of it is dropped silently."""
        unrecognised: list[str] = []
        mentions = list(self._stated(case.findings, unrecognised))
        drafts, named, words = self._read_note(case.note, self._impossible(case))
        from_text = [*(as_mention(d) for d in drafts), *self._derived(drafts)]
        mentions.extend(from_text)
        mentions.extend(self.measured(case))
        if case.pregnant is not Presence.UNKNOWN and "pregnant" in self._findings:
            mentions.append(FindingMention("pregnant", case.pregnant, "stated"))
        present, absent, past = self._settled(mentions)
        leading = chief_spans(drafts)
        return Reading(
            mentions=tuple(mentions),
            present=tuple(sorted(present)),
            absent=tuple(sorted(absent)),
            past=tuple(sorted(past)),
            chief=tuple(sorted({m.finding for m in from_text if m.span in leading} & present)),
            unrecognised=tuple(unrecognised),
            contradictions=tuple(
                contradictions_in(case, mentions, self._findings, self._ancestors)
            ),
            tempo=tempo_of(case, drafts, self._findings),
            named_conditions=tuple(named),
            word_count=words,
        )

    def _stated(
        self, stated: Iterable[StatedFinding], unrecognised: list[str]
    ) -> Iterator[FindingMention]:
        for item in stated:
            key = self.resolve(item.name)
            if key is None:
                unrecognised.append(item.name)
                continue
            draft = Draft(
                key, item.presence, -1, -1, Span("text", 0, 0), item.name, severity=item.severity
            )
            attributes = {
                k: v for k, v in (("onset", item.onset), ("course", item.course)) if v is not None
            }
            draft.attributes = {k: {v} for k, v in attributes.items()}
            yield FindingMention(
                finding=key,
                presence=item.presence,
                source="stated",
                text=item.name,
                attributes=dict(attributes),
                severity=item.severity,
                duration_hours=item.duration_hours,
            )
            if item.presence is Presence.PRESENT:
                for child, presence in self._specialiser.derived(draft):
                    yield FindingMention(child, presence, "derived", text=item.name)

    def _impossible(self, case: Case) -> frozenset[str]:
        """Findings that do not exist at the patient's age; none where the age is in doubt."""
        age = case.age_years
        if age is None or age_is_doubtful(case):
            return frozenset()
        return frozenset(
            key for key, (first, last) in self._ages.items() if not first <= age <= last
        )

    def _read_note(self, note: Note, impossible: frozenset[str]) -> tuple[list[Draft], list, int]:  # type: ignore[type-arg]
        drafts: list[Draft] = []
        named: list = []  # type: ignore[type-arg]
        words = 0
        for section, text in note.sections():
            words += self._section.read(section, text, drafts, named, impossible)
        return drafts, named, words

    def _derived(self, drafts: list[Draft]) -> Iterator[FindingMention]:
        seen: set[tuple[str, Presence]] = set()
        for draft in drafts:
            if not draft.is_current:
                continue
            for key, presence in self._specialiser.derived(draft):
                if (key, presence) not in seen:
                    seen.add((key, presence))
                    yield FindingMention(key, presence, "derived", draft.span, draft.text)

    def measured(self, case: Case) -> Iterator[FindingMention]:
        """Findings that follow from vitals, structured or stated in the note."""
        age = case.age_years
        if age is None:
            age = next((a for _, t in case.note.sections() if (a := age_in(t)) is not None), None)
        seen: set[str] = set()
        for vital in VitalRules.names:
            value = getattr(case.vitals, vital)
            if value is not None:
                seen.add(vital)
                yield from self._vitals.mentions(vital, float(value), age, None, "")
        for section, text in case.note.sections():
            if section == "past_history":
                continue
            for measured in measurements(text):
                if measured.vital not in seen:
                    seen.add(measured.vital)
                    span = Span(section, measured.start, measured.end)
                    yield from self._vitals.mentions(
                        measured.vital, measured.value, age, span, text[span.start : span.end]
                    )

    def _settled(self, mentions: list[FindingMention]) -> tuple[set[str], set[str], set[str]]:
        """Present wins over absent, and whatever implies a finding makes it present.

        What was there in the past counts where nothing is said of now.
        """
        present = {m.finding for m in mentions if m.is_evidence and m.presence is Presence.PRESENT}
        implied = present.union(*(self._ancestors[f] for f in present))
        absent = {m.finding for m in mentions if m.is_evidence and m.presence is Presence.ABSENT}
        past = {m.finding for m in mentions if m.is_past and m.presence is Presence.PRESENT}
        return present, absent - implied, past - implied - absent

    def vitals_of(self, case: Case) -> Vitals:
        """Structured vitals, filled up with those that the note states."""
        values = {name: getattr(case.vitals, name) for name in Vitals.__struct_fields__}
        for section, text in case.note.sections():
            if section == "past_history":
                continue
            for measured in measurements(text):
                if values.get(measured.vital) is None:
                    values[measured.vital] = measured.value
        if values.get("gcs") is not None:
            values["gcs"] = int(values["gcs"])
        return Vitals(**values)
