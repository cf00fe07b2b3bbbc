"""What was wrong with a body, in words: the field and the reason, never the value itself."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, get_args

from agents.types import Consciousness, Course, Onset, Presence, Setting, Severity
from diagnosis.problems import INVALID_REQUEST, MALFORMED_JSON, FieldFault, Problem, Refusal

_SHOWN_NAME: Final = 80
_TYPE_WORDS: Final[Mapping[str, str]] = {
    "str": "text",
    "float": "a number",
    "int": "a whole number",
    "bool": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "null",
}
_SEXES: Final = ("female", "male", "other", "unknown")
_ALLOWED: Final[Mapping[str, tuple[str, ...]]] = {
    "presence": tuple(Presence),
    "pregnant": ("true", "false", *Presence),
    "setting": tuple(Setting),
    "sex": _SEXES,
    "gender": _SEXES,
    "severity": get_args(Severity),
    "onset": get_args(Onset),
    "course": get_args(Course),
    "consciousness": get_args(Consciousness),
}
"""What a field may hold, by the last part of its path: msgspec names the wrong value only."""


def refused_field(field: str, reason: str) -> Refusal:
    """A refusal that names the field; long names are cut."""
    shown = field[: 2 * _SHOWN_NAME].encode("utf-8", "replace").decode()
    fault = FieldFault(shown or "body", reason)
    return Refusal(Problem(INVALID_REQUEST, f"{fault.field}: {fault.reason}", (fault,)))


def malformed(body: bytes, detail: str = "The body is not valid JSON in UTF-8.") -> Refusal:
    """A body that is not JSON; names the field where a lenient reader finds the culprit."""
    culprit = next(_culprits(body), None)
    if culprit is None:
        return Refusal(Problem(MALFORMED_JSON, detail))
    field, reason = culprit
    fault = FieldFault(field[: 2 * _SHOWN_NAME], reason)
    return Refusal(Problem(MALFORMED_JSON, f"{fault.field}: {reason}", (fault,)))


def misfit(message: str) -> Refusal:
    """Turns msgspec's sentence and path into a field and a reason."""
    said, _, path = message.rpartition(" - at `$")
    if not said:
        said, path = message, "`"
    field = path.rstrip("`").lstrip(".")
    if named := re.match(r"Object contains unknown field `(.*)`\Z", said, re.DOTALL):
        return refused_field(_below(field, named[1]), "is not a known field.")
    if named := re.match(r"Object missing required field `(.*)`\Z", said):
        return refused_field(_below(field, named[1]), "is required.")
    if said.startswith("Invalid enum value"):
        allowed = _ALLOWED.get(field.rpartition(".")[2], ())
        return refused_field(field, f"is not one of {', '.join(allowed)}.")
    return refused_field(field, _reason(said))


def _below(field: str, name: str) -> str:
    return f"{field}.{name[:_SHOWN_NAME]}" if field else name[:_SHOWN_NAME]


def _reason(said: str) -> str:
    """``Expected `float | null`, got `str``` as "has to be a number or null, not text."."""
    if wanted := re.match(r"Expected `([^`]*)`, got `([^`]*)`", said):
        words = [_TYPE_WORDS.get(name, name) for name in wanted[1].split(" | ")]
        return f"has to be {' or '.join(words)}, not {_TYPE_WORDS.get(wanted[2], wanted[2])}."
    if length := re.match(r"Expected `str` of length (<=|>=) (\d+)", said):
        bound = "at most" if length[1] == "<=" else "at least"
        return f"has to have {bound} {length[2]} characters."
    return "is out of range." if "out of range" in said else "does not fit."


def _culprits(body: bytes) -> Iterator[tuple[str, str]]:
    """Fields holding NaN, Infinity or half a surrogate pair: what other writers call JSON."""
    try:
        lenient = json.loads(body, parse_int=float, parse_constant=_NotANumber)
        yield from _walk("", lenient)
    except (ValueError, RecursionError):
        return


class _NotANumber:
    def __init__(self, _: str) -> None: ...


def _walk(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, _NotANumber):
        yield path or "body", "has to be a number; NaN and Infinity are not JSON."
    elif isinstance(value, str) and not _encodes(value):
        yield path or "body", "holds half a surrogate pair, which is not a character."
    elif isinstance(value, dict):
        for name, member in value.items():
            if _encodes(name):
                yield from _walk(_below(path, name), member)
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _walk(f"{path}[{index}]", member)


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
