"""What is wrong with single rows of an upload."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from msgspec import Struct

from agents.errors import InvalidCase
from agents.types import Case
from diagnosis.problems import Refusal
from diagnosis.values import UploadedCase

MOST_FAULTS: Final = 1000
"""So many are told; a file with more is wrong as a whole."""
MAX_REFERENCE: Final = 64


class RowFault(Struct, frozen=True):
    """``row`` is a line of the file or an entry of the Bundle, from 1; 0 is the whole upload."""

    row: int
    field: str
    reason: str


class Gathered:
    """Cases and faults so far. Reading goes on after a fault, so that all are told at once."""

    def __init__(self, most_cases: int) -> None:
        self.most_cases = most_cases
        self.cases: list[UploadedCase] = []
        self.faults: list[RowFault] = []
        self.ignored: dict[str, int] = {}

    @property
    def is_full(self) -> bool:
        """Whether reading on would be of no use."""
        return len(self.faults) >= MOST_FAULTS or len(self.cases) > self.most_cases

    def fault(self, row: int, field: str, reason: str) -> None:
        self.faults.append(RowFault(row, field, reason))

    def ignore(self, what: str) -> None:
        self.ignored[what] = self.ignored.get(what, 0) + 1

    def take(self, row: int, reference: str, read: Callable[[], Case]) -> None:
        """Adds the case that ``read`` gives, or its fault."""
        with self.faults_of(row):
            case = read()
            if not _is_pseudonym(reference):
                self.fault(
                    row,
                    "reference",
                    f"has to be up to {MAX_REFERENCE} letters, digits, '.', '_' or '-'.",
                )
            self.cases.append(UploadedCase(row, case, reference))

    @contextmanager
    def faults_of(self, row: int) -> Iterator[None]:
        """Turns refusals of what is read inside into faults of the row."""
        try:
            yield
        except InvalidCase as error:
            self.fault(row, error.field, error.reason)
        except Refusal as refusal:
            problem = refusal.problem
            for fault in problem.errors:
                self.fault(row, fault.field, fault.reason)
            if not problem.errors:
                self.fault(row, "row", problem.detail or problem.kind.page)


def _is_pseudonym(reference: str) -> bool:
    plain = reference.replace(".", "").replace("_", "").replace("-", "")
    return len(reference) <= MAX_REFERENCE and (not plain or (plain.isascii() and plain.isalnum()))
