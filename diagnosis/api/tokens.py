"""Tokens for programs: HTTP Basic once for a token, then the token."""

from typing import Any

from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from drf_spectacular.utils import extend_schema
from knox.views import LoginView, LogoutAllView, LogoutView
from rest_framework.authentication import BasicAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response

from diagnosis.api.authentication import TokenAuthentication
from diagnosis.api.schema import problem_answers
from diagnosis.api.throttles import GuessesByAddress

_NEW_TOKEN = {
    "type": "object",
    "properties": {
        "token": {"type": "string"},
        "expiry": {"type": "string", "format": "date-time"},
    },
    "required": ["token", "expiry"],
}


class PasswordAuthentication(BasicAuthentication):
    """HTTP Basic that refuses what no user name can hold, before a database is asked."""

    def authenticate_credentials(
        self, userid: str, password: str, request: Any = None
    ) -> tuple[Any, None]:
        """The user. Raises AuthenticationFailed."""
        if "\0" in userid or "\0" in password:
            raise AuthenticationFailed("User name or password is not right.")
        return super().authenticate_credentials(userid, password, request)


@method_decorator(never_cache, name="dispatch")
class NewToken(LoginView):
    authentication_classes = [PasswordAuthentication]
    throttle_classes = [GuessesByAddress]

    def perform_authentication(self, request: Request) -> None:
        """Counts the attempt before the password is tried."""
        super().check_throttles(request)
        super().perform_authentication(request)

    def check_throttles(self, request: Request) -> None:
        """DRF asks after authentication, when a wrong password has already been answered."""

    @extend_schema(
        summary="Get a token with user name and password (HTTP Basic)",
        tags=["tokens"],
        request=None,
        responses={200: _NEW_TOKEN, **problem_answers(401, 429)},
    )
    def post(self, request: Request, format: str | None = None) -> Response:
        answer: Response = super().post(request, format)
        return answer


class EndToken(LogoutView):
    authentication_classes = [TokenAuthentication]

    @extend_schema(
        summary="Revoke the token that this request is made with",
        tags=["tokens"],
        request=None,
        responses={204: None, **problem_answers(401)},
    )
    def post(self, request: Request, format: str | None = None) -> Response:
        answer: Response = super().post(request, format)
        return answer


class EndEveryToken(LogoutAllView):
    authentication_classes = [TokenAuthentication]

    @extend_schema(
        summary="Revoke every token of yours",
        tags=["tokens"],
        request=None,
        responses={204: None, **problem_answers(401)},
    )
    def post(self, request: Request, format: str | None = None) -> Response:
        answer: Response = super().post(request, format)
        return answer
