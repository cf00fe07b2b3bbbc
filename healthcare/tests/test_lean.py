"""The lean entry: its table, its middleware, its limits. Where a hot path goes is part of it."""

import asyncio
from inspect import iscoroutinefunction
from typing import Any

import pytest
import structlog
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse
from django.test import override_settings
from django.urls import resolve
from rest_framework.authentication import SessionAuthentication

from agents.errors import InvalidCase
from diagnosis.policies import Actor
from healthcare import lean
from healthcare.asgi import HOT_PATHS, Split, is_hot
from healthcare.lean import LEAN_MIDDLEWARE, LeanHandler
from healthcare.limits import MAX_BODY_BYTES, UPLOAD_BYTES, BodyLimit
from healthcare.tests.wire import ask, scope_of

PATH = "/api/symptoms/analyze"


async def echo(request: ASGIRequest) -> HttpResponse:
    return HttpResponse(request.body, content_type="application/json")


def handler_of(view: Any, *, method: str = "POST", path: str = PATH) -> LeanHandler:
    return LeanHandler({(method, path): view})


# --- what must stay true of the hot paths ---------------------------------------------------------


def test_the_hot_paths_are_these() -> None:
    assert set(HOT_PATHS) == {
        ("POST", "/api/symptoms/analyze"),
        ("POST", "/api/v1/symptoms/analyze"),
        ("POST", "/api/sessions/"),
        ("POST", "/api/v1/sessions/"),
        ("GET", "/health"),
        ("GET", "/health/live"),
        ("GET", "/health/ready"),
        ("GET", "/metrics"),
    }


def test_no_hot_path_gains_a_sync_middleware_or_view() -> None:
    """A sync function costs a thread hop for every request: 0.5 ms each, measured."""
    handler = Split().lean
    assert handler.middleware == LEAN_MIDDLEWARE
    for middleware in handler.middleware:
        assert iscoroutinefunction(middleware(echo)), f"{middleware.__name__} is not async-native"
    for route, view in HOT_PATHS.items():
        assert iscoroutinefunction(view), f"{route} has a sync view"
    assert iscoroutinefunction(handler._middleware_chain)
    assert not handler._view_middleware
    assert not handler._exception_middleware


@pytest.mark.parametrize("route", sorted(HOT_PATHS))
def test_the_full_stack_answers_every_hot_path_too(route: tuple[str, str]) -> None:
    """A browser with a session cookie is sent there."""
    assert resolve(route[1]).func is not None


async def test_no_signal_is_sent_and_no_thread_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("the lean entry must not do this")

    monkeypatch.setattr("django.core.signals.request_started.asend", refused)
    monkeypatch.setattr("asgiref.sync.SyncToAsync.__call__", refused)
    answer = await ask("POST", PATH, {"a": 1}, app=handler_of(echo))
    assert answer.json() == {"a": 1}


# --- the split ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "headers", "hot"),
    [
        ("POST", PATH, {}, True),
        ("POST", "/api/v1/sessions/", {}, True),
        ("GET", "/api/v1/sessions/", {}, False),
        ("GET", PATH, {}, False),
        ("POST", "/api/v1/sessions/x/replay/", {}, False),
        ("POST", PATH, {"cookie": "csrftoken=a; sessionid=b"}, False),
        ("POST", PATH, {"cookie": "theme=dark; notsessionid=1"}, True),
        ("POST", PATH, {"cookie": "sessionid=b", "authorization": "Token x"}, True),
        ("GET", "/health", {"cookie": "sessionid=b"}, True),
        ("POST", "/health", {}, False),
    ],
)
def test_who_answers(method: str, path: str, headers: dict[str, str], hot: bool) -> None:
    assert is_hot(scope_of(method, path, headers)) is hot


def test_the_full_stack_checks_csrf_for_cookies(settings: Any) -> None:
    view = resolve(PATH).func.cls
    assert any(issubclass(c, SessionAuthentication) for c in view.authentication_classes)


# --- middleware -----------------------------------------------------------------------------------


async def test_a_request_is_named() -> None:
    seen: list[str] = []

    async def view(request: ASGIRequest) -> HttpResponse:
        seen.append(structlog.contextvars.get_contextvars()["request_id"])
        return HttpResponse()

    app = handler_of(view)
    given = await ask("POST", PATH, {}, {"x-request-id": "trace-12345"}, app=app)
    assert given.headers["x-request-id"] == "trace-12345"
    unsound = await ask("POST", PATH, {}, {"x-request-id": "bad id; <script>"}, app=app)
    assert unsound.headers["x-request-id"] != "bad id; <script>"
    assert seen == ["trace-12345", unsound.headers["x-request-id"]]
    assert "request_id" not in structlog.contextvars.get_contextvars()


async def test_security_headers() -> None:
    headers = (await ask("POST", PATH, {}, app=handler_of(echo))).headers
    assert headers["cache-control"] == "no-store"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["content-length"] == "2"
    assert "strict-transport-security" not in headers


@override_settings(
    SECURE_HSTS_SECONDS=60, SECURE_HSTS_INCLUDE_SUBDOMAINS=True, SECURE_SSL_REDIRECT=True
)
async def test_over_https_only_where_settings_say_so() -> None:
    app = handler_of(echo)
    clear = await ask("POST", PATH, {}, app=app)
    assert (clear.status, clear.json()["type"]) == (400, "/problems/invalid-request/")
    with override_settings(SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https")):
        safe = await ask("POST", PATH, {}, {"x-forwarded-proto": "https"}, app=app)
    assert safe.status == 200
    assert safe.headers["strict-transport-security"] == "max-age=60; includeSubDomains"


async def test_a_foreign_host_is_refused() -> None:
    answer = await ask("POST", PATH, {}, {"host": "evil.example"}, app=handler_of(echo))
    assert (answer.status, answer.headers["content-type"]) == (400, "application/problem+json")


@override_settings(SECURE_SSL_REDIRECT=True)
async def test_a_probe_asks_by_address_and_in_the_clear() -> None:
    for path in ("/health", "/metrics"):
        app = handler_of(echo, method="GET", path=path)
        assert (await ask("GET", path, headers={"host": "10.1.2.3:8000"}, app=app)).status == 200


async def test_a_query_that_is_no_text_is_refused() -> None:
    handler = handler_of(echo)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await handler({**scope, "query_string": b"\xff"}, receive, send)

    assert (await ask("POST", PATH, {}, app=app)).status == 400


async def test_domain_errors_become_problems() -> None:
    async def view(request: ASGIRequest) -> HttpResponse:
        raise InvalidCase("vitals.spo2", "must lie between 0 and 100.")

    answer = await ask("POST", PATH, {}, app=handler_of(view))
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["instance"] == PATH
    assert answer.json()["errors"][0]["field"] == "vitals.spo2"


async def test_an_unexpected_error_is_a_500_that_quotes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[dict[str, Any]] = []

    class Log:
        def error(self, event: str, **fields: Any) -> None:
            said.append({"event": event, **fields})

    monkeypatch.setattr(lean, "log", Log())

    async def view(request: ASGIRequest) -> HttpResponse:
        raise RuntimeError("Failing row contains (crushing chest pain)")

    answer = await ask("POST", PATH, {}, app=handler_of(view))
    assert answer.status == 500
    assert b"chest" not in answer.body
    assert said[0]["error"] == "RuntimeError"
    assert "chest" not in str(said)


@override_settings(HOT_PATH_CONCURRENCY=2)
async def test_overload_is_answered_at_once_with_503() -> None:
    let_go = asyncio.Event()

    async def slow(request: ASGIRequest) -> HttpResponse:
        await let_go.wait()
        return HttpResponse()

    app = handler_of(slow)
    waiting = [asyncio.create_task(ask("POST", PATH, {}, app=app)) for _ in range(2)]
    await asyncio.sleep(0.05)
    refused = await ask("POST", PATH, {}, app=app)
    assert (refused.status, refused.headers["retry-after"]) == (503, "1")
    assert refused.json()["type"] == "/problems/overloaded/"
    let_go.set()
    assert [answer.status for answer in await asyncio.gather(*waiting)] == [200, 200]
    assert (await ask("POST", PATH, {}, app=app)).status == 200


@override_settings(HOT_PATH_CONCURRENCY=1)
async def test_health_is_answered_under_overload_and_failures_free_their_place() -> None:
    async def failing(request: ASGIRequest) -> HttpResponse:
        raise RuntimeError

    app = LeanHandler({("POST", PATH): failing, ("GET", "/health"): echo})
    assert [(await ask("POST", PATH, {}, app=app)).status for _ in range(3)] == [500] * 3
    assert (await ask("GET", "/health", app=app)).status == 200


async def test_nobody_in_particular_without_a_token() -> None:
    actors: list[Actor] = []

    async def view(request: Any) -> HttpResponse:
        actors.append(request.actor)
        return HttpResponse()

    await ask("POST", PATH, {}, app=handler_of(view))
    assert actors == [Actor.anonymous()]


@pytest.mark.parametrize(
    "header", ["", "Bearer abc", "Token", "Token a b", "Token \xff\xfe", "Token " + "a" * 500]
)
async def test_a_header_without_a_token_of_ours_is_401(header: str) -> None:
    answer = await ask("POST", PATH, {}, {"authorization": header}, app=handler_of(echo))
    expected = 200 if header == "" else 401
    assert answer.status == expected
    if expected == 401:
        assert answer.headers["www-authenticate"] == "Token"


async def test_a_verified_token_is_not_looked_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def behind(token: str) -> Actor:
        asked.append(token)
        return Actor(7, "dr", is_clinician=True)

    monkeypatch.setattr(lean, "_actor_behind", behind)
    app = handler_of(echo)
    header = {"authorization": "Token " + "a" * 64}
    assert [(await ask("POST", PATH, {}, header, app=app)).status for _ in range(3)] == [200] * 3
    assert len(asked) == 1


async def test_a_probe_may_bring_a_token_that_is_not_ours() -> None:
    app = handler_of(echo, method="GET", path="/metrics")
    assert (
        await ask("GET", "/metrics", headers={"authorization": "Bearer secret"}, app=app)
    ).status == 200


# --- bodies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk", [1_000_000_000, 50_000])
async def test_a_body_up_to_the_limit_arrives_whole(chunk: int) -> None:
    body = b"x" * MAX_BODY_BYTES
    answer = await ask("POST", PATH, body, chunk=chunk, app=BodyLimit(handler_of(echo)))
    assert (answer.status, len(answer.body)) == (200, MAX_BODY_BYTES)


@pytest.mark.parametrize("size", [MAX_BODY_BYTES + 1, 10 * 1024 * 1024, 40 * 1024 * 1024])
@pytest.mark.parametrize("chunk", [1_000_000_000, 65_536])
async def test_a_larger_body_is_413_and_never_reaches_the_view(size: int, chunk: int) -> None:
    async def view(request: ASGIRequest) -> HttpResponse:
        raise AssertionError("it reached the view")

    answer = await ask("POST", PATH, b"x" * size, chunk=chunk, app=BodyLimit(handler_of(view)))
    assert (answer.status, answer.json()["type"]) == (413, "/problems/body-too-large/")
    assert answer.headers["connection"] == "close"


async def test_the_admin_may_upload_more() -> None:
    app = BodyLimit(handler_of(echo, path="/admin/import/"))
    body = b"x" * (MAX_BODY_BYTES + 1)
    assert (
        await ask("POST", "/admin/import/", body, {"content-type": "x/y"}, app=app)
    ).status != 413
    assert (await ask("POST", "/admin/import/", b"x" * (UPLOAD_BYTES + 1), app=app)).status == 413


async def test_a_client_that_goes_away_is_let_go() -> None:
    reached: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        reached.append((await receive())["type"])

    async def send(message: Any) -> None:
        raise AssertionError("nobody is listening")

    async def gone() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    await BodyLimit(app)(scope_of("POST", PATH), gone, send)
    assert reached == ["http.disconnect"]
    await LeanHandler({})(scope_of("POST", PATH), gone, send)

    messages = iter(
        [{"type": "http.request", "body": b"x", "more_body": True}, {"type": "http.disconnect"}]
    )

    async def half() -> dict[str, Any]:
        return next(messages)

    await BodyLimit(app)(scope_of("POST", PATH), half, send)
    assert reached == ["http.disconnect"]
