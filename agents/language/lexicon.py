"""Phrases compiled for matching: order-free within a window, inflection and fillers ignored."""

from collections import Counter
from collections.abc import Iterator

from msgspec import Struct
from rapidfuzz import process
from rapidfuzz.distance import DamerauLevenshtein

from agents.language.phrases import IDIOM, Phrase, PhraseSet
from agents.language.tokens import Sentence, Token, is_hard

_WHOLE_STATEMENT = 4
MAX_GAP = 2
MAX_GAP_IN_LIST = 5
_NO_FILLERS = frozenset(
    {"and", "or", "but", "then", "with", "while", "no", "not", "never", "without"}
)
_DENYING = frozenset({"no", "not", "deni", "denies", "never", "without"})


class PhraseMatch(Struct, frozen=True):
    phrase: Phrase
    tokens: tuple[int, ...]
    """Indexes into the sentence's tokens, rising."""
    gap: int
    """Content words between its own."""
    in_list: bool = False
    """It crosses a comma, 'and' or 'or'."""


class PhraseIndex:
    """Finds all phrases of a lexicon in a sentence."""

    def __init__(self, phrases: PhraseSet) -> None:
        frequency = Counter(s for p in phrases.loose for s in p.stems)
        self._by_rarest: dict[str, list[tuple[Phrase, frozenset[str]]]] = {}
        for phrase in phrases.loose:
            rarest = min(phrase.stems, key=lambda s: (frequency[s], -len(s), s))
            self._by_rarest.setdefault(rarest, []).append((phrase, frozenset(phrase.stems)))
        self._exact: dict[str, list[Phrase]] = {}
        for phrase in phrases.exact:
            self._exact.setdefault(phrase.stems[0], []).append(phrase)
        self.stems = frozenset(frequency)
        self.pairs = frozenset(
            frozenset(p.stems) for p in phrases.loose if len(p.stems) == 2 and not p.rigid
        )
        self._long_stems = sorted(s for s in self.stems if len(s) >= 5)
        self._repairs: dict[str, str] = {}

    def matches(
        self, sentence: Sentence, unwanted: frozenset[str] = frozenset()
    ) -> list[PhraseMatch]:
        """Matches that survive overlap: the longest first, parts of a longer one dropped.

        A phrase that stands for ``unwanted`` ids alone takes no word from the others.
        """
        positions: dict[str, list[int]] = {}
        for rank, i in enumerate(sentence.content):
            positions.setdefault(self._repaired(sentence.tokens[i]), []).append(rank)
        here = positions.keys()
        found = [
            match
            for key in here & self._by_rarest.keys()
            for phrase, needed in self._by_rarest[key]
            if needed <= here
            for start in positions[key]
            if (match := _located(phrase, start, key, positions, sentence)) is not None
        ]
        found.extend(self._exact_matches(sentence))
        if unwanted:
            found = [m for m in found if not unwanted.issuperset(m.phrase.keys)]
        return _undominated(found, sentence)

    def _exact_matches(self, sentence: Sentence) -> Iterator[PhraseMatch]:
        tokens = sentence.tokens
        for i, token in enumerate(tokens):
            for phrase in self._exact.get(token.word, ()):
                end = i + len(phrase.stems)
                if tuple(t.word for t in tokens[i:end]) == phrase.stems:
                    yield PhraseMatch(phrase, tuple(range(i, end)), 0)

    def _repaired(self, token: Token) -> str:
        """The nearest known stem of a long misspelt word, else its own."""
        stem = token.stem
        if len(token.word) < 7 or len(stem) < 6 or stem in self.stems:
            return stem
        repair = self._repairs.get(stem)
        if repair is None:
            limit = 1 if len(stem) < 8 else 2
            near = process.extract(
                stem,
                self._long_stems,
                scorer=DamerauLevenshtein.distance,
                score_cutoff=limit,
                limit=5,
            )
            alike = 2 if limit == 1 else 3
            repair = next((known for known, *_ in near if known[:alike] == stem[:alike]), stem)
            if len(self._repairs) < 20_000:
                self._repairs[stem] = repair
        return repair


def _located(
    phrase: Phrase, start: int, key: str, positions: dict[str, list[int]], sentence: Sentence
) -> PhraseMatch | None:
    """The tightest place of all stems around the rarest one, if it is tight enough."""
    if len(phrase.stems) == 1:
        return PhraseMatch(phrase, (sentence.content[start],), 0)
    content, words = sentence.content, sentence.tokens
    home = words[content[start]].chunk

    def distance(rank: int) -> tuple[bool, int]:
        """Its own chunk first: 'burning nipples and cracked nipples'."""
        return words[content[rank]].chunk != home, abs(rank - start)

    ranks = [start if s == key else min(positions[s], key=distance) for s in phrase.stems]
    low, high = min(ranks), max(ranks)
    gap = high - low + 1 - len(ranks)
    if gap > MAX_GAP_IN_LIST or (phrase.rigid and gap):
        return None
    tokens = tuple(sentence.content[r] for r in sorted(ranks))
    between = [sentence.tokens[i] for i in range(tokens[0], tokens[-1]) if i not in tokens]
    if any(is_hard(t.word) for t in between):
        return None
    if phrase.rigid:
        return _in_order(phrase, tokens, sentence)
    if any(t.stem in _DENYING for t in between):
        return None
    in_list = sentence.tokens[tokens[0]].chunk != sentence.tokens[tokens[-1]].chunk
    if gap > MAX_GAP and not in_list:
        return None
    if in_list and not _one_used_up(tokens, sentence):
        return None
    return PhraseMatch(phrase, tokens, gap, in_list)


def _in_order(phrase: Phrase, tokens: tuple[int, ...], sentence: Sentence) -> PhraseMatch | None:
    """A phrase with a negation of its own reads only as it is written, filler words apart."""
    inner = set(range(tokens[0], tokens[-1])) - set(tokens)
    if any(sentence.tokens[i].word in _NO_FILLERS for i in inner) or not inner.isdisjoint(
        sentence.content
    ):
        return None
    if any(sentence.tokens[i].stem != s for i, s in zip(tokens, phrase.stems, strict=True)):
        return None
    return PhraseMatch(phrase, tokens, 0)


def _one_used_up(tokens: tuple[int, ...], sentence: Sentence) -> bool:
    """Across a list a match takes all words of all but one of its chunks."""
    used = set(tokens)
    chunks = {sentence.tokens[i].chunk for i in tokens}
    whole = 0
    for chunk in chunks:
        whole += used.issuperset(i for i in sentence.content if sentence.tokens[i].chunk == chunk)
    return whole >= len(chunks) - 1


def _undominated(found: list[PhraseMatch], sentence: Sentence) -> list[PhraseMatch]:
    found.sort(key=lambda m: (0.6 * m.gap - len(m.tokens), m.tokens))
    alone = {m.tokens for m in found if not m.in_list}
    idioms = [frozenset(m.tokens) for m in found if m.phrase.keys[0] == IDIOM]
    kept: list[tuple[frozenset[int], PhraseMatch]] = []
    for match in found:
        tokens = frozenset(match.tokens)
        if any(tokens <= idiom for idiom in idioms):
            continue
        rivals = [k for k in kept if not k[0].isdisjoint(tokens)]
        if any(tokens < k or (tokens == k and other.gap < match.gap) for k, other in rivals):
            continue
        if match.in_list:
            if _stands_apart(match, alone, sentence):
                continue
        elif match.gap and any(other.gap == 0 and len(k) > 1 for k, other in rivals):
            continue
        kept.append((tokens, match))
    return [match for _, match in kept]


def _stands_apart(match: PhraseMatch, alone: set[tuple[int, ...]], sentence: Sentence) -> bool:
    """'Worsening nausea, abdominal pain': what is complete in its chunk does not reach out.

    It does where the match takes every word: 'left arm and leg weak'.
    """
    if not match.gap and len(match.tokens) >= _WHOLE_STATEMENT:
        return False
    portions: dict[int, list[int]] = {}
    for i in match.tokens:
        portions.setdefault(sentence.tokens[i].chunk, []).append(i)
    if not any(tuple(portion) in alone for portion in portions.values()):
        return False
    between = sentence.tokens[match.tokens[0] : match.tokens[-1]]
    return all(t.word not in ("with", "while", "during") for t in between)
