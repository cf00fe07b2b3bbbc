"""Batches by Celery: what travels, and what is left after a worker was killed."""

import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from django.conf import settings as configured
from django.db import connection

from agents.types import Case, Note
from diagnosis import services
from diagnosis.models import AuditEvent, Batch, BatchCase, DiagnosisSession
from diagnosis.policies import Actor
from diagnosis.services.tasks import TASKS
from diagnosis.values import UploadedCase
from healthcare.celery import app, send

ROOT = Path(__file__).resolve().parents[2]
CASES = [
    UploadedCase(n, Case(note=Note(text=f"Fever and a cough since zanzibar, day {n}.")))
    for n in range(1, 121)
]
needs_services = pytest.mark.skipif(
    not configured.REDIS_URL
    or not configured.DATABASES["default"]["ENGINE"].endswith("postgresql"),
    reason="Celery is tested where PostgreSQL and Redis answer",
)


def test_celery_knows_every_task_and_beat_the_periodic_ones() -> None:
    app.finalize()
    assert set(TASKS) <= set(app.tasks)
    assert set(app.conf.beat_schedule) == {t.name for t in TASKS.values() if t.every_s}


def test_what_travels_is_json_and_a_lost_worker_loses_nothing() -> None:
    conf = app.conf
    assert (conf.accept_content, conf.task_serializer) == (["json"], "json")
    assert (conf.task_acks_late, conf.task_reject_on_worker_lost) == (True, True)
    assert (conf.worker_prefetch_multiplier, conf.task_ignore_result) == (1, True)
    assert conf.task_soft_time_limit < conf.task_time_limit
    assert conf.broker_transport_options["visibility_timeout"] > conf.task_time_limit


def test_a_task_raises_nothing_that_celery_would_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*ids: str) -> Any:
        raise RuntimeError("zanzibar")

    app.finalize()
    monkeypatch.setattr("healthcare.celery._done", broken)
    app.tasks["resume_batches"].apply().get()
    assert "RuntimeError" in caplog.text
    assert "zanzibar" not in caplog.text


def test_a_broker_that_is_away_fails_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with app.connection_for_write("redis://127.0.0.1:1/0") as away:
        monkeypatch.setattr(app, "send_task", lambda name, **kwargs: away.connect())
        with pytest.raises(Exception, match=r"(?i)connect"):
            send("resume_batches", ())


# --- with a real worker ---------------------------------------------------------------------------


@pytest.fixture
def queue() -> Iterator[redis.Redis]:
    client = redis.Redis.from_url(configured.REDIS_URL)
    yield client
    for name in client.scan_iter(f"{configured.REDIS_PREFIX}:*"):
        client.delete(name)
    client.close()


@pytest.fixture
def handed_in(tiny_knowledge: Any, settings: Any, queue: redis.Redis) -> Batch:
    settings.BACKGROUND_SENDER = "healthcare.celery.send"
    return services.submit_batch(Actor.system(), "csv", CASES, b"")[0]


def started_worker(log: Path) -> subprocess.Popen[bytes]:
    url = configured.DATABASES["default"]
    database = f"postgres://{url['USER']}:{url['PASSWORD']}@{url['HOST']}:{url['PORT'] or 5432}"
    environment = {
        **os.environ,
        "DATABASE_URL": f"{database}/{connection.settings_dict['NAME']}",
        "BACKGROUND": "celery",
        "LOG_LEVEL": "INFO",
    }
    command = [sys.executable, "-m", "celery", "-A", "healthcare.celery:app", "worker"]
    with log.open("wb") as out:
        return subprocess.Popen(
            [*command, "--pool=solo", "--loglevel=INFO"],
            cwd=ROOT,
            env=environment,
            stdout=out,
            stderr=out,
        )


def waited_for(what: Any, patience_s: float = 60) -> None:
    until = time.monotonic() + patience_s
    while not what():
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.02)


@pytest.mark.services
@needs_services
def test_what_travels_are_names_and_ids(handed_in: Batch, queue: redis.Redis) -> None:
    messages = queue.lrange(f"{configured.REDIS_PREFIX}:background", 0, -1)
    assert len(messages) == 8
    for message in messages:
        sent = json.loads(message)
        assert sent["headers"]["task"] == "consult_batch"
        assert json.loads(base64.b64decode(sent["body"]))[:2] == [[str(handed_in.pk)], {}]
        assert b"zanzibar" not in message


@pytest.mark.services
@needs_services
def test_a_worker_killed_in_the_middle_and_started_again_answers_each_case_once(
    handed_in: Batch, tmp_path: Path
) -> None:
    answered = DiagnosisSession.objects.count
    killed = started_worker(tmp_path / "killed.log")
    try:
        waited_for(lambda: answered() >= 15)
    finally:
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    assert answered() < len(CASES)
    again = started_worker(tmp_path / "again.log")
    try:
        waited_for(lambda: Batch.objects.get().status == "completed")
    finally:
        again.terminate()
        again.wait()
    assert answered() == len(CASES)
    assert AuditEvent.objects.filter(action="session_created").count() == len(CASES)
    assert BatchCase.objects.values("session").distinct().count() == len(CASES)
    logs = (tmp_path / "killed.log").read_text() + (tmp_path / "again.log").read_text()
    assert "consult_batch" in logs
    assert "zanzibar" not in logs
