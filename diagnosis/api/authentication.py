"""Tokens of django-rest-knox, checked before they reach the database."""

import re
from typing import Any, Final

from knox.auth import TokenAuthentication as KnoxTokenAuthentication
from rest_framework.exceptions import AuthenticationFailed

from diagnosis.problems import NOT_AUTHENTICATED, Problem, Refusal

_SCHEME: Final = "token"
_TOKEN: Final = re.compile(r"[A-Za-z0-9]{20,128}")


class TokenAuthentication(KnoxTokenAuthentication):
    """``Authorization: Token <token>``."""

    def authenticate_credentials(self, token: bytes) -> tuple[Any, Any]:
        """The user and the token's row. Raises AuthenticationFailed."""
        # knox decodes what it is given: bytes that are not text would be a 500
        if not _TOKEN.fullmatch(token.decode("latin-1")):
            raise AuthenticationFailed("The token is not valid.")
        return super().authenticate_credentials(token)


def token_in(header: str) -> str:
    """The token of an Authorization header. Raises Refusal (401) where there is none."""
    scheme, _, token = header.partition(" ")
    if scheme.lower() != _SCHEME or not _TOKEN.fullmatch(token):
        raise Refusal(Problem(NOT_AUTHENTICATED, "Authorization has to be 'Token <token>'."))
    return token
