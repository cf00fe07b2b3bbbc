"""Logging: JSON lines (or text for a terminal) without local variables or exception messages.

Local variables and the messages of exceptions can quote what a clinician typed ("Failing row
contains ..."), so a traceback is written as types and places only.
"""

from typing import Any

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.types import EventDict, Processor, WrappedLogger


def without_messages(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Keeps the types and frames of a rendered exception and drops what it said."""
    for error in event.get("exception", ()):
        error.pop("exc_value", None)
        error.pop("exc_notes", None)
        error["exceptions"] = []
        for frame in error["frames"]:
            frame.pop("locals", None)
    return event


def without_request(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Django adds the request object to its records; its repr has the query string."""
    event.pop("request", None)
    event.pop("server_time", None)
    return event


SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.ExtraAdder(allow=["status_code"]),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.ExceptionRenderer(
        ExceptionDictTransformer(show_locals=False, max_frames=30)
    ),
    without_messages,
    without_request,
]


def in_words(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """A rendered exception as one text for a terminal, innermost place first."""
    if errors := event.pop("exception", None):
        event["exception"] = "\n".join(_told(error) for error in errors)
    return event


def _told(error: dict[str, Any]) -> str:
    places = [f"  {f['filename']}:{f['lineno']} in {f['name']}" for f in reversed(error["frames"])]
    return "\n".join([error["exc_type"], *places])


def _renderers(style: str) -> list[Processor]:
    if style == "json":
        return [structlog.processors.JSONRenderer()]
    return [in_words, structlog.dev.ConsoleRenderer(colors=False)]


def configured(level: str, style: str) -> dict[str, Any]:
    """Django's LOGGING; also sets up structlog, which goes through the same renderer."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "lines": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    *_renderers(style),
                ],
                "foreign_pre_chain": SHARED,
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # its own lines would repeat what the request middleware says, with query strings
            "uvicorn.access": {"handlers": [], "propagate": False},
            "django.server": {"handlers": [], "propagate": False},
        },
    }
