"""The shipped knowledge, compiled once for all tests."""

from collections.abc import Callable

import pytest

from agents.knowledge.base import KnowledgeBase, compile_knowledge
from agents.knowledge.loader import read_shipped
from agents.types import Case, Note, Presence, Reading, Sex


@pytest.fixture(scope="session")
def knowledge() -> KnowledgeBase:
    base = compile_knowledge(read_shipped())
    _ = base.reader, base.raw_flags  # no consultation of a test waits for them
    return base


@pytest.fixture(scope="session")
def read(knowledge: KnowledgeBase) -> Callable[..., Reading]:
    """Reads one text, or sections by name."""

    def reader(
        text: str = "", *, age: float | None = 40, sex: Sex | None = None, **sections: str
    ) -> Reading:
        return knowledge.reader.read(Case(note=Note(text=text, **sections), age_years=age, sex=sex))

    return reader


@pytest.fixture(scope="session")
def presences(
    knowledge: KnowledgeBase, read: Callable[..., Reading]
) -> Callable[..., dict[str, Presence]]:
    """Settled presence of each finding read from a text, and of what it implies."""

    def reader(text: str = "", **kwargs: object) -> dict[str, Presence]:
        reading = read(text, **kwargs)
        return {
            **dict.fromkeys(reading.absent, Presence.ABSENT),
            **{a: Presence.PRESENT for f in reading.present for a in knowledge.ancestors[f]},
            **dict.fromkeys(reading.present, Presence.PRESENT),
        }

    return reader
