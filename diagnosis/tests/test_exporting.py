"""The tables back into files: what did not change is left byte for byte."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agents.knowledge.loader import SHIPPED, content_hash, read_shipped
from diagnosis import services
from diagnosis.models import Condition, Finding, Guideline, RedFlagRule, Source
from diagnosis.policies import Actor
from diagnosis.tests.knowledge import rich

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty knowledge folder with the shipped lexicon and what it borrows."""
    for name in ("language.toml", "hpo.toml"):
        shutil.copy(SHIPPED / name, tmp_path)
    return tmp_path


def load_rich() -> None:
    services.load_knowledge(Actor.system(), rich(), publish=False)


def test_every_form_of_entry_can_be_written_and_read(folder: Path) -> None:
    load_rich()
    services.export_knowledge(folder)

    assert content_hash(read_shipped(folder)) == content_hash(rich())


def test_a_condition_has_one_finding_a_line(folder: Path) -> None:
    load_rich()
    services.export_knowledge(folder)

    lines = (folder / "conditions" / "a" / "flu.toml").read_text().splitlines()
    assert 'chills = "common"' in lines
    assert 'fever = {source = "paper", p = 0.86, note = "in adults"}' in lines


def test_writing_again_changes_no_file(folder: Path) -> None:
    load_rich()
    assert services.export_knowledge(folder)
    assert services.export_knowledge(folder) == []


def test_comments_and_neighbours_of_an_edit_stay(folder: Path) -> None:
    load_rich()
    services.export_knowledge(folder)
    findings = folder / "findings" / "edited.toml"
    findings.rename(folder / "findings" / "area.toml")
    findings = folder / "findings" / "area.toml"
    findings.write_text("# reviewed in May\n" + findings.read_text())
    before = findings.read_text()
    Finding.objects.filter(pk="rash").update(name="Skin rash", edited_at=datetime.now(UTC))
    changed = services.export_knowledge(folder)

    assert changed == [findings]
    assert findings.read_text() == before.replace('name = "Rash"', 'name = "Skin rash"')


def test_new_entries_get_a_place_and_removed_ones_go(folder: Path) -> None:
    load_rich()
    services.export_knowledge(folder)
    Source.objects.create(
        id="added", title="Added", publisher="Us", year=2021, kind="book",
        url="https://example.org/added",
    )  # fmt: skip
    Condition.objects.filter(pk="eczema").delete()
    Guideline.objects.all().delete()
    RedFlagRule.objects.filter(pk="meningism").delete()
    changed = {str(path.relative_to(folder)) for path in services.export_knowledge(folder)}

    assert changed == {
        "sources.toml",
        "conditions/b/eczema.toml",
        "guidelines/pneumonia_care.toml",
        "red_flags/edited.toml",
    }
    text = read_shipped(folder)
    assert "added" in text.sources
    assert "eczema" not in text.conditions
    assert text.guidelines == {}


def test_the_shipped_files_are_left_as_they_are(tmp_path: Path) -> None:
    for name in ("conditions", "findings", "guidelines", "red_flags"):
        shutil.copytree(SHIPPED / name, tmp_path / name)
    for name in ("sources.toml", "language.toml", "hpo.toml"):
        shutil.copy(SHIPPED / name, tmp_path)
    services.load_knowledge(Actor.system(), publish=False)

    assert services.export_knowledge(tmp_path) == []
