"""Autocomplete over findings: prefixes of any word, synonyms, lay words, typos."""

import re

from msgspec import Struct
from rapidfuzz import fuzz, process

from agents.knowledge.schema import FindingEntry

_WORD = re.compile(r"[^\W_]+")
_LONGEST_QUERY = 100
_CUTOFF = 75.0


class FindingMatch(Struct, frozen=True):
    """``matched`` is the wording that fits the query; ``score`` runs from 0 to 100."""

    id: str
    name: str
    kind: str
    matched: str
    score: float


class FindingSearch:
    """Compiled once for each release."""

    def __init__(self, findings: dict[str, FindingEntry]) -> None:
        self._findings = findings
        self._wordings: list[tuple[str, str, str]] = [
            (_normal(wording), wording, key)
            for key, entry in findings.items()
            for wording in (entry.name, *entry.synonyms, *entry.lay)
        ]
        self._normal = [w[0] for w in self._wordings]

    def find(self, query: str, limit: int) -> list[FindingMatch]:
        """Best first: whole wording, its beginning, beginnings of its words, then typos."""
        wanted = _normal(query[:_LONGEST_QUERY])
        if not wanted:
            return []
        ranked: dict[str, tuple[float, str]] = {}
        words = wanted.split()
        for normal, wording, key in self._wordings:
            score = _score(normal, wanted, words)
            if score and score > ranked.get(key, (0.0, ""))[0]:
                ranked[key] = (score, wording)
        if len(ranked) < limit and len(wanted) > 3:
            self._add_typos(wanted, ranked, limit)
        best = sorted(ranked.items(), key=self._order)
        return [
            FindingMatch(key, self._findings[key].name, self._findings[key].kind, wording, score)
            for key, (score, wording) in best[:limit]
        ]

    def _order(self, item: tuple[str, tuple[float, str]]) -> tuple[float, bool, int, str]:
        """By score; a name before a synonym that fits as well, the shorter wording first."""
        key, (score, wording) = item
        return -score, wording != self._findings[key].name, len(wording), key

    def _add_typos(self, wanted: str, ranked: dict[str, tuple[float, str]], limit: int) -> None:
        for _, score, at in process.extract(
            wanted, self._normal, scorer=fuzz.ratio, limit=limit, score_cutoff=_CUTOFF
        ):
            _, wording, key = self._wordings[at]
            if score * 0.6 > ranked.get(key, (0.0, ""))[0]:
                ranked[key] = (score * 0.6, wording)


def _normal(text: str) -> str:
    return " ".join(_WORD.findall(text.lower()))


def _score(normal: str, wanted: str, words: list[str]) -> float:
    if normal == wanted:
        return 100.0
    if normal.startswith(wanted):
        return 90.0
    if words[0] not in normal:
        return 0.0
    own = normal.split()
    if all(any(w.startswith(q) for w in own) for q in words):
        return 75.0
    return 0.0
