"""One section of a note to drafts of mentions."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from agents.knowledge.schema import FindingEntry, Lexicon
from agents.language.attributes import (
    SEVERITY_RANK,
    AttributeReader,
    Draft,
    Occurrence,
    Specialiser,
    duration_band,
)
from agents.language.context import ContextReader, SentenceContext
from agents.language.lexicon import PhraseIndex, PhraseMatch
from agents.language.measures import Duration, durations
from agents.language.sites import placed
from agents.language.tokens import Sentence, Vocabulary
from agents.types import NamedCondition, Presence, Section, Span

_LASTING_KINDS = frozenset({"history", "exposure", "drug", "family_history"})
_EVENTS = frozenset({"exposure", "drug"})
_REACH_BACK = 3
"""Sentences over which 'the pain' still means the pain spoken of before."""


class SectionReader:
    """Shares the compiled indexes; keeps no state between sections but the drafts given to it."""

    def __init__(
        self,
        findings: dict[str, FindingEntry],
        vocabulary: Vocabulary,
        index: PhraseIndex,
        condition_index: PhraseIndex,
        lexicon: Lexicon,
        attributes: AttributeReader,
        specialiser: Specialiser,
    ) -> None:
        self._findings = findings
        self._vocabulary = vocabulary
        self._index = index
        self._conditions = condition_index
        self._context = ContextReader(lexicon)
        self._attributes = attributes
        self._specialiser = specialiser
        self._family_items = frozenset(
            key for key, entry in findings.items() if entry.kind == "family_history"
        )

    def read(
        self,
        section: Section,
        text: str,
        drafts: list[Draft],
        named: list[NamedCondition],
        impossible: frozenset[str],
    ) -> int:
        """Appends to ``drafts`` and ``named``; returns the number of words.

        ``impossible`` findings do not exist at the patient's age.
        """
        times = durations(text)
        starts = [time.start for time in times]
        words = 0
        sentences = self._vocabulary.sentences(text)
        for position, sentence in enumerate(sentences):
            words += len(sentence.tokens)
            first, last = sentence.tokens[0].start, sentence.tokens[-1].end
            here_times = times[bisect_left(starts, first) : bisect_right(starts, last)]
            timed = _timed_tokens(sentence, here_times)
            matches = [
                m
                for m in self._index.matches(
                    sentence, impossible | self._unwanted(sentence, section)
                )
                if section != "denies" or not m.phrase.rigid or _ends_its_chunk(m, sentence)
            ]
            spoken_for = frozenset(
                i for m in matches if m.phrase.rigid and not m.phrase.normal for i in m.tokens
            )
            context = self._context.read(sentence, section, timed, spoken_for)
            number = drafts[-1].sentence + 1 if drafts else 0
            here = [
                draft
                for match in matches
                if (
                    draft := self._draft(
                        match, sentence, context, section, text, number, impossible
                    )
                )
            ]
            following = sentences[position + 1] if position + 1 < len(sentences) else None
            here.extend(self._placed(sentence, following, matches, context, section, text, number))
            here.sort(key=lambda d: d.token)
            drafts.extend(here)
            self._attach(sentence, context, here, drafts)
            _attach_durations(here_times, here)
            named.extend(self._named(sentence, context, section))
        return words

    def _unwanted(self, sentence: Sentence, section: Section) -> frozenset[str]:
        """Where nobody speaks of the family, its history is not looked for."""
        if section == "family_history" or self._context.speaks_of_family(sentence):
            return frozenset()
        return self._family_items

    def _draft(
        self,
        match: PhraseMatch,
        sentence: Sentence,
        context: SentenceContext,
        section: Section,
        text: str,
        number: int,
        impossible: frozenset[str],
    ) -> Draft | None:
        first, last = match.tokens[0], match.tokens[-1]
        in_family = context.family[first]
        possible = tuple(key for key in match.phrase.keys if key not in impossible)
        key = self._chosen(possible, in_family)
        if key is None:
            return None
        kind = self._findings[key].kind
        if kind in _EVENTS and context.simile[first]:
            return None  # 'like a burn', 'as if drunk'
        family_item = kind == "family_history"
        span = Span(section, sentence.tokens[first].start, sentence.tokens[last].end)
        lasts = kind in _LASTING_KINDS and not self._findings[key].passing
        past = context.is_past(first, last) and not lasts
        denied = _is_denied(match, context)
        return Draft(
            finding=key,
            presence=Presence.ABSENT if denied else Presence.PRESENT,
            sentence=number,
            token=first,
            span=span,
            text=text[span.start : span.end],
            temporality="hypothetical"
            if context.is_hypothetical(first, last)
            else "past"
            if past and not denied
            else "current",
            subject="family" if in_family and not family_item else "patient",
        )

    def _placed(
        self,
        sentence: Sentence,
        following: Sentence | None,
        matches: list[PhraseMatch],
        context: SentenceContext,
        section: Section,
        text: str,
        number: int,
    ) -> Iterator[Draft]:
        """Complaints whose place is named apart from them."""
        for head, match, tokens in placed(
            sentence, following, matches, self._index, self._vocabulary.is_stopword
        ):
            key = self._chosen(match.phrase.keys, in_family=False)
            if key is None or match.phrase.normal or context.governs(head, head):
                continue
            ends = [tokens[i] for i in match.tokens]
            span = Span(section, min(t.start for t in ends), max(t.end for t in ends))
            yield Draft(key, Presence.PRESENT, number, head, span, text[span.start : span.end])

    def _chosen(self, keys: tuple[str, ...], in_family: bool) -> str | None:
        """A family history is meant where the text speaks of the family, and only there."""
        for key in keys:
            if (self._findings[key].kind == "family_history") == in_family:
                return key
        return next((k for k in keys if self._findings[k].kind != "family_history"), None)

    # --- attributes -----------------------------------------------------------------------

    def _attach(
        self,
        sentence: Sentence,
        context: SentenceContext,
        here: list[Draft],
        drafts: list[Draft],
    ) -> None:
        occurrences = self._attributes.occurrences([t.word for t in sentence.tokens])
        if not occurrences:
            return
        current = [d for d in here if d.is_current]
        number = here[0].sentence if here else (drafts[-1].sentence + 1 if drafts else 0)
        for occurrence in occurrences:
            for draft in self._targets(occurrence, current, drafts, number):
                denied = context.negates(occurrence.start, occurrence.end - 1)
                _set_attribute(draft, occurrence, denied)

    def _targets(
        self, occurrence: Occurrence, here: list[Draft], drafts: list[Draft], number: int
    ) -> list[Draft]:
        def accepts(draft: Draft) -> bool:
            return self._specialiser.accepts(draft.finding, occurrence.attribute, occurrence.value)

        accepting = [d for d in here if accepts(d)]
        if accepting:
            return [min(accepting, key=lambda d: abs(d.token - occurrence.start))]
        if here and occurrence.attribute in ("severity", "onset", "course"):
            return [min(here, key=lambda d: abs(d.token - occurrence.start))]
        for draft in reversed(drafts):
            if draft.sentence < number - _REACH_BACK:
                break
            if draft.is_current and accepts(draft):
                return [draft]
        first = next((d for d in drafts if d.span.section == "chief_complaint"), None)
        return [first] if first and first.is_current and accepts(first) else []

    def _named(
        self, sentence: Sentence, context: SentenceContext, section: Section
    ) -> list[NamedCondition]:
        found = []
        for match in self._conditions.matches(sentence):
            first, last = match.tokens[0], match.tokens[-1]
            found.append(
                NamedCondition(
                    condition=match.phrase.keys[0],
                    span=Span(section, sentence.tokens[first].start, sentence.tokens[last].end),
                    temporality="hypothetical"
                    if context.is_hypothetical(first, last)
                    else "past"
                    if context.is_past(first, last)
                    else "current",
                    subject="family" if context.family[first] else "patient",
                    presence=Presence.ABSENT if _is_negated(match, context) else Presence.PRESENT,
                )
            )
        return found


def _is_negated(match: PhraseMatch, context: SentenceContext) -> bool:
    return context.negates(match.tokens[0], match.tokens[-1])


def _is_denied(match: PhraseMatch, context: SentenceContext) -> bool:
    """Negated, or said to be normal; 'no itching, normal urine' denies both."""
    if not match.phrase.normal:
        return _is_negated(match, context)
    first = match.tokens[0]
    just_before = first > 0 and context.negated_by[first] == first - 1
    return match.phrase.rigid or not just_before


def _ends_its_chunk(match: PhraseMatch, sentence: Sentence) -> bool:
    """Among denials 'no periods' is a finding, 'no period pain' is not."""
    last = match.tokens[-1]
    return last + 1 == len(sentence.tokens) or (
        sentence.tokens[last + 1].chunk != sentence.tokens[last].chunk
    )


def _set_attribute(draft: Draft, occurrence: Occurrence, denied: bool) -> None:
    if occurrence.attribute == "severity":
        rank = SEVERITY_RANK.get(draft.severity or "", 0)
        if not denied and SEVERITY_RANK[occurrence.value] > rank:
            draft.severity = occurrence.value  # type: ignore[assignment]
        return
    table = draft.denied_attributes if denied else draft.attributes
    if table is None or not table:
        table = {}
        if denied:
            draft.denied_attributes = table
        else:
            draft.attributes = table
    table.setdefault(occurrence.attribute, set()).add(occurrence.value)


def _timed_tokens(sentence: Sentence, times: list[Duration]) -> frozenset[int]:
    """Tokens of 'in the past 3 weeks' and the two words before it."""
    covered: set[int] = set()
    starts = [t.start for t in sentence.tokens]
    for time in times:
        if time.ago:
            continue
        first = max(0, bisect_right(starts, time.start) - 1)
        covered.update(range(max(0, first - 1), bisect_right(starts, time.end)))
    return frozenset(covered)


def _distance(draft: Draft, time: Duration) -> int:
    """Characters between; a duration follows what it is of more often than it leads."""
    if draft.span.end <= time.start:
        return time.start - draft.span.end
    return max(0, draft.span.start - time.end) + 15


def _attach_durations(times: list[Duration], here: list[Draft]) -> None:
    """Each duration goes to the nearest mention that it can be of, and says its band."""
    present = [d for d in here if d.presence is Presence.PRESENT and d.subject == "patient"]
    for time in times:
        if not present:
            return
        nearest = min(present, key=lambda d: _distance(d, time))
        attributes = dict(nearest.attributes)
        attributes["duration"] = attributes.get("duration", set()) | {duration_band(time.hours)}
        nearest.attributes = attributes
        if not time.lasting and nearest.duration_hours is None:
            nearest.duration_hours = time.hours
