"""``manage.py consult_batch`` and ``delete_old_batches``."""

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from diagnosis.models import Batch, DiagnosisSession
from diagnosis.services import batch_work

pytestmark = [pytest.mark.services, pytest.mark.usefixtures("tiny_knowledge")]


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    path = tmp_path / "cases.csv"
    path.write_text("reference,note\n" + "".join(f"r{n},Fever day {n}.\n" for n in range(23)))
    return path


def run(*arguments: object) -> str:
    errors = io.StringIO()
    call_command("consult_batch", *map(str, arguments), stderr=errors)
    return errors.getvalue()


def test_a_file_is_consulted_with_progress_and_results(cases: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    said = run(cases, "--out", out)
    assert "23 cases" in said
    assert "\r10 of 23 cases, 0 failed" in said
    assert "\r23 of 23 cases, 0 failed\n" in said
    assert len(out.read_text().splitlines()) == 24
    assert DiagnosisSession.objects.count() == 23
    assert Batch.objects.get().by_system


def test_the_name_or_the_option_says_the_format(tmp_path: Path) -> None:
    path = tmp_path / "cases.txt"
    path.write_text(json.dumps({"note": "Fever"}))
    with pytest.raises(CommandError, match="--format"):
        run(path)
    out = tmp_path / "out.jsonl"
    run(path, "--format", "jsonl", "--out", out)
    assert json.loads(out.read_text())["status"] == "complete"


def test_a_run_that_was_broken_off_goes_on(
    cases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    consult = batch_work.consult
    calls = 0

    async def interrupted(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 13:
            raise KeyboardInterrupt
        return await consult(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(batch_work, "consult", interrupted)
        with pytest.raises(CommandError, match="--resume") as stopped:
            run(cases)
    assert DiagnosisSession.objects.count() == 12
    found = re.search(r"--resume (\S+)", str(stopped.value))
    assert found is not None
    run("--resume", found[1], "--out", tmp_path / "out.csv")
    assert DiagnosisSession.objects.count() == 23
    assert Batch.objects.get().status == "completed"
    # once more does no harm
    run("--resume", found[1])
    assert DiagnosisSession.objects.count() == 23


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"note,age\nfever,old\n", "row 2, patient_info.age"), (b"PK\x03\x04", "archive")],
)
def test_faults_are_told_by_row(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "cases.csv"
    path.write_bytes(content)
    with pytest.raises(CommandError, match=said):
        run(path)
    assert not Batch.objects.exists()


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        run(tmp_path / "nowhere.csv")
    with pytest.raises(CommandError):
        run("--resume", "01936b5e-0000-7000-8000-000000000000")
    with pytest.raises(CommandError, match="Give a file"):
        run()


def test_old_batches_are_deleted(cases: Path) -> None:
    run(cases)
    out = io.StringIO()
    call_command("delete_old_batches", stdout=out)
    assert out.getvalue() == "0 batches deleted\n"
