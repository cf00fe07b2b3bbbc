"""Wordings compiled into phrases: stemmed, merged, and rid of those that would mislead.

This is the slow part of starting a reader, so its outcome can be kept (``knowledge.form``).
"""

from collections.abc import Iterable

from msgspec import Struct

from agents.language.tokens import Vocabulary

IDIOM = ""
"""Key of wordings that are no finding: they take their words out of play."""
NEGATING = frozenset({"no", "not", "cannot", "without", "never", "non"})


class Phrase(Struct, frozen=True, array_like=True, gc=False):
    """A synonym: its stems, and whether it stands for presence or for the normal."""

    stems: tuple[str, ...]
    """In the order written; the words themselves for a phrase of filler words."""
    keys: tuple[str, ...]
    """Ids that the phrase can stand for (one, but for a history and a family history)."""
    normal: bool
    rigid: bool
    """Its words must stand together: it carries a negation of its own."""


class PhraseSet(Struct, frozen=True, array_like=True):
    """``loose`` match in any order within a window, ``exact`` only word for word."""

    loose: tuple[Phrase, ...]
    exact: tuple[Phrase, ...]


def compile_phrases(
    vocabulary: Vocabulary,
    entries: Iterable[tuple[str, str, bool]],
    too_general: Iterable[str] = (),
) -> PhraseSet:
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
        rigid = not NEGATING.isdisjoint(stems)
        if (len(stems) == 1 and len(words) > 1) or "without" in words:
            exact.setdefault(words, Phrase(words, (key,), normal, rigid))
        elif stems not in vague:
            signature = (stems if rigid else tuple(sorted(stems)), normal)
            merged[signature] = _claimed(merged.get(signature), stems, key, normal, rigid)
            written.setdefault(signature, set()).update(words)
    loose = [
        phrase
        for signature, phrase in merged.items()
        if not _is_list(phrase, merged, written[signature]) and not _denies_another(phrase, merged)
    ]
    return PhraseSet(tuple(loose), tuple(exact.values()))


def _claimed(
    known: Phrase | None, stems: tuple[str, ...], key: str, normal: bool, rigid: bool
) -> Phrase:
    """The phrase with one more claim to it."""
    keys = dict.fromkeys([*(known.keys if known else ()), key])
    if len(keys) > 1:
        keys.pop(IDIOM, None)  # a finding's own wording is no idiom
    return Phrase(stems, tuple(keys), normal, rigid)


def _denies_another(
    phrase: Phrase, all_phrases: "dict[tuple[tuple[str, ...], bool], Phrase]"
) -> bool:
    """'No itching' as the normal of one special itch: the plain words are denied on their own."""
    if not (phrase.normal and phrase.rigid):
        return False
    rest = tuple(sorted(s for s in phrase.stems if s not in NEGATING))
    return (rest, False) in all_phrases


def _is_list(
    phrase: Phrase, all_phrases: "dict[tuple[tuple[str, ...], bool], Phrase]", words: set[str]
) -> bool:
    """'Nausea and vomiting' says two things; each is read for itself."""
    if len(phrase.stems) != 2 or words.isdisjoint(("and", "or")):
        return False
    parts = [all_phrases.get(((stem,), phrase.normal)) for stem in phrase.stems]
    return all(parts) and len({part.keys for part in parts if part}) == 2
