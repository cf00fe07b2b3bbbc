"""An honest answer to what cannot be answered: no confident guess from nothing."""

import asyncio
import os
import subprocess
import sys

import pytest

from agents.coordinator import Coordinator
from agents.knowledge.base import KnowledgeBase
from agents.types import Case, Consultation, Note, Presence, Sex, StatedFinding, Urgency


def consulted(knowledge: KnowledgeBase, case: Case) -> Consultation:
    return asyncio.run(Coordinator().consult(case, knowledge, lambda event: None))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Seit drei Tagen Husten und Fieber, kein Auswurf.",
        "Боль в груди два часа",
        "No fever, no cough, no chest pain, no rash.",
        "Migraine",
        "Pneumonia?",
        "Diabetes mellitus, hypertension. Takes metformin and ramipril.",
        "Mother had breast cancer.",
    ],
)
def test_not_enough_to_rank(knowledge: KnowledgeBase, text: str) -> None:
    answer = consulted(knowledge, Case(note=Note(text=text)))
    assert answer.complete
    assert not answer.differential.enough
    assert answer.differential.reason
    assert answer.differential.most_likely == ()
    assert answer.urgency is None


def test_earlier_disease_that_is_named_is_said(knowledge: KnowledgeBase) -> None:
    answer = consulted(knowledge, Case(note=Note(text="Migraine")))
    assert "migraine" in answer.differential.reason.lower()


def test_an_emergency_is_seen_without_any_ranking(knowledge: KnowledgeBase) -> None:
    case = Case(findings=(StatedFinding("sickle_cell_known"),), note=Note(text="SpO2 80 %, RR 38"))
    assert consulted(knowledge, case).urgency is Urgency.EMERGENCY


def test_a_note_of_the_greatest_length_is_answered(knowledge: KnowledgeBase) -> None:
    text = ("Pain in the chest and the left arm, no fever. " * 500)[:20_000]
    answer = consulted(knowledge, Case(note=Note(text=text)))
    assert answer.complete
    assert "chest_pain_radiating_arm_jaw" in answer.reading.present


def test_a_sparse_complaint_gives_no_confident_answer(knowledge: KnowledgeBase) -> None:
    answer = consulted(knowledge, Case(note=Note(text="Tired.")))
    assert answer.differential.enough
    assert answer.differential.most_likely[0].probability < 0.1


def test_contradictions_with_the_sex_are_listed(knowledge: KnowledgeBase) -> None:
    case = Case(note=Note(text="Painful periods and a painful testicle."), sex=Sex.MALE)
    answer = consulted(knowledge, case)
    assert any("male patient" in c.sentence for c in answer.reading.contradictions)
    pregnant = Case(note=Note(text="Tired."), sex=Sex.MALE, pregnant=Presence.PRESENT)
    assert any(
        c.subject == "pregnant" for c in consulted(knowledge, pregnant).reading.contradictions
    )


READ = """
import msgspec
from agents.knowledge.base import compile_knowledge
from agents.knowledge.loader import read_shipped
from agents.types import Case, Note
note = Note(history="Severe burning chest pain on the left, worse on breathing, sudden, at night.")
print(msgspec.json.encode(compile_knowledge(read_shipped()).reader.read(Case(note=note))).decode())
"""


def test_the_same_note_is_read_to_the_same_bytes_in_every_process() -> None:
    """Orders that hang on the hash seed of a process would make a replay differ."""
    answers = {
        subprocess.run(
            [sys.executable, "-c", READ],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            timeout=120,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(answers) == 1
