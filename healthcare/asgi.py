"""ASGI entry: WebSocket to Channels, the hot paths to the lean handler, the rest to Django.

``HOT_PATHS`` is the split, whole. A POST that comes with a session cookie goes to Django's full
stack instead: there the cookie is resolved and CSRF is checked.
"""

import gc
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "healthcare.settings")
django_application = get_asgi_application()

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402 - apps are ready now
from django.conf import settings  # noqa: E402
from django.urls import path  # noqa: E402

from diagnosis import services  # noqa: E402
from diagnosis.api import hot  # noqa: E402
from diagnosis.consumers import BatchConsumer, SessionConsumer  # noqa: E402
from healthcare.lean import LeanHandler, Routes  # noqa: E402
from healthcare.limits import BodyLimit  # noqa: E402
from healthcare.sockets import authenticated  # noqa: E402
from monitoring import views as monitoring_views  # noqa: E402

Receive: TypeAlias = Callable[[], Awaitable[Mapping[str, Any]]]
Send: TypeAlias = Callable[[Mapping[str, Any]], Awaitable[None]]

HOT_PATHS: Final[Routes] = {
    ("POST", "/api/symptoms/analyze"): hot.analyze,
    ("POST", "/api/v1/symptoms/analyze"): hot.analyze,
    ("POST", "/api/sessions/"): hot.create_session,
    ("POST", "/api/v1/sessions/"): hot.create_session,
    ("GET", "/health"): monitoring_views.health_view,
    ("GET", "/health/live"): monitoring_views.live_view,
    ("GET", "/health/ready"): monitoring_views.ready_view,
    ("GET", "/metrics"): monitoring_views.metrics_view,
}

COLLECT_AFTER: Final = (20_000, 20, 20)

SOCKETS: Final = [
    path("ws/sessions/<uuid:session_id>/", SessionConsumer.as_asgi()),
    path("ws/batches/<uuid:batch_id>/", BatchConsumer.as_asgi()),
]


class Split:
    """Chooses the handler of an HTTP request by ``HOT_PATHS``."""

    def __init__(self) -> None:
        self.lean = LeanHandler(HOT_PATHS)
        self.full = django_application

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        handler = self.lean if is_hot(scope) else self.full
        await handler(scope, receive, send)


def is_hot(scope: dict[str, Any]) -> bool:
    """Whether the lean handler answers; an Authorization header wins over a cookie."""
    if (scope["method"], scope["path"]) not in HOT_PATHS:
        return False
    if scope["method"] != "POST":
        return True
    headers = dict(scope["headers"])
    cookies = headers.get(b"cookie", b"").decode("latin-1")
    named = (cookie.partition("=")[0].strip() for cookie in cookies.split(";"))
    return b"authorization" in headers or settings.SESSION_COOKIE_NAME not in named


def spare_the_collector() -> None:
    """Takes what has been loaded out of the collector's sight: the knowledge alone is a hundred
    thousand objects, and every request would wait while they are looked through again.
    """
    gc.collect()
    gc.freeze()
    # an answer makes thousands of objects and hardly a cycle
    gc.set_threshold(*COLLECT_AFTER)


async def lifespan(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Starts and ends the services on the loop that serves."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            try:
                await services.startup()
                spare_the_collector()
            except Exception as error:
                # left alone, a server takes this for 'no lifespan here' and serves half-started
                reason = f"start-up failed: {type(error).__name__}"
                await send({"type": "lifespan.startup.failed", "message": reason})
                raise
            await send({"type": "lifespan.startup.complete"})
        else:
            await services.shutdown()
            await send({"type": "lifespan.shutdown.complete"})
            return


application = ProtocolTypeRouter(
    {
        "http": BodyLimit(Split()),
        "websocket": authenticated(URLRouter(SOCKETS)),
        "lifespan": lifespan,
    }
)
