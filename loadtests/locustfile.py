"""The original load test: one symptom, one patient, again and again.

``locust -f loadtests/locustfile.py --host http://localhost:8000``; needs no account where
``OPEN_ANALYZE`` is on, as it is by default.
"""

from locust import HttpUser, between, task


class Clinician(HttpUser):
    """Waits one to three seconds between cases, as the original did."""

    wait_time = between(1, 3)

    @task
    def analyze(self) -> None:
        self.client.post(
            "/api/symptoms/analyze",
            json={
                "symptoms": [{"name": "headache", "severity": "moderate"}],
                "patient_info": {"age": 30, "gender": "female"},
            },
        )
