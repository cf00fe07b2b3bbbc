"""What somebody beside the patient makes of it: 'his wife thinks it is only wind'.

An opinion is no finding, and words that make little of an illness never change what is read.
What a carer has *seen* ('his wife says he is confused') is a finding, and is left alone.
"""

from collections.abc import Iterator

from agents.knowledge.schema import Lexicon

_THINGS = frozenset(["it", "this"])
_PERSONS = frozenset(["he", "she", "they"])
_COPULAS = frozenset(["is", "was", "are", "must", "will"])
_FILLERS = frozenset(["be", "that", "very", "probably"])
_SKIPPED = frozenset(["that", "her", "him", "sure"])
_REACH = 4


class OpinionReader:
    """The words of opinion of a lexicon."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._bystanders = frozenset([*lexicon.bystanders, *lexicon.family])
        self._opining = frozenset(lexicon.opining)
        self._telling = frozenset(lexicon.telling)
        self._minimising = frozenset(lexicon.minimising)

    def opinions(self, words: list[str]) -> Iterator[int]:
        """Index of the verb of each opinion; what follows in the sentence is what it holds."""
        for i, word in enumerate(words):
            if word in self._bystanders:
                verb = self._verb(words, i)
                if verb is not None and self._is_opinion(words, verb):
                    yield verb

    def _verb(self, words: list[str], bystander: int) -> int | None:
        if "according" in words[max(0, bystander - 3) : bystander]:
            return bystander
        for i in range(bystander + 1, min(len(words), bystander + _REACH)):
            if words[i] in self._opining or words[i] in self._telling:
                return i
        return None

    def _is_opinion(self, words: list[str], verb: int) -> bool:
        """About what it is ('thinks it is', 'says it is only'), not about what was seen."""
        rest = [w for w in words[verb + 1 : verb + 1 + 2 * _REACH] if w not in _SKIPPED]
        if not rest or rest[0] not in _THINGS | _PERSONS:
            return False
        if rest[0] in _PERSONS and (len(rest) < 2 or rest[1] not in _COPULAS):
            return False  # 'says he just vomited' was seen
        after = [w for w in rest[1:] if w not in _COPULAS and w not in _FILLERS]
        minimised = bool(after) and after[0] in self._minimising
        return minimised or (rest[0] in _THINGS and words[verb] in self._opining)
