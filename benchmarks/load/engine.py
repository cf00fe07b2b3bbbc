"""CPU of the agents alone on the cases of the load: what no web framework can save."""

import asyncio
import statistics
import sys
import time

import msgspec

from agents.coordinator import Coordinator
from agents.knowledge.base import compile_knowledge
from agents.knowledge.loader import read_shipped
from benchmarks.load.bodies import Kind, bodies
from diagnosis.serializers.requests import case_from_body

ROUNDS = 9


async def cpu_ms(kind: Kind, each: int) -> dict[str, float]:
    """The median of several rounds, nothing cached of the cases, and the length of the answer."""
    base = compile_knowledge(read_shipped())
    coordinator = Coordinator()
    cases = [case_from_body(body) for body in bodies(kind, ROUNDS * each)]
    length, rounds = 0, []
    for start in range(0, len(cases), each):
        began = time.process_time()
        answers = [
            await coordinator.consult(case, base, lambda event: None)
            for case in cases[start : start + each]
        ]
        rounds.append((time.process_time() - began) / each * 1000)
        length = len(msgspec.json.encode(answers[-1]))
    # the first round also fills what the knowledge works out once
    return {
        "cpu_ms": round(statistics.median(rounds[1:]), 3),
        "answer_bytes": length,
        "conditions": len(base.condition_ids),
    }


if __name__ == "__main__":
    found = {
        "coded": asyncio.run(cpu_ms("coded", 100)),
        "note": asyncio.run(cpu_ms("note", 20)),
    }
    sys.stdout.write(msgspec.json.encode(found).decode())
