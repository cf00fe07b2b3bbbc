"""What this room adds to the error tree of ``agents.errors``.

::

    DecisionSupportError
    ├── NotAllowed             the actor may not do this
    │   └── SignInRequired     nobody is signed in, and this needs somebody
    ├── NotFound               it does not exist, or this actor may not know that it does
    ├── StateRefused           the thing is in a state that does not allow this
    ├── InvalidReport          an outcome or feedback breaks a rule; names the field
    ├── IdempotencyConflict    the same key came with another request
    ├── IdempotencyInFlight    the first request with this key has not been answered yet
    ├── Overloaded             too much is waiting; try again later
    └── NotStored              the answer exists but could not be stored; carries it
"""

from agents.errors import DecisionSupportError
from agents.types import Consultation


class NotAllowed(DecisionSupportError):
    """The actor may not do this."""


class SignInRequired(NotAllowed):
    """Nobody is signed in, and this needs somebody."""


class NotFound(DecisionSupportError):
    """It does not exist, or this actor may not know that it does."""


class StateRefused(DecisionSupportError):
    """The thing is in a state that does not allow this."""


class InvalidReport(DecisionSupportError):
    """``field`` names the part of an outcome or feedback; ``reason`` is a sentence."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class IdempotencyConflict(DecisionSupportError):
    """The same Idempotency-Key came with another request."""


class IdempotencyInFlight(DecisionSupportError):
    """The first request with this Idempotency-Key has not been answered yet."""


class Overloaded(DecisionSupportError):
    """Too much is waiting; ``retry_after_s`` says when to try again, in seconds."""

    def __init__(self, retry_after_s: int = 1) -> None:
        super().__init__("The server is busy; try again shortly.")
        self.retry_after_s = retry_after_s


class NotStored(DecisionSupportError):
    """The consultation was reached but could not be stored.

    ``consultation`` is carried so that a door can still show the urgency and the red flags:
    emergency detection never depends on the database.
    """

    def __init__(self, consultation: Consultation | None = None) -> None:
        super().__init__("The consultation could not be stored; nothing was kept.")
        self.consultation = consultation
