"""Errors that no view has answered: a problem document under ``/api/``, a page elsewhere."""

from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.views import defaults

from diagnosis.problems import (
    BODY_TOO_LARGE,
    INVALID_REQUEST,
    NOT_ALLOWED,
    NOT_FOUND,
    UNEXPECTED,
    Problem,
    ProblemKind,
)
from healthcare.lean import problem_response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    kind = BODY_TOO_LARGE if isinstance(exception, RequestDataTooBig) else INVALID_REQUEST
    if _is_rest(request):
        return _as_problem(request, kind)
    return defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_rest(request):
        return _as_problem(request, NOT_ALLOWED)
    return defaults.permission_denied(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_rest(request):
        return _as_problem(request, NOT_FOUND)
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest, **_: Any) -> HttpResponse:
    if _is_rest(request):
        return _as_problem(request, UNEXPECTED)
    return defaults.server_error(request)


def _is_rest(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def _as_problem(request: HttpRequest, kind: ProblemKind) -> HttpResponse:
    return problem_response(Problem(kind), request.path)
