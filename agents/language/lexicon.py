"""Phrases compiled for matching: order-free within a window, inflection and fillers ignored."""

from collections import Counter
from collections.abc import Iterable, Iterator

from msgspec import Struct
from rapidfuzz import process
from rapidfuzz.distance import DamerauLevenshtein

from agents.language.tokens import Sentence, Vocabulary, is_hard

MAX_GAP = 2
MAX_GAP_IN_LIST = 5
_NEGATING = frozenset({"no", "not", "cannot", "without", "never", "unabl", "non"})


class Phrase(Struct, frozen=True):
    """A synonym: its stems, and whether it stands for presence or for the normal."""

    stems: tuple[str, ...]
    keys: tuple[str, ...]
    """Ids that the phrase can stand for (one, but for a history and a family history)."""
    normal: bool
    rigid: bool
    """Its words must stand together: it carries a negation of its own."""


class PhraseMatch(Struct, frozen=True):
    phrase: Phrase
    tokens: tuple[int, ...]
    """Indexes into the sentence's tokens, rising."""
    gap: int
    """Content words between its own."""
    in_list: bool = False
    """It crosses commas or 'and'."""


class PhraseIndex:
    """Finds all phrases of a lexicon in a sentence."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        entries: Iterable[tuple[str, str, bool]],
        too_general: Iterable[str] = (),
    ) -> None:
        """``entries``: (id, phrase, is_normal); phrases of one too general word are left out."""
        vague = {(vocabulary.stem(word),) for word in too_general}
        merged: dict[tuple[tuple[str, ...], bool], list[str]] = {}
        for key, text, normal in entries:
            stems = tuple(dict.fromkeys(vocabulary.phrase(text)))
            if stems and stems not in vague and not all(s.isdigit() for s in stems):
                keys = merged.setdefault((stems, normal), [])
                if key not in keys:
                    keys.append(key)
        unordered: dict[tuple[tuple[str, ...], bool], Phrase] = {}
        for (stems, normal), keys in merged.items():
            signature = (tuple(sorted(stems)), normal)
            known = unordered.get(signature)
            ids = tuple(dict.fromkeys([*(known.keys if known else ()), *keys]))
            unordered[signature] = Phrase(stems, ids, normal, bool(_NEGATING.intersection(stems)))
        self.phrases = list(unordered.values())
        frequency = Counter(s for p in self.phrases for s in set(p.stems))
        self._by_rarest: dict[str, list[tuple[Phrase, frozenset[str]]]] = {}
        for phrase in self.phrases:
            rarest = min(phrase.stems, key=lambda s: (frequency[s], -len(s), s))
            self._by_rarest.setdefault(rarest, []).append((phrase, frozenset(phrase.stems)))
        self.stems = frozenset(frequency)
        self._long_stems = sorted(s for s in self.stems if len(s) >= 6)
        self._repairs: dict[str, str] = {}

    def matches(self, sentence: Sentence) -> list[PhraseMatch]:
        """Matches that survive overlap: the longest first, parts of a longer one dropped."""
        stems = {i: self._repaired(sentence.tokens[i].stem) for i in sentence.content}
        positions: dict[str, list[int]] = {}
        for rank, i in enumerate(sentence.content):
            positions.setdefault(stems[i], []).append(rank)
        present = positions.keys()
        found = [
            match
            for key in present & self._by_rarest.keys()
            for phrase, needed in self._by_rarest[key]
            if needed <= present
            for start in positions[key]
            if (match := _located(phrase, start, key, positions, sentence)) is not None
        ]
        return list(_undominated(found))

    def _repaired(self, stem: str) -> str:
        """The nearest known stem of a long misspelt word, else the stem itself."""
        if len(stem) < 7 or stem in self.stems:
            return stem
        repair = self._repairs.get(stem)
        if repair is None:
            limit = 1 if len(stem) < 10 else 2
            best = process.extractOne(
                stem, self._long_stems, scorer=DamerauLevenshtein.distance, score_cutoff=limit
            )
            repair = best[0] if best and best[0][0] == stem[0] else stem
            if len(self._repairs) < 20_000:
                self._repairs[stem] = repair
        return repair


def _located(
    phrase: Phrase, start: int, key: str, positions: dict[str, list[int]], sentence: Sentence
) -> PhraseMatch | None:
    """The tightest place of all stems around the rarest one, if it is tight enough."""
    if len(phrase.stems) == 1:
        return PhraseMatch(phrase, (sentence.content[start],), 0)
    ranks = {start}
    for stem in phrase.stems:
        if stem != key:
            free = [p for p in positions[stem] if p not in ranks]
            if not free:
                return None
            ranks.add(min(free, key=lambda p: abs(p - start)))
    ordered = sorted(ranks)
    tokens = tuple(sentence.content[r] for r in ordered)
    gap = ordered[-1] - ordered[0] + 1 - len(ordered)
    if gap > (0 if phrase.rigid else MAX_GAP_IN_LIST):
        return None
    if any(is_hard(t.word) for t in sentence.tokens[tokens[0] : tokens[-1]]):
        return None
    if not _chunks_allow(tokens, gap, sentence):
        return None
    in_list = sentence.tokens[tokens[0]].chunk != sentence.tokens[tokens[-1]].chunk
    return PhraseMatch(phrase, tokens, gap, in_list)


def _chunks_allow(tokens: tuple[int, ...], gap: int, sentence: Sentence) -> bool:
    """Within one chunk a small gap; across chunks one of them must be used up."""
    chunks = {sentence.tokens[i].chunk for i in tokens}
    if len(chunks) == 1:
        return gap <= MAX_GAP
    used = set(tokens)
    whole = 0
    for chunk in chunks:
        members = [i for i in sentence.content if sentence.tokens[i].chunk == chunk]
        whole += used.issuperset(members)
    return whole >= len(chunks) - 1


def _undominated(found: list[PhraseMatch]) -> Iterator[PhraseMatch]:
    found.sort(key=lambda m: (-len(m.tokens), m.gap, m.tokens))
    kept: list[tuple[frozenset[int], PhraseMatch]] = []
    for match in found:
        tokens = frozenset(match.tokens)
        rivals = [k for k in kept if k[0] & tokens]
        if any(tokens < k or (tokens == k and other.gap < match.gap) for k, other in rivals):
            continue
        tight = any(other.gap == 0 and len(k) > 1 for k, other in rivals)
        if match.gap and tight and not match.in_list:
            continue
        kept.append((tokens, match))
        yield match
