"""Errors of DRF and of ours as problem documents; named in ``REST_FRAMEWORK.EXCEPTION_HANDLER``."""

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from agents.errors import DecisionSupportError
from diagnosis.problems import (
    BODY_TOO_LARGE,
    CONTENT_TYPE,
    NOT_ALLOWED,
    NOT_FOUND,
    FieldFault,
    Problem,
    kind_of_status,
    problem_of,
)


def problem_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """The problem document for ``error``; None leaves a truly unexpected one to Django's log."""
    problem = _problem(error)
    if problem is None:
        return None
    set_rollback()
    return as_response(problem, context["request"], _framework_headers(error))


def as_response(
    problem: Problem, request: HttpRequest, headers: dict[str, str] | None = None
) -> Response:
    """A DRF response with the problem's document, status and headers."""
    return Response(
        problem.document(request.path),
        status=problem.status,
        headers=problem.headers() | (headers or {}),
        content_type=CONTENT_TYPE,
    )


def _problem(error: Exception) -> Problem | None:
    if isinstance(error, DecisionSupportError | OperationalError | InterfaceError):
        return problem_of(error)
    if isinstance(error, exceptions.APIException):
        return _problem_of_framework(error)
    if isinstance(error, Http404):
        return Problem(NOT_FOUND)
    if isinstance(error, PermissionDenied):
        return Problem(NOT_ALLOWED)
    if isinstance(error, RequestDataTooBig):
        return Problem(BODY_TOO_LARGE)
    return None


def _problem_of_framework(error: exceptions.APIException) -> Problem:
    kind = kind_of_status(error.status_code)
    faults = tuple(_faults("", error.detail))
    if isinstance(error, exceptions.ValidationError):
        return Problem(kind, "; ".join(f"{f.field}: {f.reason}" for f in faults), faults)
    detail = " ".join(fault.reason for fault in faults)
    wait = getattr(error, "wait", None)
    return Problem(kind, detail, retry_after_s=int(wait) + 1 if wait is not None else None)


def _faults(field: str, detail: Any) -> Iterator[FieldFault]:
    """DRF nests its sentences in lists and dicts; here each stands with the path of its field."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            yield from _faults(f"{field}.{name}" if field else str(name), inner)
    elif isinstance(detail, list):
        for inner in detail:
            yield from _faults(field, inner)
    else:
        yield FieldFault(field or "body", str(detail))


def _framework_headers(error: Exception) -> dict[str, str]:
    challenge = getattr(error, "auth_header", None)
    return {"WWW-Authenticate": challenge} if challenge else {}
