"""The original load test runs unmodified against the running product."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from diagnosis.models import DiagnosisSession
from healthcare.tests.browser import serving

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [
    pytest.mark.usefixtures("tiny_knowledge"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:websockets"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:uvicorn"),
]


def test_every_request_of_the_load_test_is_answered_200_and_stored() -> None:
    command = [sys.executable, "-m", "locust", "-f", "loadtests/locustfile.py", "--headless"]
    with serving() as address:
        ended = subprocess.run(
            [*command, "-u", "4", "-r", "4", "-t", "4s", "--host", address, "--json"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert ended.returncode == 0, ended.stderr
    (figures,) = json.loads(ended.stdout)
    assert (figures["method"], figures["name"]) == ("POST", "/api/symptoms/analyze")
    assert figures["num_requests"] > 0
    assert figures["num_failures"] == 0
    assert DiagnosisSession.objects.count() >= figures["num_requests"]
