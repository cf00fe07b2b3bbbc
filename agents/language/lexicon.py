"""Phrases compiled for matching: order-free within a window, inflection and fillers ignored."""

from collections import Counter
from collections.abc import Iterable, Iterator

from msgspec import Struct
from rapidfuzz import process
from rapidfuzz.distance import DamerauLevenshtein

from agents.language.tokens import Sentence, Token, Vocabulary, is_hard

IDIOM = ""
"""Key of wordings that are no finding: they take their words out of play."""
MAX_GAP = 2
MAX_GAP_IN_LIST = 5
_NEGATING = frozenset({"no", "not", "cannot", "without", "never", "non"})
_ARTICLES = frozenset(
    {"in", "of", "a", "an", "the", "any", "his", "her", "my", "their", "been", "be", "to"}
)
_DENYING = frozenset({"no", "not", "deni", "denies", "never", "without"})


class Phrase(Struct, frozen=True):
    """A synonym: its stems, and whether it stands for presence or for the normal."""

    stems: tuple[str, ...]
    """In the order written; the words themselves for a phrase of filler words."""
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
    """It crosses a comma, 'and' or 'or'."""


class PhraseIndex:
    """Finds all phrases of a lexicon in a sentence."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        entries: Iterable[tuple[str, str, bool]],
        too_general: Iterable[str] = (),
    ) -> None:
        """``entries``: (id, phrase, is_normal), the best claims to a phrase first.

        Phrases of one too general word are left out; a phrase that filler words reduce to one
        word ('out to get him'), or that says 'without', must stand as it is written.
        """
        vague = {(vocabulary.stem(word),) for word in too_general}
        merged: dict[tuple[tuple[str, ...], bool], Phrase] = {}
        exact: dict[tuple[str, ...], Phrase] = {}
        written: dict[tuple[tuple[str, ...], bool], set[str]] = {}
        for key, text, normal in entries:
            words = vocabulary.words(text)
            stems = tuple(dict.fromkeys(vocabulary.phrase(text)))
            if not stems or all(s.isdigit() for s in stems):
                continue
            rigid = not _NEGATING.isdisjoint(stems)
            if (len(stems) == 1 and len(words) > 1) or "without" in words:
                exact.setdefault(words, Phrase(words, (key,), normal, rigid))
            elif stems not in vague:
                signature = (stems if rigid else tuple(sorted(stems)), normal)
                known = merged.get(signature)
                keys = dict.fromkeys([*(known.keys if known else ()), key])
                if len(keys) > 1:
                    keys.pop(IDIOM, None)  # a finding's own wording is no idiom
                merged[signature] = Phrase(stems, tuple(keys), normal, rigid)
                written.setdefault(signature, set()).update(words)
        self.phrases = [
            phrase
            for signature, phrase in merged.items()
            if not _is_list(phrase, merged, written[signature])
            and not _denies_another(phrase, merged)
        ]
        frequency = Counter(s for p in self.phrases for s in p.stems)
        self._by_rarest: dict[str, list[tuple[Phrase, frozenset[str]]]] = {}
        for phrase in self.phrases:
            rarest = min(phrase.stems, key=lambda s: (frequency[s], -len(s), s))
            self._by_rarest.setdefault(rarest, []).append((phrase, frozenset(phrase.stems)))
        self._exact: dict[str, list[Phrase]] = {}
        for phrase in exact.values():
            self._exact.setdefault(phrase.stems[0], []).append(phrase)
        self.stems = frozenset(frequency)
        self.pairs = frozenset(
            frozenset(p.stems) for p in self.phrases if len(p.stems) == 2 and not p.rigid
        )
        self._long_stems = sorted(s for s in self.stems if len(s) >= 5)
        self._repairs: dict[str, str] = {}

    def matches(self, sentence: Sentence) -> list[PhraseMatch]:
        """Matches that survive overlap: the longest first, parts of a longer one dropped."""
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


def _denies_another(
    phrase: Phrase, all_phrases: "dict[tuple[tuple[str, ...], bool], Phrase]"
) -> bool:
    """'No itching' as the normal of one special itch: the plain words are denied on their own."""
    if not (phrase.normal and phrase.rigid):
        return False
    rest = tuple(sorted(s for s in phrase.stems if s not in _NEGATING))
    return (rest, False) in all_phrases


def _is_list(
    phrase: Phrase, all_phrases: "dict[tuple[tuple[str, ...], bool], Phrase]", words: set[str]
) -> bool:
    """'Nausea and vomiting' says two things; each is read for itself."""
    if len(phrase.stems) != 2 or words.isdisjoint(("and", "or")):
        return False
    parts = [all_phrases.get(((stem,), phrase.normal)) for stem in phrase.stems]
    return all(parts) and len({part.keys for part in parts if part}) == 2


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
    """A phrase with a negation of its own reads only as it is written, articles apart."""
    inner = set(range(tokens[0], tokens[-1])) - set(tokens)
    if any(sentence.tokens[i].word not in _ARTICLES for i in inner):
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
    """'Worsening nausea, abdominal pain': what is complete in its chunk does not reach out."""
    portions: dict[int, list[int]] = {}
    for i in match.tokens:
        portions.setdefault(sentence.tokens[i].chunk, []).append(i)
    if not any(tuple(portion) in alone for portion in portions.values()):
        return False
    between = sentence.tokens[match.tokens[0] : match.tokens[-1]]
    return all(t.word not in ("with", "while", "during") for t in between)
