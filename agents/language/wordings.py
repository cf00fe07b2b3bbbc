"""All wordings of a knowledge, compiled: what it takes to read notes, without the reading."""

from collections.abc import Iterator
from itertools import chain

from msgspec import Struct

from agents.knowledge.schema import FindingEntry, KnowledgeText
from agents.language.phrases import IDIOM, PhraseSet, compile_phrases
from agents.language.tokens import Vocabulary


class Wordings(Struct, frozen=True, array_like=True):
    """Phrases of findings, conditions and red flags; ``names`` are sorted stems to finding ids."""

    findings: PhraseSet
    conditions: PhraseSet
    red_flags: PhraseSet
    names: dict[str, str]


def compile_wordings(text: KnowledgeText) -> Wordings:
    """Takes a second or two on the full knowledge."""
    vocabulary = Vocabulary(text.lexicon.classes, text.lexicon.stopwords)
    vague = text.lexicon.too_general
    idioms = ((IDIOM, phrase, False) for phrase in text.lexicon.idioms)
    return Wordings(
        compile_phrases(vocabulary, chain(_finding_phrases(text), idioms), vague),
        compile_phrases(vocabulary, _condition_phrases(text), vague),
        compile_phrases(vocabulary, _flag_phrases(text)),
        _names(text, vocabulary),
    )


def _finding_phrases(text: KnowledgeText) -> Iterator[tuple[str, str, bool]]:
    """Our own words before those of another vocabulary: the first claim to a wording wins."""
    yield from _own_phrases(text.findings)
    if text.lexicon.borrowed is not None:
        for key, term in text.lexicon.borrowed.terms.items():
            if key in text.findings:  # staff may have removed it
                for wording in term.wordings:
                    yield key, wording, False


def _own_phrases(findings: dict[str, FindingEntry]) -> Iterator[tuple[str, str, bool]]:
    """Names before synonyms before lay words."""
    for key, entry in findings.items():
        yield key, entry.name, False
    for key, entry in findings.items():
        for wording in entry.synonyms:
            yield key, wording, False
    for key, entry in findings.items():
        for wording in entry.lay:
            yield key, wording, False
        for wording in entry.normal:
            yield key, wording, True


def _condition_phrases(text: KnowledgeText) -> Iterator[tuple[str, str, bool]]:
    for key, entry in text.conditions.items():
        for wording in (entry.name, *entry.synonyms):
            yield key, wording, False


def _flag_phrases(text: KnowledgeText) -> Iterator[tuple[str, str, bool]]:
    for key, rule in text.red_flags.items():
        for phrase in rule.phrases:
            yield key, phrase, False


def _names(text: KnowledgeText, vocabulary: Vocabulary) -> dict[str, str]:
    """The first finding that claims a wording: by name, then synonym, then lay word."""
    names: dict[str, str] = {}
    for key, wording, normal in _finding_phrases(text):
        if not normal:
            names.setdefault(" ".join(sorted(vocabulary.phrase(wording))), key)
    names.pop("", None)
    return names
