"""One table: what an error becomes at each door.

A domain error is an RFC 9457 problem document over HTTP, a close code over WebSocket and a
sentence on a page. Doors ask ``problem_of(error)`` and render the answer; they map nothing
themselves.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import msgspec
from django.db import InterfaceError, OperationalError
from msgspec import Struct

from agents.errors import AgentError, DecisionSupportError, InvalidCase, KnowledgeError
from agents.types import Consultation
from diagnosis.errors import (
    IdempotencyConflict,
    IdempotencyInFlight,
    InvalidReport,
    NotAllowed,
    NotFound,
    NotStored,
    Overloaded,
    SignInRequired,
    StateRefused,
)

CONTENT_TYPE: Final = "application/problem+json"


class FieldFault(Struct, frozen=True):
    """``field`` is a path such as ``vitals.temperature``; ``reason`` a sentence."""

    field: str
    reason: str


class ProblemKind(Struct, frozen=True):
    """One row of the table. ``close_code`` is the WebSocket's, ``page`` a sentence for people."""

    slug: str
    status: int
    title: str
    close_code: int
    page: str
    retry_after_s: int | None = None


class Problem(Struct, frozen=True):
    """A kind of problem with what is known of this occurrence.

    ``warnings`` are extension members: what must reach a clinician although the request failed.
    """

    kind: ProblemKind
    detail: str = ""
    errors: tuple[FieldFault, ...] = ()
    warnings: dict[str, Any] = {}
    retry_after_s: int | None = None

    @property
    def status(self) -> int:
        return self.kind.status

    def document(self, instance: str = "") -> dict[str, Any]:
        """Members of the problem document; ``instance`` is the path that was asked for."""
        members: dict[str, Any] = {
            "type": f"/problems/{self.kind.slug}/",
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail or self.kind.page,
        }
        if instance:
            members["instance"] = quote(instance)
        if self.errors:
            members["errors"] = list(msgspec.to_builtins(self.errors))
        return members | self.warnings

    def encoded(self, instance: str = "") -> bytes:
        return msgspec.json.encode(self.document(instance))

    def headers(self) -> dict[str, str]:
        """Headers that belong to the kind of problem."""
        headers: dict[str, str] = {}
        retry_after_s = self.retry_after_s or self.kind.retry_after_s
        if retry_after_s is not None:
            headers["Retry-After"] = str(retry_after_s)
        if self.status == 401:
            headers["WWW-Authenticate"] = "Token"
        return headers


class Refusal(DecisionSupportError):
    """A door turns a request away before it reaches a service; carries its problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.kind.slug)
        self.problem = problem


INVALID_CASE = ProblemKind(
    "invalid-case",
    400,
    "The case breaks a rule",
    4400,
    "Something in the case cannot be right. Correct the marked field and try again.",
)
INVALID_REPORT = ProblemKind(
    "invalid-report",
    400,
    "The report breaks a rule",
    4400,
    "Something in the report cannot be right. Correct the marked field and try again.",
)
INVALID_REQUEST = ProblemKind(
    "invalid-request",
    400,
    "The request cannot be understood",
    4400,
    "The request could not be understood.",
)
INVALID_ROWS = ProblemKind(
    "invalid-rows",
    400,
    "Some cases of the upload break a rule",
    4400,
    "Some rows of the file cannot be right. Nothing was taken; correct them and try again.",
)
MALFORMED_JSON = ProblemKind(
    "malformed-json",
    400,
    "The body is not valid JSON",
    4400,
    "The request could not be read.",
)
NOT_AUTHENTICATED = ProblemKind(
    "not-authenticated",
    401,
    "Sign in first",
    4401,
    "Sign in to continue.",
)
NOT_ALLOWED = ProblemKind(
    "not-allowed",
    403,
    "Not allowed",
    4403,
    "Your account does not have the right to do this.",
)
NOT_FOUND = ProblemKind(
    "not-found",
    404,
    "Not found",
    4404,
    "There is nothing here, or it is not yours to see.",
)
METHOD_NOT_ALLOWED = ProblemKind(
    "method-not-allowed",
    405,
    "Method not allowed",
    4400,
    "This address does not accept that kind of request.",
)
NOT_ACCEPTABLE = ProblemKind(
    "not-acceptable",
    406,
    "No acceptable representation",
    4400,
    "The answer is only available as JSON.",
)
CONFLICT = ProblemKind(
    "conflict",
    409,
    "The state does not allow this",
    4409,
    "It has changed in the meantime. Reload the page and look again.",
)
REQUEST_IN_FLIGHT = ProblemKind(
    "request-in-flight",
    409,
    "A request with this Idempotency-Key is still running",
    4409,
    "The same request is still being answered.",
    retry_after_s=1,
)
BODY_TOO_LARGE = ProblemKind(
    "body-too-large",
    413,
    "The body is too large",
    1009,
    "What was sent is larger than 256 KiB.",
)
UNSUPPORTED_MEDIA_TYPE = ProblemKind(
    "unsupported-media-type",
    415,
    "Send application/json",
    4400,
    "The body has to be JSON, sent as application/json.",
)
UNSUPPORTED_UPLOAD = ProblemKind(
    "unsupported-upload",
    415,
    "Send CSV, JSON lines or a FHIR Bundle",
    4400,
    "A batch is sent as text/csv, application/jsonl or application/fhir+json.",
)
IDEMPOTENCY_CONFLICT = ProblemKind(
    "idempotency-conflict",
    422,
    "The Idempotency-Key belongs to another request",
    4422,
    "This Idempotency-Key was used before with a different body.",
)
TOO_MANY_REQUESTS = ProblemKind(
    "too-many-requests",
    429,
    "Too many requests",
    4429,
    "Too many requests in a short time. Wait a moment and try again.",
)
UNEXPECTED = ProblemKind(
    "unexpected",
    500,
    "Something went wrong on our side",
    1011,
    "Something went wrong on our side. Nothing was lost on yours; please try again.",
)
OVERLOADED = ProblemKind(
    "overloaded",
    503,
    "Too busy right now",
    1013,
    "The server is busy right now. Wait a moment and try again.",
    retry_after_s=1,
)
NO_KNOWLEDGE = ProblemKind(
    "no-knowledge",
    503,
    "No usable clinical knowledge is loaded",
    1013,
    "No usable clinical knowledge is loaded. Ask the administrator to run load_knowledge.",
    retry_after_s=30,
)

NOT_STORED = ProblemKind(
    "not-stored",
    503,
    "The consultation could not be stored",
    1013,
    "The consultation could not be stored. Heed the warnings shown here, then try again.",
    retry_after_s=5,
)

KINDS: Final[tuple[ProblemKind, ...]] = (
    INVALID_CASE,
    INVALID_REPORT,
    INVALID_REQUEST,
    INVALID_ROWS,
    MALFORMED_JSON,
    NOT_AUTHENTICATED,
    NOT_ALLOWED,
    NOT_FOUND,
    METHOD_NOT_ALLOWED,
    NOT_ACCEPTABLE,
    CONFLICT,
    REQUEST_IN_FLIGHT,
    BODY_TOO_LARGE,
    UNSUPPORTED_MEDIA_TYPE,
    UNSUPPORTED_UPLOAD,
    IDEMPOTENCY_CONFLICT,
    TOO_MANY_REQUESTS,
    UNEXPECTED,
    OVERLOADED,
    NO_KNOWLEDGE,
    NOT_STORED,
)

_KIND_OF: Final[Mapping[type[Exception], ProblemKind]] = {
    InvalidCase: INVALID_CASE,
    InvalidReport: INVALID_REPORT,
    SignInRequired: NOT_AUTHENTICATED,
    NotAllowed: NOT_ALLOWED,
    NotFound: NOT_FOUND,
    StateRefused: CONFLICT,
    IdempotencyConflict: IDEMPOTENCY_CONFLICT,
    IdempotencyInFlight: REQUEST_IN_FLIGHT,
    Overloaded: OVERLOADED,
    NotStored: NOT_STORED,
    KnowledgeError: NO_KNOWLEDGE,
    AgentError: OVERLOADED,
    # the database is away or all its connections are in use; both pass
    OperationalError: OVERLOADED,
    InterfaceError: OVERLOADED,
}

_KIND_OF_STATUS: Final[Mapping[int, ProblemKind]] = {
    400: INVALID_REQUEST,
    401: NOT_AUTHENTICATED,
    403: NOT_ALLOWED,
    404: NOT_FOUND,
    405: METHOD_NOT_ALLOWED,
    406: NOT_ACCEPTABLE,
    409: CONFLICT,
    413: BODY_TOO_LARGE,
    415: UNSUPPORTED_MEDIA_TYPE,
    429: TOO_MANY_REQUESTS,
    503: OVERLOADED,
}


def kind_of(error: BaseException) -> ProblemKind:
    """The nearest row for the error's class; UNEXPECTED where no row is meant for it."""
    for ancestor in type(error).__mro__:
        if kind := _KIND_OF.get(ancestor):
            return kind
    return UNEXPECTED


def kind_of_status(status: int) -> ProblemKind:
    """The row for a status that a framework chose."""
    if kind := _KIND_OF_STATUS.get(status):
        return kind
    return UNEXPECTED if status >= 500 else INVALID_REQUEST


def problem_of(error: BaseException) -> Problem:
    """What to tell the caller. An unexpected error tells nothing of itself."""
    if isinstance(error, Refusal):
        return error.problem
    kind = kind_of(error)
    if isinstance(error, InvalidCase | InvalidReport):
        fault = FieldFault(error.field, error.reason)
        return Problem(kind, f"{error.field}: {error.reason}", (fault,))
    if isinstance(error, NotAllowed):
        return Problem(kind, str(error))
    if isinstance(error, Overloaded):
        return Problem(kind, retry_after_s=error.retry_after_s)
    if isinstance(error, NotStored):
        return Problem(kind, warnings=_warnings(error.consultation))
    return Problem(kind)


def _warnings(consultation: Consultation | None) -> dict[str, Any]:
    """Urgency and red flags outlive a failing database; the rest of the answer does not."""
    if consultation is None:
        return {}
    return {
        "urgency": consultation.urgency,
        "urgency_reasons": msgspec.to_builtins(consultation.urgency_reasons),
        "red_flags": msgspec.to_builtins(consultation.red_flags),
    }
