"""CPU of the agents alone, piece by piece: ``make bench-agents``. Prints times; asserts none."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from agents.coordinator import Coordinator
from agents.inference import rank
from agents.knowledge.base import KnowledgeBase, compile_knowledge
from agents.knowledge.loader import read_shipped
from agents.types import Case
from benchmarks.cases import CODED, NOTE


@pytest.fixture(scope="module")
def knowledge() -> KnowledgeBase:
    base = compile_knowledge(read_shipped())
    assert base.reader
    return base


def consult(case: Case, knowledge: KnowledgeBase) -> Callable[[], Any]:
    """One whole consultation with nothing cached of the case."""
    loop = asyncio.new_event_loop()

    def once() -> Any:
        coordinator = Coordinator()
        return loop.run_until_complete(coordinator.consult(case, knowledge, lambda event: None))

    return once


def test_ten_coded_findings(benchmark: Any, knowledge: KnowledgeBase) -> None:
    answer = benchmark(consult(CODED, knowledge))
    assert answer.complete


def test_a_note_of_150_words(benchmark: Any, knowledge: KnowledgeBase) -> None:
    answer = benchmark(consult(NOTE, knowledge))
    assert answer.complete


def test_reading_a_note_of_150_words(benchmark: Any, knowledge: KnowledgeBase) -> None:
    reading = benchmark(knowledge.reader.read, NOTE)
    assert reading.present


def test_ranking(benchmark: Any, knowledge: KnowledgeBase) -> None:
    reading = knowledge.reader.read(CODED)
    assert benchmark(rank, knowledge, CODED, reading).scores.size == len(knowledge.condition_ids)


def test_compiling_the_knowledge(benchmark: Any) -> None:
    text = read_shipped()
    assert benchmark.pedantic(lambda: compile_knowledge(text).reader, rounds=3) is not None
