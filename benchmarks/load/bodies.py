"""Requests of the load: many different cases, so that nothing is answered from a cache."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

from benchmarks.cases import CODED, NOTE

Kind = Literal["coded", "note"]
PATH: Final = "/api/symptoms/analyze"
MANY: Final = 3000
"""More than the 1,000 readings that a worker keeps."""
_FEWEST, _MOST = 3, 8
"""Coded findings of one case."""


def bodies(kind: Kind, count: int = MANY) -> list[bytes]:
    """The same cases for every server and every run."""
    chosen = random.Random(1)
    make = _coded if kind == "coded" else _note
    return [json.dumps(make(chosen, number)).encode() for number in range(count)]


def _coded(chosen: random.Random, number: int) -> dict[str, object]:
    names = [finding.name for finding in CODED.findings]
    stated = chosen.sample(names, chosen.randint(_FEWEST, _MOST))
    return {"symptoms": [{"name": name} for name in stated], "patient_info": _patient(chosen)}


def _note(chosen: random.Random, number: int) -> dict[str, object]:
    """The note of ``benchmarks.cases`` with another age, number of days and order of sentences."""
    told = NOTE.note
    sentences = [sentence for sentence in told.history.split(". ") if sentence]
    chosen.shuffle(sentences)
    history = ". ".join(sentences).replace("five days", f"{number % 28 + 2} days")
    parts = (told.chief_complaint, history, told.denies, told.past_history, told.social_history)
    text = ". ".join(part.strip(". ") for part in parts) + "."
    return {"symptoms": [], "note": text, "patient_info": _patient(chosen, least=60)}


def _patient(chosen: random.Random, least: int = 18) -> dict[str, object]:
    return {"age": chosen.randint(least, 90), "gender": chosen.choice(["female", "male"])}


def written(folder: Path, kind: Kind) -> Path:
    """The bodies as a file with one a line, for wrk."""
    path = folder / f"{kind}.jsonl"
    path.write_bytes(b"\n".join(bodies(kind)) + b"\n")
    return path


def requests(kind: Kind, host: str, headers: Sequence[str] = ()) -> list[bytes]:
    """The bodies as whole HTTP/1.1 requests."""
    told = "".join(f"{header}\r\n" for header in headers)
    head = f"POST {PATH} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n{told}"
    return [f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body for body in bodies(kind)]
