"""The lean entry's views: Django's request in, Django's response out, nothing between."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from diagnosis.api import consultations
from diagnosis.api.consultations import Asked
from diagnosis.policies import Actor
from diagnosis.values import StoredAnswer


async def analyze(request: HttpRequest) -> HttpResponse:
    """POST /api/symptoms/analyze"""
    return as_http(await consultations.analyze(asked_in(request, _actor(request))))


async def create_session(request: HttpRequest) -> HttpResponse:
    """POST /api/sessions/"""
    return as_http(await consultations.create_session(asked_in(request, _actor(request))))


def asked_in(request: HttpRequest, actor: Actor) -> Asked:
    """What the request asks for. The path loses its version: both spellings are one resource."""
    return Asked(
        actor=actor,
        path=f"{request.method} {request.path.replace('/api/v1/', '/api/', 1)}",
        body=request.body,
        content_type=request.content_type or "",
        idempotency_key=request.headers.get("Idempotency-Key", ""),
        prefer=request.headers.get("Prefer", ""),
    )


def as_http(answer: StoredAnswer) -> HttpResponse:
    """The answer over HTTP; one that was given before says so."""
    response = HttpResponse(
        answer.body,
        status=answer.status,
        content_type=answer.content_type,
        headers=answer.headers,
    )
    if answer.replayed:
        response["Idempotency-Replayed"] = "true"
    return response


def _actor(request: Any) -> Actor:
    # the lean entry's token middleware has put it there
    actor: Actor = request.actor
    return actor
