"""Figures: fed by events, with bounded labels, and closed to strangers in production."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import AsyncClient
from prometheus_client import REGISTRY

from agents.types import Case, Note
from diagnosis import services
from diagnosis.events import DiagnosisEvent, DiagnosisEvents
from diagnosis.policies import Actor
from monitoring import metrics
from monitoring.durations import recent_consultations


def figure(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def event(kind: Any, **summary: Any) -> DiagnosisEvent:
    return DiagnosisEvent(kind, datetime.now(UTC), agent="condition_matcher", summary=summary)


@pytest.fixture
def events() -> DiagnosisEvents:
    """A process of its own that is watched."""
    watched = DiagnosisEvents()
    metrics.watch(watched)
    return watched


def test_a_consultation_is_counted_by_urgency(events: DiagnosisEvents) -> None:
    recent_consultations.forget()
    labels = {"urgency": "urgent", "complete": "yes"}
    before = figure("cds_consultations_total", **labels)
    timed = figure("cds_consultation_seconds_count")
    events.publish(event("diagnosis_complete", urgency="urgent", complete=True, duration_ms=3.5))

    assert figure("cds_consultations_total", **labels) == before + 1
    assert figure("cds_consultation_seconds_count") == timed + 1
    assert recent_consultations.median_ms() == 3.5
    recent_consultations.forget()


def test_a_consultation_without_urgency_is_counted_too(events: DiagnosisEvents) -> None:
    labels = {"urgency": "none", "complete": "no"}
    before = figure("cds_consultations_total", **labels)
    events.publish(event("diagnosis_complete", urgency=None, complete=False))

    assert figure("cds_consultations_total", **labels) == before + 1


@pytest.mark.parametrize(
    ("kind", "name", "labels"),
    [
        ("emergency_detected", "cds_emergencies_total", {}),
        ("session_interrupted", "cds_sessions_interrupted_total", {}),
        ("knowledge_published", "cds_knowledge_publications_total", {}),
        (
            "agent_failed",
            "cds_agent_failures_total",
            {"agent": "condition_matcher", "status": "timed_out"},
        ),
    ],
)
def test_what_happens_is_counted(
    events: DiagnosisEvents, kind: str, name: str, labels: dict[str, str]
) -> None:
    before = figure(name, **labels)
    events.publish(event(kind, status="timed_out"))

    assert figure(name, **labels) == before + 1


def test_paths_and_methods_that_are_not_ours_share_a_label() -> None:
    before = figure("cds_requests_total", method="other", route="other", status="404")
    metrics.observe_request("BREW", "/zanzibar?q=1", 404, 0.01)
    metrics.observe_request("BREW", "/elsewhere", 404, 0.01)

    assert figure("cds_requests_total", method="other", route="other", status="404") == before + 2
    assert b"zanzibar" not in metrics.exposition()[0]


@pytest.mark.usefixtures("tiny_knowledge")
async def test_a_real_consultation_reaches_the_figures_and_its_words_do_not(
    async_client: AsyncClient,
) -> None:
    before = figure("cds_consultation_seconds_count")
    await services.consult(
        Actor.anonymous(), Case(note=Note(text="Fever in zanzibar."), age_years=9)
    )
    response = await async_client.get("/metrics")

    assert figure("cds_consultation_seconds_count") == before + 1
    assert response.status_code == 200
    assert "cds_consultations_total" in response.content.decode()
    assert "zanzibar" not in response.content.decode()


class TestWhoMayRead:
    async def test_with_a_token_only_its_bearer(
        self, async_client: AsyncClient, settings: Any
    ) -> None:
        settings.METRICS_TOKEN = "s3cret"
        assert (await async_client.get("/metrics")).status_code == 404
        for wrong in ("Bearer other", "s3cret", "Bearer s3cret ", "Bearer \u00fc"):
            response = await async_client.get("/metrics", headers={"Authorization": wrong})
            assert response.status_code == 404
        right = await async_client.get("/metrics", headers={"Authorization": "Bearer s3cret"})
        assert right.status_code == 200

    async def test_production_without_a_token_is_closed(
        self, async_client: AsyncClient, settings: Any
    ) -> None:
        settings.PRODUCTION = True
        assert (await async_client.get("/metrics")).status_code == 404
