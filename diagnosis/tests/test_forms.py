"""Compiled knowledge kept between starts: used where it fits, made again where it does not."""

from pathlib import Path

import pytest
from django.conf import LazySettings

from agents.knowledge import base
from agents.tests.tiny import tiny_text
from agents.types import Case, Note
from diagnosis.selectors.forms import kept_form
from diagnosis.selectors.releases import canonical, ready

NOTE = Case(note=Note(text="Fever and dry cough, no rash."))


@pytest.fixture
def folder(settings: LazySettings, tmp_path: Path) -> Path:
    settings.KNOWLEDGE_FORMS = tmp_path / "forms"
    return tmp_path / "forms"


def refuse(text: object) -> None:
    raise AssertionError("the kept form was not used")


def test_a_second_start_uses_the_form_that_the_first_one_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ready(canonical(tiny_text()))
    assert len(list(folder.glob("*.form"))) == 1
    monkeypatch.setattr(base, "compile_wordings", refuse)
    second = ready(canonical(tiny_text()))
    assert second.reader.read(NOTE) == first.reader.read(NOTE)


@pytest.mark.parametrize("spoil", [lambda b: b"", lambda b: b[:100], lambda b: b"\xc1" + b[1:]])
def test_a_broken_form_is_made_again(folder: Path, spoil) -> None:  # type: ignore[no-untyped-def]
    first = ready(canonical(tiny_text()))
    path = next(folder.glob("*.form"))
    path.write_bytes(spoil(path.read_bytes()))
    assert ready(canonical(tiny_text())).reader.read(NOTE) == first.reader.read(NOTE)


def test_a_form_of_other_knowledge_is_not_used(folder: Path) -> None:
    first = ready(canonical(tiny_text()))
    assert kept_form("another hash") is None
    path = next(folder.glob("*.form"))
    form = path.read_bytes()
    assert base.unpacked(form, "another hash") is None
    assert base.unpacked(form, first.hash) is not None


def test_a_folder_that_cannot_be_written_costs_nothing(
    settings: LazySettings, tmp_path: Path
) -> None:
    settings.KNOWLEDGE_FORMS = tmp_path / "file" / "forms"
    (tmp_path / "file").write_text("in the way")
    assert ready(canonical(tiny_text())).reader.read(NOTE).present == ("dry_cough", "fever")


def test_only_the_last_few_forms_stay(folder: Path) -> None:
    folder.mkdir(parents=True)
    for number in range(9):
        (folder / f"{number}.form").write_bytes(b"old")
    ready(canonical(tiny_text()))
    assert len(list(folder.glob("*.form"))) == 4
