"""Logs say what kind of thing went wrong and where, and never what was typed."""

import io
import json
import logging
import logging.config
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from django.conf import settings

from healthcare import logs

SECRET_WORDS = "zanzibar"


@pytest.fixture(params=["json", "text"])
def written(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    stream = io.StringIO()
    config = logs.configured("INFO", request.param)
    config["handlers"]["stderr"]["stream"] = stream
    logging.config.dictConfig(config)
    yield stream
    logging.config.dictConfig(settings.LOGGING)


def diagnose(note: str) -> None:
    local = f"the note says {note}"
    raise ValueError(f"cannot read {local}")


@pytest.mark.parametrize("logger", [logging.getLogger("django.request"), structlog.get_logger("x")])
def test_an_exception_is_written_without_its_words(written: io.StringIO, logger: Any) -> None:
    try:
        diagnose(SECRET_WORDS)
    except ValueError:
        logger.exception("request_failed")

    said = written.getvalue()
    assert "request_failed" in said
    assert "ValueError" in said
    assert "diagnose" in said
    assert SECRET_WORDS not in said


def test_an_exception_behind_another_is_written_without_its_words(written: io.StringIO) -> None:
    try:
        try:
            diagnose(SECRET_WORDS)
        except ValueError as error:
            raise RuntimeError(SECRET_WORDS) from error
    except RuntimeError:
        logging.getLogger("x").exception("failed")

    assert "RuntimeError" in written.getvalue()
    assert SECRET_WORDS not in written.getvalue()


def test_many_exceptions_at_once_are_written_without_their_words(written: io.StringIO) -> None:
    error = ExceptionGroup(SECRET_WORDS, [ValueError(SECRET_WORDS)])
    logging.getLogger("x").error("failed", exc_info=error)

    assert "ExceptionGroup" in written.getvalue()
    assert SECRET_WORDS not in written.getvalue()


def test_a_request_is_not_written_with_its_query(written: io.StringIO) -> None:
    class Request:
        def __repr__(self) -> str:
            return f"<WSGIRequest: GET '/findings/?q={SECRET_WORDS}'>"

    logging.getLogger("django.request").error("failed", extra={"request": Request()})

    assert "failed" in written.getvalue()
    assert SECRET_WORDS not in written.getvalue()


def test_json_is_one_object_a_line() -> None:
    stream = io.StringIO()
    config = logs.configured("INFO", "json")
    config["handlers"]["stderr"]["stream"] = stream
    logging.config.dictConfig(config)
    try:
        structlog.get_logger("room").warning("something", count=3)
        logging.getLogger("room").info("plain %s", "words")
        logging.getLogger("room").debug("too quiet")
    finally:
        logging.config.dictConfig(settings.LOGGING)

    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (first["event"], first["count"], first["level"]) == ("something", 3, "warning")
    assert (second["event"], second["logger"]) == ("plain words", "room")
    assert first["timestamp"].endswith("Z")
