"""What is done in a shell: consulting, loading, publishing, exporting."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from django.core.management import CommandError, call_command

from agents.errors import InvalidKnowledge
from agents.knowledge.loader import content_hash, read_shipped
from agents.types import Consultation
from diagnosis import checks
from diagnosis.management.commands import load_knowledge as load_knowledge_command
from diagnosis.models import Condition, DiagnosisSession, KnowledgePublication
from diagnosis.tests.knowledge import rich, tiny

ROOT = Path(__file__).resolve().parents[2]
NOTE = "Fever with chills and a dry cough, and a stiff neck since this morning. No rash.\n"


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


class TestConsult:
    pytestmark = [pytest.mark.services, pytest.mark.usefixtures("tiny_knowledge")]

    @pytest.fixture
    def note(self, tmp_path: Path) -> Path:
        path = tmp_path / "note.txt"
        path.write_text(NOTE)
        return path

    def test_a_note_becomes_a_consultation_in_words(self, note: Path) -> None:
        said = run("consult", str(note), "--age", "40", "--sex", "female")

        assert "URGENCY" in said
        assert "MOST LIKELY" in said
        assert "Flu" in said
        assert "for: fever (LR" in said
        assert "Decision support for clinicians" in said

    def test_as_json_it_is_the_whole_consultation(self, note: Path) -> None:
        said = run("consult", str(note), "--format", "json")

        consultation = msgspec.json.decode(said, type=Consultation)
        assert consultation.complete
        assert consultation.versions.knowledge == content_hash(tiny())

    def test_the_body_of_a_rest_request_is_taken_too(self, tmp_path: Path) -> None:
        path = tmp_path / "case.json"
        path.write_text(
            json.dumps(
                {
                    "symptoms": [{"name": "fever"}, {"name": "neck stiffness"}],
                    "patient_info": {"age": 30, "gender": "female"},
                }
            )
        )
        said = run("consult", str(path))

        assert said.startswith("URGENCY: EMERGENCY")
        assert "RED FLAGS" in said
        assert "Meningism" in said

    def test_nothing_is_stored(self, note: Path) -> None:
        run("consult", str(note))

        assert not DiagnosisSession.objects.exists()

    @pytest.mark.parametrize(
        ("content", "complaint"),
        [
            (b"", "case"),
            (b"\xff\xfe", "UTF-8"),
            (b'{"symptoms": [{"nam": "x"}]}', "nam"),
            (b'{"patient_info": {"age": 999}, "symptoms": [{"name": "fever"}]}', "age"),
            (b"{not json", "JSON"),
        ],
    )
    def test_a_case_that_cannot_be_read_is_refused_with_a_reason(
        self, tmp_path: Path, content: bytes, complaint: str
    ) -> None:
        path = tmp_path / "case"
        path.write_bytes(content)
        with pytest.raises(CommandError, match=complaint):
            run("consult", str(path))

    def test_a_file_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(CommandError, match="nowhere"):
            run("consult", str(tmp_path / "nowhere"))

    def test_an_impossible_age_is_refused(self, note: Path) -> None:
        with pytest.raises(CommandError, match="age"):
            run("consult", str(note), "--age", "-3")

    def test_what_is_missing_is_said_before_what_was_found(
        self, note: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def fail(*args: object) -> None:
            raise RuntimeError

        monkeypatch.setattr("agents.matcher.ConditionMatcher.match", fail)
        said = run("consult", str(note))

        assert "INCOMPLETE: no answer from condition matcher, treatment retriever" in said
        assert "NO RANKING" in said


def test_consulting_needs_no_database(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "ENV_FILE": "",
        "DATABASE_URL": f"sqlite:///{tmp_path}/never/made.sqlite3",
        "REDIS_URL": "",
    }
    done = subprocess.run(
        [sys.executable, "manage.py", "consult", "-", "--format", "json", "--age", "30"],
        input=NOTE.encode(),
        capture_output=True,
        cwd=ROOT,
        env=environment,
        check=False,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr.decode()
    consultation = msgspec.json.decode(done.stdout, type=Consultation)
    assert consultation.complete
    assert consultation.versions.knowledge == content_hash(read_shipped())


@pytest.mark.django_db
class TestKnowledge:
    @pytest.fixture(autouse=True)
    def tiny_files(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(load_knowledge_command, "read_shipped", lambda root: tiny())

    def test_loading_says_what_it_did(self) -> None:
        said = run("load_knowledge")

        assert f"published release {content_hash(tiny())[:12]}" in said
        assert "0 changed, 0 removed" in said
        assert "already in use" in run("load_knowledge")

    def test_loading_says_what_it_kept(self) -> None:
        run("load_knowledge")
        Condition.objects.filter(pk="flu").update(name="Influenza", edited_at="2026-01-01T00:00Z")

        assert "kept as edited: condition flu" in run("load_knowledge")
        assert "1 changed" in run("load_knowledge", "--replace-edited")

    def test_filling_the_tables_can_go_without_publishing(self) -> None:
        run("load_knowledge", "--no-publish")
        assert not KnowledgePublication.objects.exists()
        assert "published release" in run("publish_knowledge")
        assert "already in use" in run("publish_knowledge")

    def test_faults_are_listed_and_the_command_fails(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(root: Path) -> None:
            raise InvalidKnowledge(["condition flu: one", "condition flu: two"])

        monkeypatch.setattr(load_knowledge_command, "read_shipped", broken)
        with pytest.raises(CommandError, match=r"(?s)one.*two"):
            run("load_knowledge")

    def test_publishing_what_is_broken_fails_with_its_faults(self) -> None:
        run("load_knowledge")
        Condition.objects.filter(pk="flu").update(exclude_first=["nowhere"])
        with pytest.raises(CommandError, match="nowhere"):
            run("publish_knowledge")

    def test_exporting_names_the_files(self, tmp_path: Path) -> None:
        run("load_knowledge")
        said = run("export_knowledge", str(tmp_path))

        assert "conditions/a/flu.toml" in said
        assert run("export_knowledge", str(tmp_path)) == "0 files changed\n"

    def test_exporting_from_an_empty_database_fails(self, tmp_path: Path) -> None:
        with pytest.raises(CommandError, match="load_knowledge"):
            run("export_knowledge", str(tmp_path))


def test_bad_knowledge_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise InvalidKnowledge(["finding rash: one", "condition flu: two"])

    monkeypatch.setattr(checks, "read_shipped", broken)
    with pytest.raises(CommandError, match=r"(?s)flu: two.*rash: one"):
        call_command("check", "--tag", checks.KNOWLEDGE)


def test_good_knowledge_passes_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "read_shipped", rich)
    call_command("check", "--tag", checks.KNOWLEDGE)
