"""A complaint and its place that stand apart: 'tearing pain that began in the front of the chest'.

A head word ('pain', 'swelling') that no match has used is joined with each place named after a
preposition in its sentence, or in the next one where that only goes on about it.
"""

from collections.abc import Callable, Iterator, Sequence

from agents.language.lexicon import PhraseIndex, PhraseMatch
from agents.language.tokens import Sentence, Token

HEADS = frozenset({"pain", "swell", "lump", "numb"})
_PREPOSITIONS = frozenset(
    [
        "in", "over", "at", "behind", "around", "across", "under", "beneath", "below", "near",
        "between", "above", "along", "inside",
    ]
)  # fmt: skip
_GOES_ON = frozenset(["began", "started", "it", "located", "moved", "felt", "worst", "mainly"])
_MOVING = frozenset(
    ["now", "moved", "migrated", "shifted", "settled", "localised", "localized", "moves"]
)
_LONGEST_PLACE = 7


def placed(
    sentence: Sentence,
    following: Sentence | None,
    matches: Sequence[PhraseMatch],
    index: PhraseIndex,
    is_filler: Callable[[str], bool],
) -> Iterator[tuple[int, PhraseMatch, tuple[Token, ...]]]:
    """(index of the head word, match, tokens of head and place) for each place found."""
    used = {i for match in matches for i in match.tokens}
    heads = [i for i in sentence.content if sentence.tokens[i].stem in HEADS]
    if not heads:
        return
    bare = [i for i in heads if i not in used]
    head = (bare or heads)[0]
    places = [
        place
        for moved, place in _places(sentence.tokens, used)
        if moved or (bare and place[0].start > sentence.tokens[head].start)
    ]
    if bare and following is not None and _continues(following):
        places += [place for _, place in _places(following.tokens, set())]
    for place in places:
        joined = _joined(sentence.tokens[head], place, is_filler)
        for match in index.matches(joined):
            if match.tokens[0] == 0 and len(match.tokens) > 1:
                yield head, match, joined.tokens


def _continues(sentence: Sentence) -> bool:
    words = {token.word for token in sentence.tokens[:2]}
    return not words.isdisjoint(_GOES_ON) and not any(t.stem in HEADS for t in sentence.tokens)


def _places(tokens: tuple[Token, ...], used: set[int]) -> Iterator[tuple[bool, tuple[Token, ...]]]:
    """What follows each preposition, up to the next one or the end of its chunk.

    The flag says that the complaint has moved there: 'is now in', 'settled in', 'moved to'.
    """
    for start, token in enumerate(tokens):
        before = tokens[start - 1].word if start else ""
        moved = before in _MOVING
        if token.word not in _PREPOSITIONS and not (moved and token.word in ("to", "into")):
            continue
        place: list[Token] = []
        for i in range(start + 1, min(len(tokens), start + 1 + _LONGEST_PLACE)):
            if tokens[i].chunk != tokens[start].chunk or tokens[i].word in _PREPOSITIONS:
                break
            if i in used:
                place = []
                break
            place.append(tokens[i])
        if place:
            yield moved, tuple(place)


def _joined(head: Token, place: tuple[Token, ...], is_filler: Callable[[str], bool]) -> Sentence:
    """Head and place as one chunk."""
    tokens = tuple(Token(t.word, t.stem, t.start, t.end, 0) for t in (head, *place))
    content = tuple(i for i, token in enumerate(tokens) if not is_filler(token.word))
    return Sentence(tokens, content)
