"""The entry of the hot paths: Django's request and response without its per-request plumbing.

No signals, no thread-sensitive context, no sync middleware: each middleware here is an
async-native function, and database work runs in its own threads (``diagnosis.threads``).
"""

import hashlib
import io
import re
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias

import structlog
from cachetools import TTLCache
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.http import HttpResponse
from django.urls import ResolverMatch
from rest_framework.exceptions import AuthenticationFailed

from diagnosis.api.authentication import TokenAuthentication, token_in
from diagnosis.identifiers import random_bytes
from diagnosis.policies import Actor, actor_of
from diagnosis.problems import (
    CONTENT_TYPE,
    INVALID_REQUEST,
    NOT_AUTHENTICATED,
    OVERLOADED,
    UNEXPECTED,
    Problem,
    Refusal,
    problem_of,
)
from diagnosis.threads import in_database
from monitoring.metrics import observe_request, requests_in_flight

Receive: TypeAlias = Callable[[], Awaitable[Mapping[str, Any]]]
Send: TypeAlias = Callable[[Mapping[str, Any]], Awaitable[None]]
View: TypeAlias = Callable[[ASGIRequest], Awaitable[HttpResponse]]
Middleware: TypeAlias = Callable[[View], View]
Routes: TypeAlias = Mapping[tuple[str, str], View]

log = structlog.get_logger(__name__)


class LeanHandler(ASGIHandler):
    """Answers the paths of its table; whoever routes sends it nothing else."""

    def __init__(self, routes: Routes, middleware: tuple[Middleware, ...] | None = None) -> None:
        self.routes = routes
        self.middleware = LEAN_MIDDLEWARE if middleware is None else middleware
        super().__init__()

    def load_middleware(self, is_async: bool = True) -> None:
        """Wraps the views in this entry's own list; ``settings.MIDDLEWARE`` has no part in it."""
        chain: View = self._view_of_request
        for middleware in reversed(self.middleware):
            chain = middleware(chain)
        self._middleware_chain = chain

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        body = await _whole_body(receive)
        if body is None:
            return
        try:
            request = self.request_class(scope, io.BytesIO(body))
        except UnicodeDecodeError:
            response: HttpResponse = problem_response(Problem(INVALID_REQUEST))
        else:
            response = await self._middleware_chain(request)
        await self.send_response(response, send)

    async def _view_of_request(self, request: ASGIRequest) -> HttpResponse:
        view = self.routes[request.method or "", request.path]
        request.resolver_match = ResolverMatch(view, (), {}, route=request.path.lstrip("/"))
        return await view(request)


async def _whole_body(receive: Receive) -> bytes | None:
    """The body, whose size ``healthcare.limits`` has bounded; None where the client has gone."""
    chunks: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(chunks)


def problem_response(problem: Problem, instance: str = "") -> HttpResponse:
    """The problem as an HTTP answer."""
    return HttpResponse(
        problem.encoded(instance),
        status=problem.status,
        content_type=CONTENT_TYPE,
        headers=problem.headers(),
    )


# --- middleware, outermost first ----------------------------------------------------------------

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")


def request_id(get_response: View) -> View:
    """Names the request in the log and in ``X-Request-ID``, keeping a sound name it came with."""

    async def named(request: ASGIRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        name = given if _REQUEST_ID.fullmatch(given) else random_bytes()[:8].hex()
        with structlog.contextvars.bound_contextvars(request_id=name):
            response = await get_response(request)
        response["X-Request-ID"] = name
        return response

    return named


def observed(get_response: View) -> View:
    """Counts and times the request; labels are the route and the status, never the query."""

    async def timed(request: ASGIRequest) -> HttpResponse:
        started = time.perf_counter()
        response = await get_response(request)
        elapsed = time.perf_counter() - started
        route = request.path.replace("/api/v1/", "/api/", 1)
        observe_request(request.method or "", route, response.status_code, elapsed)
        return response

    return timed


_HEADERS: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def security_headers(get_response: View) -> View:
    """What SecurityMiddleware and the rest would send, for answers that no browser renders."""
    headers = dict(_HEADERS)
    if settings.SECURE_HSTS_SECONDS:
        subdomains = "; includeSubDomains" if settings.SECURE_HSTS_INCLUDE_SUBDOMAINS else ""
        headers["Strict-Transport-Security"] = f"max-age={settings.SECURE_HSTS_SECONDS}{subdomains}"

    async def guarded(request: ASGIRequest) -> HttpResponse:
        response = await get_response(request)
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        response.headers["Content-Length"] = str(len(response.content))
        return response

    return guarded


def problems(get_response: View) -> View:
    """Turns every error into its problem document; an unexpected one is logged without text."""

    async def answered(request: ASGIRequest) -> HttpResponse:
        try:
            return await get_response(request)
        except Exception as error:
            problem = problem_of(error)
            if problem.kind is UNEXPECTED:
                _complain(request, error)
            return problem_response(problem, request.path)

    return answered


def _complain(request: ASGIRequest, error: Exception) -> None:
    # the message of an error may quote the note, so only its type and its place are written
    frames = traceback.extract_tb(error.__traceback__)
    log.error(
        "request_failed",
        path=request.path,
        error=type(error).__name__,
        place=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    )


def host_and_transport(get_response: View) -> View:
    """Refuses a host that is not ours, and plain HTTP where settings demand TLS.

    Probes and scrapes come from inside, by address and in the clear.
    """

    async def checked(request: ASGIRequest) -> HttpResponse:
        if request.method != "POST":
            return await get_response(request)
        try:
            request.get_host()
        except DisallowedHost:
            detail = "The Host header names no site of ours."
            raise Refusal(Problem(INVALID_REQUEST, detail)) from None
        if settings.SECURE_SSL_REDIRECT and not request.is_secure():
            raise Refusal(Problem(INVALID_REQUEST, "Use HTTPS: this was sent in the clear."))
        return await get_response(request)

    return checked


def limit_in_flight(get_response: View) -> View:
    """Answers 503 at once beyond ``HOT_PATH_CONCURRENCY`` POSTs; health is always answered."""
    in_flight = 0

    async def limited(request: ASGIRequest) -> HttpResponse:
        nonlocal in_flight
        if request.method != "POST":
            return await get_response(request)
        if in_flight >= settings.HOT_PATH_CONCURRENCY:
            raise Refusal(Problem(OVERLOADED))
        in_flight += 1
        requests_in_flight.inc()
        try:
            return await get_response(request)
        finally:
            in_flight -= 1
            requests_in_flight.dec()

    return limited


def token_actor(get_response: View) -> View:
    """Says who posts: ``request.actor``, from a short-lived cache of verified tokens.

    A revoked token is refused after at most ``TOKEN_CACHE_S``. Probes bring no token of ours.
    """
    verified: TTLCache[bytes, Actor] = TTLCache(maxsize=4096, ttl=settings.TOKEN_CACHE_S)

    async def known(request: ASGIRequest) -> HttpResponse:
        actor = Actor.anonymous()
        header = request.META.get("HTTP_AUTHORIZATION")
        if header and request.method == "POST":
            actor = await _verified(header, verified)
        request.actor = actor  # type: ignore[attr-defined]
        return await get_response(request)

    return known


async def _verified(header: str, verified: TTLCache[bytes, Actor]) -> Actor:
    token = token_in(header)
    key = hashlib.sha256(token.encode()).digest()
    if actor := verified.get(key):
        return actor
    try:
        actor = await in_database(_actor_behind, token)
    except AuthenticationFailed:
        raise Refusal(Problem(NOT_AUTHENTICATED, "The token is not valid.")) from None
    verified[key] = actor
    return actor


def _actor_behind(token: str) -> Actor:
    user, _ = TokenAuthentication().authenticate_credentials(token.encode())
    return actor_of(user)


LEAN_MIDDLEWARE: Final[tuple[Middleware, ...]] = (
    request_id,
    observed,
    security_headers,
    problems,
    host_and_transport,
    limit_in_flight,
    token_actor,
)
