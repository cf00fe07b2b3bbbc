"""How often passwords may be tried; counted before they are checked."""

import hashlib

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView


class GuessesByAddress(SimpleRateThrottle):
    """Many people share a hospital's address, so this is wide."""

    scope = "guesses-address"
    rate = "60/min"

    def get_cache_key(self, request: Request, view: APIView) -> str:
        # asking for request.user here would already try the password
        return self.cache_format % {"scope": self.scope, "ident": self.get_ident(request)}


class GuessesOfOneName(SimpleRateThrottle):
    """Nobody mistypes their own password ten times a minute."""

    scope = "guesses-name"
    rate = "10/min"

    def get_cache_key(self, request: Request, view: APIView) -> str:
        name = request.POST.get("username", "").strip().lower()
        digest = hashlib.sha256(f"{self.get_ident(request)} {name}".encode()).hexdigest()
        return self.cache_format % {"scope": self.scope, "ident": digest}
