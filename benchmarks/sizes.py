"""The shipped knowledge cut down or grown, to see how cost follows its size."""

import random

from msgspec import structs

from agents.knowledge.schema import ConditionEntry, KnowledgeText


def of_size(text: KnowledgeText, count: int) -> KnowledgeText:
    """``count`` conditions: a fixed random part of the shipped ones, or copies beside them.

    Findings stay as they are; guidelines go, because they name conditions that may be gone.
    """
    names = list(text.conditions)
    random.Random(1).shuffle(names)
    conditions: dict[str, ConditionEntry] = {}
    for number in range(count):
        original = names[number % len(names)]
        copy = number // len(names)
        conditions[f"{original}_{copy}" if copy else original] = text.conditions[original]
    return structs.replace(
        text,
        conditions=dict(sorted(conditions.items())),
        systems=dict.fromkeys(conditions, "benchmark"),
        guidelines={},
    )
