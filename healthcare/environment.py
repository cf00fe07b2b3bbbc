"""Strict readers of environment variables.

A malformed or missing value becomes a sentence that names the variable; ``settle`` raises once
with all of them. Any ``NAME`` can also be given as ``NAME_FILE``, the path of a file that holds
the value. Every variable that was read is kept with its meaning: ``docs/configuration.md`` is
written from that.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")

YES = frozenset({"1", "true", "yes", "on"})
NO = frozenset({"0", "false", "no", "off"})


@dataclass(frozen=True)
class Variable:
    """What one variable means; ``default`` is text for people."""

    name: str
    default: str
    meaning: str
    required_in_production: bool


class Environment:
    """Reads variables from a mapping, usually ``os.environ`` over a ``.env`` file."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self.faults: list[str] = []
        self.known: dict[str, Variable] = {}
        self.production = False

    def text(
        self,
        name: str,
        default: str,
        meaning: str,
        *,
        required_in_production: bool = False,
        shown: str | None = None,
    ) -> str:
        """Plain text. ``shown`` is the default as people are told it, where it differs."""
        return self._read(name, default, meaning, str, required_in_production, shown)

    def flag(self, name: str, default: bool, meaning: str, *, shown: str | None = None) -> bool:
        """1/true/yes/on or 0/false/no/off."""
        return self._read(name, default, meaning, _flag, False, shown)

    def integer(self, name: str, default: int, meaning: str, *, at_least: int, at_most: int) -> int:
        return self._read(name, default, meaning, _bounded(_integer, at_least, at_most))

    def seconds(
        self,
        name: str,
        default: float,
        meaning: str,
        *,
        above: float = 0.0,
        at_most: float = 86_400,
    ) -> float:
        """A duration in seconds, with a fraction if need be."""
        return self._read(name, default, meaning, _bounded(_seconds, above, at_most))

    def choice(
        self,
        name: str,
        default: str,
        meaning: str,
        options: Iterable[str],
        *,
        shown: str | None = None,
    ) -> str:
        """One of ``options``."""
        allowed = tuple(options)

        def one_of(value: str) -> str:
            if value not in allowed:
                raise ValueError(f"must be one of {', '.join(allowed)}")
            return value

        return self._read(name, default, meaning, one_of, False, shown)

    def listing(
        self,
        name: str,
        default: list[str],
        meaning: str,
        *,
        required_in_production: bool = False,
        each: Callable[[str], str] = str,
    ) -> list[str]:
        """Items separated by commas."""

        def split(value: str) -> list[str]:
            return [each(item.strip()) for item in value.split(",") if item.strip()]

        shown = ",".join(default)
        return self._read(name, default, meaning, split, required_in_production, shown)

    def parsed(
        self,
        name: str,
        default: T,
        meaning: str,
        reader: Callable[[str], T],
        *,
        required_in_production: bool = False,
        shown: str | None = None,
    ) -> T:
        """Whatever ``reader`` makes of the value; its ValueError is the reason of the fault."""
        return self._read(name, default, meaning, reader, required_in_production, shown)

    def refuse(self, sentence: str) -> None:
        """Adds a fault that takes more than one variable to see."""
        self.faults.append(sentence)

    def settle(self) -> None:
        """Raises ImproperlyConfigured with every fault found so far."""
        if self.faults:
            raise ImproperlyConfigured(
                "The configuration is not usable:\n" + "\n".join(f"- {f}" for f in self.faults)
            )

    def _read(
        self,
        name: str,
        default: T,
        meaning: str,
        reader: Callable[[str], T],
        required_in_production: bool = False,
        shown: str | None = None,
    ) -> T:
        told = shown if shown is not None else _shown(default)
        self.known[name] = Variable(name, told, meaning, required_in_production)
        given = self._given(name)
        if given is None or given == "":
            if required_in_production and self.production:
                self.faults.append(f"{name} must be set in production: {meaning}")
            return default
        try:
            return reader(given)
        except ValueError as error:
            self.faults.append(f"{name} {error}.")
            return default

    def _given(self, name: str) -> str | None:
        path = self._variables.get(f"{name}_FILE")
        if not path:
            return self._variables.get(name)
        if self._variables.get(name):
            self.faults.append(f"{name} and {name}_FILE are both set; set one of them.")
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            self.faults.append(
                f"{name}_FILE names a file that cannot be read ({type(error).__name__})."
            )
            return None


def _shown(default: object) -> str:
    if isinstance(default, bool):
        return "1" if default else "0"
    if isinstance(default, float):
        return f"{default:g}"
    return "" if default is None else str(default)


def _flag(value: str) -> bool:
    word = value.strip().lower()
    if word in YES:
        return True
    if word in NO:
        return False
    raise ValueError("must be 1 or 0 (or true/false, yes/no, on/off)")


def _integer(value: str) -> int:
    # int() would also take '1_000' and digits of other scripts
    digits = value.strip().removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError("must be a whole number")
    return int(value)


def _seconds(value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        raise ValueError("must be a number of seconds") from None
    if not math.isfinite(number):
        raise ValueError("must be a finite number of seconds")
    return number


def _bounded(reader: Callable[[str], T], low: float, high: float) -> Callable[[str], T]:
    def bounded(value: str) -> T:
        number = reader(value)
        if not low <= number <= high:  # type: ignore[operator]
            raise ValueError(f"must lie between {low:g} and {high:g}")
        return number

    return bounded
