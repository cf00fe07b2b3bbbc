"""CPU of the agents alone: ``make bench-agents``. Prints times; asserts none.

Inputs are our own: ten coded findings, and a note of about 150 words.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from agents.coordinator import Coordinator
from agents.inference import rank
from agents.knowledge.base import KnowledgeBase, compile_knowledge
from agents.knowledge.loader import read_shipped
from agents.types import Case, Note, Sex, StatedFinding

CODED = Case(
    findings=tuple(
        StatedFinding(name)
        for name in (
            "fever", "cough", "dyspnoea", "chest_pain", "fatigue", "headache", "nausea", "vomiting",
            "sore_throat", "palpitations",
        )
    ),
    age_years=47,
    sex=Sex.FEMALE,
)  # fmt: skip
NOTE = Case(
    note=Note(
        chief_complaint="Cough and fever",
        history=(
            "A retired gardener who has been unwell for five days. It began with shivering and a"
            " dry cough, which now brings up rusty phlegm. On the right side of the chest there is"
            " a sharp pain whenever she takes a deep breath, and climbing the stairs to her flat"
            " leaves her breathless. Her daughter noticed that she was muddled last night and has"
            " hardly eaten or drunk since. She took paracetamol, which brought the temperature"
            " down for a few hours only. There was no travel, and nobody else at home is ill. The"
            " legs are not swollen and the calves do not hurt. She has never coughed up blood."
        ),
        denies="No wheeze, no palpitations, no vomiting or diarrhoea, no rash, no urinary symptoms",
        past_history="Hypertension, type 2 diabetes, hip replacement six years ago.",
        social_history="Smoked twenty cigarettes a day for thirty years, stopped at sixty.",
    ),
    age_years=74,
    sex=Sex.FEMALE,
)


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
