"""Text to tokens with character spans, stems, chunks and sentences.

A *sentence* is what a match never crosses; a *chunk* is a stretch between commas, 'and', 'or'
and the like, which a match crosses only in a coordination ('chest and back pain').
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from msgspec import Struct
from snowballstemmer import stemmer

_TOKEN = re.compile(
    r"\d+(?:[.,]\d+)?"
    r"|[A-Z]{2,}s?(?![a-z])"
    r"|[A-Z]?[a-z]+(?:['’](?:t|s|re|ve|ll|d|m)\b)?"
    r"|[^\W\d_]+"
    r"|\n(?=\s*[A-Z*•\-])"  # other line breaks only wrap a sentence
    r"|[.;:!?,/()%°+\-–—]"
)
_SENTENCE_END = frozenset(".;!?\n")
_CHUNK_MARKS = frozenset(",/():+–—")
_CHUNK_WORDS = frozenset(
    [
        "and",
        "or",
        "nor",
        "with",
        "without",
        "then",
        "while",
        "plus",
        "besides",
        "along",
        "accompanied",
        "followed",
        "also",
        "as",
        "well",
    ]
)
_HARD_WORDS = frozenset(
    [
        "but",
        "because",
        "although",
        "though",
        "however",
        "whereas",
        "except",
        "radiating",
        "radiates",
        "radiated",
        "radiate",
        "spreading",
        "spreads",
        "radiation",
        "extending",
        "extends",
        "who",
        "which",
    ]
)
_NEGATED_VERB = re.compile(
    r"^(?:do|does|did|is|are|was|were|has|have|had|would|could|ca|can|wo)n['’]?t$"
)
_INABILITY = frozenset(["can-not", "could-not", "not-able"])
_LONGEST_SENTENCE = 120
_SHORTEST_GLUED = 8
_LONGEST_GLUED = 30
_SNOWBALL = stemmer("english")


class Token(Struct, frozen=True):
    """One word or number; ``[start, end)`` in the section's text."""

    word: str
    stem: str
    start: int
    end: int
    chunk: int
    """Number of the chunk, rising over the section."""


class Sentence(Struct, frozen=True):
    """Tokens between strong marks; ``content`` are the indexes of those that are no stopword."""

    tokens: tuple[Token, ...]
    content: tuple[int, ...]


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """English stem of a lower-case word; 'thirsty' and 'thirst' share theirs."""
    if len(word) <= 3:
        return word
    found = str(_SNOWBALL.stemWord(word))
    if len(found) * 2 < len(word) + 1:
        return word  # 'overeating' is not 'over'
    return found[:-1] if found.endswith("i") and len(found) > 5 else found


def american(word: str) -> str:
    """One spelling for both: haematuria and hematuria, colour and color, anaesthetised."""
    if len(word) < 5:
        return word
    plain = word.replace("ae", "e").replace("oe", "e").replace("our", "or").replace("yse", "yze")
    return plain.replace("ise", "ize").replace("isa", "iza")


def normal_word(raw: str) -> str:
    """Lower case, straight apostrophes, negated verbs as 'not', possessives without their s."""
    word = raw.lower().replace("’", "'")
    if " " in word or "-" in word:  # a compound of a word class
        joined = "-".join(word.replace("-", " ").split())
        return "cannot" if joined in _INABILITY else joined
    if _NEGATED_VERB.match(word):
        return "cannot" if word.startswith(("ca", "could")) else "not"
    return word.removesuffix("'s")


class Vocabulary:
    """Word classes and stopwords of a lexicon, applied alike to notes and to synonyms."""

    def __init__(self, classes: dict[str, tuple[str, ...]], stopwords: tuple[str, ...]) -> None:
        self._stopwords = frozenset(stopwords)
        self._canonical: dict[str, str] = {}
        for name, words in classes.items():
            for word in words:
                for spelling in (word, word.replace("-", ""), american(word)):
                    self._canonical[spelling] = name
        self._stems: dict[str, str] = {}
        self._pairs: frozenset[frozenset[str]] = frozenset()
        self._known: frozenset[str] = frozenset()
        self._glued: dict[str, int] = {}
        self._token = _with_compounds(w for words in classes.values() for w in words if "-" in w)

    def stem(self, word: str) -> str:
        """Canonical stem: words of one class share it, and so do both spellings of English."""
        known = self._stems.get(word)
        if known is None:
            plain = american(word)
            known = stem(american(self._canonical.get(word, self._canonical.get(plain, plain))))
            if len(self._stems) < 100_000:
                self._stems[word] = known
        return known

    def learn(self, known: frozenset[str], pairs: frozenset[frozenset[str]]) -> None:
        """Stems of all phrases, and those that make a phrase of two: 'chestpain' is split."""
        self._known, self._pairs = known, pairs

    def _seam(self, word: str) -> int:
        """Where two glued words of one phrase meet; 0 for a word that is one."""
        if not _SHORTEST_GLUED <= len(word) <= _LONGEST_GLUED or self.stem(word) in self._known:
            return 0
        seam = self._glued.get(word)
        if seam is None:
            seam = next(
                (
                    i
                    for i in range(3, len(word) - 2)
                    if frozenset((self.stem(word[:i]), self.stem(word[i:]))) in self._pairs
                ),
                0,
            )
            if len(self._glued) < 20_000:
                self._glued[word] = seam
        return seam

    def is_stopword(self, word: str) -> bool:
        return word in self._stopwords

    def words(self, text: str) -> tuple[str, ...]:
        """All words of a text, normalised, fillers included."""
        found = (m.group() for m in self._token.finditer(text))
        return tuple(normal_word(word) for word in found if _is_word(word))

    def phrase(self, text: str) -> tuple[str, ...]:
        """Content stems of a synonym, in order; all its stems where only stopwords remain."""
        words = self.words(text)
        stems = tuple(self.stem(w) for w in words if w not in self._stopwords)
        return stems or tuple(self.stem(w) for w in words)

    def sentences(self, text: str) -> list[Sentence]:
        """All sentences of one section."""
        found: list[Sentence] = []
        tokens: list[Token] = []
        chunk = 0
        previous_end = -1
        for match in self._token.finditer(text):
            raw = match.group()
            start, end = match.span()
            if not _is_word(raw):
                if raw in _SENTENCE_END:
                    self._close(tokens, found)
                    chunk += 1
                elif raw in _CHUNK_MARKS:
                    chunk += 1
                continue
            if start == previous_end and raw[0].isupper() and not raw.isupper():
                self._close(tokens, found)  # glued words: 'feverNot a smoker'
            word = normal_word(raw)
            if word in _HARD_WORDS or word in _CHUNK_WORDS:
                chunk += 1
            seam = self._seam(word)
            if seam and end - start == len(word):
                left, right = word[:seam], word[seam:]
                tokens.append(Token(left, self.stem(left), start, start + seam, chunk))
                tokens.append(Token(right, self.stem(right), start + seam, end, chunk))
            else:
                tokens.append(Token(word, self.stem(word), start, end, chunk))
            if word in _CHUNK_WORDS:
                chunk += 1
            previous_end = end
            if len(tokens) >= _LONGEST_SENTENCE:
                self._close(tokens, found)  # keeps the work on any text linear
        self._close(tokens, found)
        return found

    def _close(self, tokens: list[Token], found: list[Sentence]) -> None:
        if tokens:
            content = tuple(
                i
                for i, t in enumerate(tokens)
                if t.word not in self._stopwords and t.word not in _CHUNK_WORDS
            )
            found.append(Sentence(tuple(tokens), content))
            tokens.clear()


def _with_compounds(words: Iterable[str]) -> "re.Pattern[str]":
    """Tokens, where 'light headed' or 'passed-out' of a word class is one."""
    compounds = "|".join(r"[\s-]".join(re.escape(part) for part in w.split("-")) for w in words)
    return re.compile(rf"\b(?i:{compounds})\b|{_TOKEN.pattern}") if compounds else _TOKEN


def is_hard(word: str) -> bool:
    """True for words that a match never crosses within a sentence."""
    return word in _HARD_WORDS


def _is_word(raw: str) -> bool:
    return raw[0].isalnum()
