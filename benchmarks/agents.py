"""CPU and memory of the agents by size of the knowledge: ``make bench-agents``.

Each size is measured in a process of its own, which prints one JSON line; the parent writes
docs/performance-agents.md. Times are process CPU, the best of several rounds: the machine is
shared, and what others do to the clock is not the agents' cost.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import psutil

from agents.coordinator import Coordinator
from agents.inference import rank
from agents.knowledge.base import KnowledgeBase, compile_knowledge
from agents.knowledge.form import packed
from agents.knowledge.loader import read_shipped
from agents.knowledge.schema import KnowledgeText
from agents.types import Case
from benchmarks.cases import CODED, NOTE
from benchmarks.sizes import of_size

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance-agents.md"
SIZES = (80, 600, 0, 5000)
"""Numbers of conditions; 0 stands for what is shipped."""
_ROUNDS = 15
_EACH = 40
_HEAD = """\
# Speed and memory of the agents

Written by `make bench-agents`: CPU milliseconds of one consultation in `agents` alone (no HTTP, no
database), the best of {rounds} rounds of {each}, nothing cached of the case. Ten coded findings, or
a note of {words} words with its denials, history and vital signs; explanations, questions, scores
and red flags are included. Below the shipped size the knowledge is a fixed random part of it, above
it holds synthetic copies. Memory is what the process grew by when it loaded the knowledge from its
kept form; loading is that from text and form, compiling is without a form.

"""
_COLUMNS = (
    ("conditions", "conditions"),
    ("findings", "findings"),
    ("coded_ms", "ten coded findings, ms"),
    ("note_ms", "note, ms"),
    ("read_ms", "reading the note, ms"),
    ("rank_ms", "ranking, ms"),
    ("load_s", "load, s"),
    ("compile_s", "compile, s"),
    ("memory_mb", "memory, MB"),
)


def main(arguments: list[str]) -> int:
    if arguments:
        sys.stdout.write(json.dumps(measured(int(arguments[0]))))
        return 0
    rows = [_in_own_process(size) for size in SIZES]
    PAGE.write_text(page(rows), encoding="utf-8")
    sys.stdout.write(PAGE.read_text())
    return 0


def _in_own_process(size: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.agents", str(size)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    row: dict[str, float] = json.loads(done.stdout)
    return row


def page(rows: list[dict[str, float]]) -> str:
    words = len(" ".join(text for _, text in NOTE.note.sections()).split())
    lines = [
        _HEAD.format(rounds=_ROUNDS, each=_EACH, words=words)
        + "| " + " | ".join(title for _, title in _COLUMNS) + " |",
        "|" + " --- |" * len(_COLUMNS),
        *("| " + " | ".join(f"{row[key]:,}" for key, _ in _COLUMNS) + " |" for row in rows),
        "",
        _growth(rows),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _growth(rows: list[dict[str, float]]) -> str:
    first, last = rows[1], rows[-1]
    more = last["conditions"] / first["conditions"]
    return (
        f"{more:.1f} times the conditions cost {last['coded_ms'] / first['coded_ms']:.1f} times "
        f"the CPU on coded findings and {last['note_ms'] / first['note_ms']:.1f} times on the note."
    )


def measured(size: int) -> dict[str, float]:
    """All figures of one size, in this process."""
    text = read_shipped()
    text = of_size(text, size) if size else text
    document = msgspec.json.encode(text)
    del text
    compile_s, load_s, memory_mb, base = _loaded(document)
    reading = base.reader.read(CODED)
    return {
        "conditions": len(base.condition_ids),
        "findings": len(base.finding_ids),
        "coded_ms": _cpu_ms(_consultation(CODED, base)),
        "note_ms": _cpu_ms(_consultation(NOTE, base)),
        "read_ms": _cpu_ms(lambda: base.reader.read(NOTE)),
        "rank_ms": _cpu_ms(lambda: rank(base, CODED, reading)),
        "load_s": load_s,
        "compile_s": compile_s,
        "memory_mb": memory_mb,
    }


def _loaded(document: bytes) -> tuple[float, float, int, KnowledgeBase]:
    """Seconds to compile and to load from the form, MB that the latter took, and the outcome."""
    began = time.process_time()
    base = _opened(document, None)
    compile_s = round(time.process_time() - began, 2)
    form = packed(base.wordings, base.hash)
    before = psutil.Process().memory_info().rss
    began = time.process_time()
    loaded = _opened(document, form)
    load_s = round(time.process_time() - began, 2)
    grown = psutil.Process().memory_info().rss - before
    return compile_s, load_s, round(grown / 1e6), loaded


def _opened(document: bytes, form: bytes | None) -> KnowledgeBase:
    base = compile_knowledge(msgspec.json.decode(document, type=KnowledgeText), lambda _: form)
    _ = base.reader, base.raw_flags, base.search
    return base


def _consultation(case: Case, base: KnowledgeBase) -> Callable[[], object]:
    loop = asyncio.new_event_loop()
    return lambda: loop.run_until_complete(Coordinator().consult(case, base, lambda event: None))


def _cpu_ms(work: Callable[[], object]) -> float:
    for _ in range(_EACH):
        work()
    best = float("inf")
    for _ in range(_ROUNDS):
        began = time.process_time()
        for _ in range(_EACH):
            work()
        best = min(best, time.process_time() - began)
    return round(best / _EACH * 1000, 3)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
