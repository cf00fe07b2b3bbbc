"""Health and metrics over HTTP; plain async views, so that the lean entry can call them too."""

import secrets

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from monitoring.health import HealthReport, health, readiness
from monitoring.metrics import exposition


async def health_view(request: HttpRequest) -> HttpResponse:
    """All checks; 503 when unhealthy."""
    return _answer(await health())


async def live_view(request: HttpRequest) -> HttpResponse:
    """200 as long as the event loop turns."""
    return HttpResponse(b'{"status":"healthy"}', content_type="application/json")


async def ready_view(request: HttpRequest) -> HttpResponse:
    """200 while requests can be answered and stored."""
    return _answer(await readiness())


async def metrics_view(request: HttpRequest) -> HttpResponse:
    """Prometheus's text format; behind a bearer token where one is set."""
    if not _may_read_metrics(request):
        return HttpResponse(status=404)
    body, content_type = exposition()
    return HttpResponse(body, content_type=content_type)


def _may_read_metrics(request: HttpRequest) -> bool:
    if not settings.METRICS_TOKEN:
        return not settings.PRODUCTION
    given = request.headers.get("Authorization", "").encode("utf-8", "surrogatepass")
    return secrets.compare_digest(given, f"Bearer {settings.METRICS_TOKEN}".encode())


def _answer(report: HealthReport) -> HttpResponse:
    return HttpResponse(
        msgspec.json.encode(report),
        status=503 if report.status == "unhealthy" else 200,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
