"""Red-flag wording found in raw text, before and without any reading of it."""

from agents.knowledge.schema import KnowledgeText, Lexicon, RedFlagEntry
from agents.language.context import ContextReader
from agents.language.lexicon import PhraseIndex
from agents.language.phrases import PhraseSet
from agents.language.tokens import Vocabulary
from agents.types import Case, RedFlag, Span

_PATIENT_NOW = frozenset({"chief_complaint", "history", "text"})


class RawFlags:
    """Phrases of rules, matched in the complaint unless negated, past or of the family."""

    def __init__(self, text: KnowledgeText, phrases: PhraseSet) -> None:
        lexicon: Lexicon = text.lexicon
        self._rules: dict[str, RedFlagEntry] = text.red_flags
        self._vocabulary = Vocabulary(lexicon.classes, lexicon.stopwords)
        self._context = ContextReader(lexicon)
        self._index = PhraseIndex(phrases)

    def in_note(self, case: Case, age_years: float | None) -> list[RedFlag]:
        """Flags with the span of their wording."""
        found: dict[str, RedFlag] = {}
        for section, text in case.note.sections():
            if section not in _PATIENT_NOW:
                continue
            for sentence in self._vocabulary.sentences(text):
                matches = self._index.matches(sentence)
                if not matches:
                    continue
                context = self._context.read(sentence, section)
                for match in matches:
                    first, last = match.tokens[0], match.tokens[-1]
                    if context.governs(first, last):
                        continue
                    span = Span(section, sentence.tokens[first].start, sentence.tokens[last].end)
                    for key in match.phrase.keys:
                        if _may_concern(self._rules[key], case, age_years):
                            found.setdefault(key, _flag(key, self._rules[key], span))
        return list(found.values())


def _may_concern(rule: RedFlagEntry, case: Case, age: float | None) -> bool:
    if age is not None and not (rule.min_age or 0) <= age < (rule.below_age or 200):
        return False
    return rule.sex is None or case.sex is None or rule.sex is case.sex


def _flag(key: str, rule: RedFlagEntry, span: Span) -> RedFlag:
    return RedFlag(
        rule=key,
        title=rule.name,
        urgency=rule.urgency,
        reason=rule.reason,
        source=rule.source,
        suspects=rule.suspects,
        span=span,
    )
