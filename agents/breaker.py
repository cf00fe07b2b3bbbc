"""Circuit breaker: closed, open, half-open with a single probe."""

from collections.abc import Callable
from typing import Literal

BreakerState = Literal["closed", "open", "half_open"]


class Breaker:
    """Opens after ``threshold`` failures in a row; after ``timeout_s`` it lets one probe through.

    Not thread-safe: one breaker belongs to one event loop. ``clock`` gives seconds.
    """

    def __init__(self, threshold: int, timeout_s: float, clock: Callable[[], float]) -> None:
        self._threshold = threshold
        self._timeout = timeout_s
        self._clock = clock
        self._failures = 0
        self._opened_at: float | None = None
        self._probing = False

    @property
    def state(self) -> BreakerState:
        if self._opened_at is None:
            return "closed"
        waited = self._clock() - self._opened_at
        return "half_open" if self._probing or waited >= self._timeout else "open"

    def allows(self) -> bool:
        """True where a call may go ahead; in half-open only the first caller gets it."""
        if self._opened_at is None:
            return True
        if self._probing or self._clock() - self._opened_at < self._timeout:
            return False
        self._probing = True
        return True

    def succeeded(self) -> None:
        self._failures = 0
        self._opened_at = None
        self._probing = False

    def failed(self) -> None:
        self._failures += 1
        if self._probing or self._failures >= self._threshold:
            self._opened_at = self._clock()
        self._probing = False

    def abandoned(self) -> None:
        """The call ended without telling anything: a cancelled probe frees its place."""
        self._probing = False
