"""Who opens a WebSocket: a browser by its session and its origin, a program by its token."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from channels.auth import AuthMiddlewareStack
from channels.security.websocket import AllowedHostsOriginValidator, WebsocketDenier
from rest_framework.exceptions import AuthenticationFailed

from diagnosis.api.authentication import TokenAuthentication, token_in
from diagnosis.problems import Refusal
from diagnosis.threads import in_database

Receive: TypeAlias = Callable[[], Awaitable[Mapping[str, Any]]]
Send: TypeAlias = Callable[[Mapping[str, Any]], Awaitable[None]]
App: TypeAlias = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]


def authenticated(app: App) -> App:
    """Puts ``user`` into the scope, or denies the handshake.

    A browser cannot set an Authorization header on a WebSocket, so a connection with a token
    needs no origin check; every other one does.
    """
    by_session = AllowedHostsOriginValidator(AuthMiddlewareStack(_refusing_unknown_paths(app)))
    by_token = _ByToken(_refusing_unknown_paths(app))

    async def chosen(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        header = dict(scope["headers"]).get(b"authorization")
        await (by_session if header is None else by_token)(scope, receive, send)

    return chosen


def _refusing_unknown_paths(app: App) -> App:
    async def routed(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except ValueError as error:
            # URLRouter has no other way to say that no consumer is behind a path
            if not str(error).startswith("No route found"):
                raise
            await WebsocketDenier()(scope, receive, send)

    return routed


class _ByToken:
    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        header = dict(scope["headers"])[b"authorization"].decode("latin-1")
        try:
            token = token_in(header).encode()
            user, _ = await in_database(TokenAuthentication().authenticate_credentials, token)
        except (AuthenticationFailed, Refusal):
            await WebsocketDenier()(scope, receive, send)
            return
        await self.app(dict(scope, user=user), receive, send)
