"""The shipped knowledge holds its promises, and every kind of fault is named."""

import shutil
from pathlib import Path

import pytest

from agents.errors import InvalidKnowledge
from agents.knowledge.base import KnowledgeBase
from agents.knowledge.loader import SHIPPED, content_hash, read_shipped


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    shutil.copytree(
        SHIPPED, tmp_path / "knowledge", ignore=shutil.ignore_patterns("*.py", "__pycache__")
    )
    return tmp_path / "knowledge"


def test_the_first_release_is_broad_enough(knowledge: KnowledgeBase) -> None:
    text = knowledge.text
    assert len(text.conditions) >= 80
    assert len(text.findings) >= 300
    assert len(text.red_flags) >= 40
    assert len(text.guidelines) >= 30
    assert all(g.recommendations for g in text.guidelines.values())


def test_every_finding_of_a_patient_has_words(knowledge: KnowledgeBase) -> None:
    silent = [
        key
        for key, entry in knowledge.text.findings.items()
        if entry.kind == "symptom"
        and not (entry.synonyms or entry.lay or entry.when or entry.severity)
    ]
    assert silent == []


def test_equal_content_has_an_equal_hash(knowledge: KnowledgeBase) -> None:
    assert content_hash(read_shipped()) == knowledge.hash


def test_a_changed_figure_changes_the_hash(copied: Path, knowledge: KnowledgeBase) -> None:
    path = next((copied / "conditions").glob("*/*.toml"))
    path.write_text(path.read_text().replace('status = "draft"', 'status = "reviewed"'))
    assert content_hash(read_shipped(copied)) != knowledge.hash


@pytest.mark.parametrize(
    ("where", "text", "says"),
    [
        ("conditions/respiratory/broken.toml", "name = 1", "broken.toml"),
        ("conditions/respiratory/broken.toml", "not toml at all [", "broken.toml"),
        ("findings/broken.toml", '[a_finding]\nname = "A finding"\nkind = "symptom"\ncolour = "red"', "colour"),
        ("findings/broken.toml", '[a_finding]\nname = "A finding"\nkind = "feeling"', "feeling"),
        ("findings/broken.toml", '[a_finding]\nname = "A finding"\nkind = "symptom"\nbackground = 1.0', "a_finding"),
        ("findings/broken.toml", '[a_finding]\nname = "A finding"\nkind = "symptom"\nparents = ["nowhere_else"]', "nowhere_else"),
        ("findings/broken.toml", '[aa]\nname = "A finding"\nkind = "symptom"\nparents = ["bb"]\n[bb]\nname = "Bb"\nkind = "symptom"\nparents = ["aa"]', "loop"),
        ("red_flags/broken.toml", '[a_rule]\nname = "A rule"\nurgency = "emergency"\nreason = "Because."\nsource = "no-such-source"\nall = ["fever"]', "no-such-source"),
        ("red_flags/broken.toml", '[a_rule]\nname = "A rule"\nurgency = "soon"\nreason = "Because."\nsource = "x"\nall = ["fever"]', "soon"),
    ],
)  # fmt: skip
def test_each_fault_names_its_entry(copied: Path, where: str, text: str, says: str) -> None:
    (copied / where).write_text(text)
    with pytest.raises(InvalidKnowledge) as error:
        read_shipped(copied)
    assert any(says in fault for fault in error.value.faults)


def test_autocomplete(knowledge: KnowledgeBase) -> None:
    assert knowledge.find_findings("head")[0].id == "headache"
    assert knowledge.find_findings("hedache")[0].id == "headache"
    assert "abdominal_pain" in {m.id for m in knowledge.find_findings("tummy ache")}
    assert knowledge.find_findings("") == []
    assert len(knowledge.find_findings("pain", 7)) == 7


def test_what_implies_a_finding_stands_above_it(knowledge: KnowledgeBase) -> None:
    for key, above in knowledge.ancestors.items():
        assert key not in above
