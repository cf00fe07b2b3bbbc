"""What surrounds a mention: negation, past, hypothesis, and whether it is about the family."""

import re
from collections.abc import Iterable, Iterator

from msgspec import Struct

from agents.knowledge.schema import Lexicon
from agents.language.opinions import OpinionReader
from agents.language.tokens import Sentence, normal_word
from agents.types import Section

_WORD = re.compile(r"[^\W_]+(?:'[a-z]+)?")
_NEGATORS = frozenset(["no", "not", "never", "without", "neither", "nor", "denies", "denied"])
_NONE = -1
_BY_SECTION = -2
_STARTING = frozenset(
    ["began", "started", "start", "developed", "noticed", "first", "since", "onset"]
)
_VERBS = frozenset(
    [
        "has",
        "have",
        "had",
        "is",
        "are",
        "was",
        "were",
        "reports",
        "reported",
        "complains",
        "complained",
        "presents",
        "presented",
        "feels",
        "felt",
        "noticed",
        "notices",
        "developed",
        "develops",
        "started",
        "began",
        "experienced",
        "experiences",
        "shows",
        "describes",
        "states",
        "stated",
        "says",
        "came",
        "becomes",
        "became",
        "woke",
    ]
)
_SUBJECTS = frozenset(["he", "she", "i", "patient", "they", "it", "mother", "father", "symptoms"])
_OWNING = frozenset(
    [
        "has",
        "had",
        "have",
        "died",
        "dying",
        "suffers",
        "suffered",
        "with",
        "of",
        "diagnosed",
        "who",
        "both",
    ]
)
_OBSERVING = frozenset(
    [
        "noticed",
        "seen",
        "observed",
        "brought",
        "reported",
        "said",
        "noted",
        "been",
        "given",
        "tried",
        "told",
        "mentioned",
        "taken",
    ]
)


class Phrases:
    """Fixed phrases found in the words of a sentence, stopwords included."""

    def __init__(self, phrases: Iterable[str]) -> None:
        self._by_first: dict[str, list[tuple[str, ...]]] = {}
        for phrase in phrases:
            words = self.words(phrase)
            if words:
                self._by_first.setdefault(words[0], []).append(words)
        for options in self._by_first.values():
            options.sort(key=len, reverse=True)

    @staticmethod
    def words(phrase: str) -> tuple[str, ...]:
        """The words of a phrase as the tokens of a note spell them."""
        return tuple(normal_word(w) for w in _WORD.findall(phrase.lower()))

    def spans(self, words: list[str]) -> list[tuple[int, int]]:
        """Longest matches, left to right, as ``[start, end)`` token ranges."""
        found: list[tuple[int, int]] = []
        i = 0
        while i < len(words):
            end = self._match(words, i)
            if end:
                found.append((i, end))
            i = end or i + 1
        return found

    def _match(self, words: list[str], i: int) -> int:
        for option in self._by_first.get(words[i], ()):
            if words[i : i + len(option)] == list(option):
                return i + len(option)
        return 0


class SentenceContext(Struct, frozen=True):
    """For each token of a sentence, whether a mention there is negated, past and so on."""

    negated_by: tuple[int, ...]
    """Index of the negation that governs the token; -1: none, -2: the section."""
    past_by: tuple[int, ...]
    """Likewise for the past."""
    hypothetical_by: tuple[int, ...]
    family: tuple[bool, ...]
    simile: tuple[bool, ...]
    """After 'like' or 'as if' in the same chunk: no event, but a comparison."""

    def negates(self, first: int, last: int) -> bool:
        """A negation governs the mention at ``[first, last]`` and is not a word of its own."""
        return _applies(self.negated_by[last], first, last)

    def is_past(self, first: int, last: int) -> bool:
        return _applies(self.past_by[first], first, last)

    def is_hypothetical(self, first: int, last: int) -> bool:
        return _applies(self.hypothetical_by[first], first, last)

    def governs(self, first: int, last: int) -> bool:
        """The mention is negated, past, hypothetical or of the family."""
        return (
            self.negates(first, last)
            or self.is_past(first, last)
            or self.is_hypothetical(first, last)
            or self.family[first]
        )


def _applies(trigger: int, first: int, last: int) -> bool:
    """A cue that is part of the wording itself ('lack of interest', 'fear of dying') is none."""
    return trigger != _NONE and not first <= trigger <= last


class ContextReader:
    """The context rules of a lexicon."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._before = Phrases(lexicon.negation_before)
        self._after = Phrases(lexicon.negation_after)
        self._pseudo = Phrases(lexicon.pseudo_negation)
        self._affirm = Phrases(lexicon.affirmation)
        self._past = Phrases(lexicon.past)
        self._hypothetical = Phrases(lexicon.hypothetical)
        self._family = Phrases(lexicon.family)
        self._opinions = OpinionReader(lexicon)
        self._starting = frozenset(lexicon.starting)

    def read(
        self,
        sentence: Sentence,
        section: Section,
        timed: frozenset[int] = frozenset(),
        spoken_for: frozenset[int] = frozenset(),
    ) -> SentenceContext:
        """``timed`` are tokens of durations ('in the past 3 weeks'), which are not the past.

        ``spoken_for`` are tokens of findings that hold a negation of their own ('no appetite'):
        such a negation reaches no further than its chunk.
        """
        words = [t.word for t in sentence.tokens]
        return SentenceContext(
            negated_by=tuple(self._negation(words, sentence, section, spoken_for)),
            past_by=tuple(self._past_cues(words, sentence, section, timed)),
            hypothetical_by=tuple(self._hypotheses(words, sentence)),
            family=tuple(self._family_flags(words, sentence, section)),
            simile=tuple(_similes(words, sentence)),
        )

    def speaks_of_family(self, sentence: Sentence) -> bool:
        return bool(self._family.spans([t.word for t in sentence.tokens]))

    # --- negation -------------------------------------------------------------------------

    def _negation(
        self, words: list[str], sentence: Sentence, section: Section, spoken_for: frozenset[int]
    ) -> list[int]:
        size = len(words)
        pseudo = {i for start, end in self._pseudo.spans(words) for i in range(start, end)}
        stops = {s for s, _ in self._affirm.spans(words) if s not in pseudo}
        governed = [_NONE] * size
        if section == "denies":
            self._deny_all(words, sentence, stops, governed)
        for start, end in self._before.spans(words):
            if pseudo.isdisjoint(range(start, end)):
                own = not spoken_for.isdisjoint(range(start, end))
                self._spread(start, end, words, sentence, stops, governed, own=own)
        for start, end in self._after.spans(words):
            if pseudo.isdisjoint(range(start, end)) and start > 0:
                self._spread_back(start, sentence, governed)
        return governed

    def _deny_all(
        self, words: list[str], sentence: Sentence, stops: set[int], governed: list[int]
    ) -> None:
        """In a section of denials everything is denied, but for what is stated with a verb."""
        for i in range(len(words)):
            if i in stops or (words[i] in _VERBS and i > 0 and words[i - 1] in _SUBJECTS):
                return
            governed[i] = _BY_SECTION

    def _spread(
        self,
        start: int,
        end: int,
        words: list[str],
        sentence: Sentence,
        stops: set[int],
        governed: list[int],
        *,
        own: bool,
    ) -> None:
        """Forward over the list that follows, up to a new statement."""
        short = words[start] in ("without", "non", "not", "never", "cannot", "absent")
        denies = words[start].startswith("den")
        trigger = next((i for i in range(start, end) if words[i] in _NEGATORS), start)
        for i in range(end, len(words)):
            if i in stops and i >= end:
                return
            new_chunk = sentence.tokens[i].chunk != sentence.tokens[i - 1].chunk
            if new_chunk and own:
                return
            if new_chunk and i > end:
                if short and words[i - 1] not in ("or", "and") and words[i] not in ("or", "and"):
                    return
                if not denies and (
                    _states(words, i) or not self._starting.isdisjoint(words[i : i + 2])
                ):
                    return
            governed[i] = trigger
            if words[start] == "non":
                return

    def _spread_back(self, start: int, sentence: Sentence, governed: list[int]) -> None:
        """'Murmur absent': back over the chunk that the trigger ends."""
        chunk = sentence.tokens[start].chunk
        for i in range(start - 1, -1, -1):
            if sentence.tokens[i].chunk != chunk:
                return
            if governed[i] == _NONE:
                governed[i] = start

    # --- past, hypothesis, family ---------------------------------------------------------

    def _past_cues(
        self, words: list[str], sentence: Sentence, section: Section, timed: frozenset[int]
    ) -> list[int]:
        size = len(words)
        cues = [_BY_SECTION if section == "past_history" else _NONE] * size
        for start, end in self._past.spans(words):
            if any(i in timed for i in range(start, end)):
                continue
            if words[start] == "history" and not self._is_past_history(words, start):
                continue
            if words[end - 1] == "ago" and _STARTING.intersection(words):
                continue
            chunk = sentence.tokens[start].chunk
            for i in range(size):
                near = abs(sentence.tokens[i].chunk - chunk) <= 1
                if near and not (i < start and _states(words, start)):
                    cues[i] = start
        return cues

    @staticmethod
    def _is_past_history(words: list[str], start: int) -> bool:
        """'Three-week history of cough' and 'gives a history of' are the present complaint."""
        before = words[max(0, start - 3) : start]
        return bool({"past", "previous", "prior", "medical", "remote"}.intersection(before))

    def _hypotheses(self, words: list[str], sentence: Sentence) -> list[int]:
        """What may be, and what a bystander takes it to be up to the end of the sentence."""
        cues = self._forward_cues(self._hypothetical, words, sentence)
        for verb in self._opinions.opinions(words):
            cues[verb:] = [verb] * (len(words) - verb)
        return cues

    @staticmethod
    def _forward_cues(phrases: Phrases, words: list[str], sentence: Sentence) -> list[int]:
        cues = [_NONE] * len(words)
        for start, end in phrases.spans(words):
            if start > 0 and words[start - 1 : end] in (["as", "if"], ["like", "if"]):
                continue  # a simile: 'as if kicked in the heel'
            chunk = sentence.tokens[end - 1].chunk
            for i in range(start, len(words)):
                if sentence.tokens[i].chunk > chunk + 1:
                    break
                cues[i] = start
        return cues

    def _family_flags(self, words: list[str], sentence: Sentence, section: Section) -> list[bool]:
        size = len(words)
        if section == "family_history":
            return [True] * size
        flags = [False] * size
        for start, end in self._family.spans(words):
            owns = bool(_OWNING.intersection(words[end : end + 2])) and not (
                _OBSERVING.intersection(words[end : end + 3])
            )
            owned = start > 0 and {"in", "of", "and"}.intersection(words[max(0, start - 2) : start])
            heading = words[start] == "familial" or words[start : start + 2] == [
                "family",
                "history",
            ]
            if not (owns or heading or owned):
                continue
            first = 0 if owned and not (owns or heading) else start
            for i in range(first, size):
                if i > end + 1 and words[i] in ("he", "she", "patient") and _states(words, i):
                    break
                flags[i] = True
        return flags


def _similes(words: list[str], sentence: Sentence) -> Iterator[bool]:
    compared = -1
    for i, word in enumerate(words):
        chunk = sentence.tokens[i].chunk
        if word == "like" or (word in ("if", "though") and i > 0 and words[i - 1] == "as"):
            compared = chunk
        yield chunk == compared


def _states(words: list[str], i: int) -> bool:
    """A new statement begins here: 'and has', ', he reports'."""
    ahead = words[i : i + 3]
    return any(w in _VERBS for w in ahead[:2]) or (
        len(ahead) > 1 and ahead[0] in _SUBJECTS and ahead[1] not in ("or", "and")
    )
