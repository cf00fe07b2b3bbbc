"""Figures for Prometheus, fed by diagnosis events and by the entry; labels are bounded words."""

import os
from functools import lru_cache

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from diagnosis.events import DiagnosisEvent, DiagnosisEvents, diagnosis_events
from monitoring.durations import recent_consultations

OTHER = "other"
ROUTES = frozenset(
    {
        "/api/symptoms/analyze",
        "/api/sessions/",
        "/health",
        "/health/live",
        "/health/ready",
        "/metrics",
    }
)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

requests_total = Counter(
    "cds_requests_total", "Requests of the hot paths", ["method", "route", "status"]
)
request_seconds = Histogram(
    "cds_request_seconds", "Time to answer a request of the hot paths", ["route"], buckets=SECONDS
)
requests_in_flight = Gauge(
    "cds_requests_in_flight",
    "Requests to analyse that are being answered",
    multiprocess_mode="livesum",
)
consultations_total = Counter(
    "cds_consultations_total", "Stored consultations", ["urgency", "complete"]
)
consultation_seconds = Histogram(
    "cds_consultation_seconds", "Time that all agents together took", buckets=SECONDS
)
agent_failures_total = Counter(
    "cds_agent_failures_total", "Agents that gave no opinion", ["agent", "status"]
)
emergencies_total = Counter("cds_emergencies_total", "Consultations with an emergency")
interrupted_total = Counter("cds_sessions_interrupted_total", "Sessions left behind by a worker")
publications_total = Counter("cds_knowledge_publications_total", "Publications by this process")
last_consultation = Gauge(
    "cds_last_consultation_timestamp_seconds",
    "When one was last stored",
    multiprocess_mode="mostrecent",
)


def observe_request(method: str, path: str, status: int, elapsed_s: float) -> None:
    """Counts one request. Paths and methods that are not ours share one label."""
    counted, timed = _request_figures(
        method if method in METHODS else OTHER, path if path in ROUTES else OTHER, status
    )
    counted.inc()
    timed.observe(elapsed_s)


@lru_cache(maxsize=256)
def _request_figures(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    # finding a figure by its labels costs more than counting
    return requests_total.labels(method, route, str(status)), request_seconds.labels(route)


def watch(events: DiagnosisEvents = diagnosis_events) -> None:
    """Subscribes the figures; called once, when the app is ready."""
    events.subscribe("diagnosis_complete", _count_consultation)
    events.subscribe("agent_failed", _count_failure)
    events.subscribe("emergency_detected", lambda event: emergencies_total.inc())
    events.subscribe("session_interrupted", lambda event: interrupted_total.inc())
    events.subscribe("knowledge_published", lambda event: publications_total.inc())


def exposition() -> tuple[bytes, str]:
    """All figures in Prometheus's text format, and its content type.

    Workers of one replica share a folder, and whichever is asked tells the figures of all.
    """
    registry = REGISTRY
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        MultiProcessCollector(registry)
    return generate_latest(registry), CONTENT_TYPE_LATEST


def _count_consultation(event: DiagnosisEvent) -> None:
    urgency = str(event.summary.get("urgency") or "none")
    complete = "yes" if event.summary.get("complete") else "no"
    consultations_total.labels(urgency, complete).inc()
    last_consultation.set(event.occurred_at.timestamp())
    duration_ms = event.summary.get("duration_ms")
    if isinstance(duration_ms, (int, float)):
        consultation_seconds.observe(duration_ms / 1000)
        recent_consultations.add(float(duration_ms))


def _count_failure(event: DiagnosisEvent) -> None:
    status = str(event.summary.get("status") or "failed")
    agent_failures_total.labels(event.agent or OTHER, status).inc()
