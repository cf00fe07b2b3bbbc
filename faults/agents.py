"""An agent hangs, answers late, raises or returns garbage, in a backend started for it."""

import asyncio
import contextlib
import json
import sys
import urllib.request
from collections.abc import AsyncIterator
from typing import Any

from faults.client import Client, case
from faults.findings import Finding, judged
from faults.site import Site
from scripts.stack_parts import Part, free_port

NAMES = {
    "classifier": "symptom_classifier",
    "matcher": "condition_matcher",
    "retriever": "treatment_retriever",
    "detector": "emergency_detector",
}
DEADLINE_S = 1.0
SLACK_S = 0.5
BREAKER_S = 1.5
THRESHOLD = 5
DEADLINES = {
    "CLASSIFIER_DEADLINE_S": "0.6",
    "MATCHER_DEADLINE_S": "0.8",
    "RETRIEVER_DEADLINE_S": f"{DEADLINE_S:g}",
    "DETECTOR_DEADLINE_S": f"{DEADLINE_S:g}",
    "BREAKER_TIMEOUT_S": f"{BREAKER_S:g}",
    "BREAKER_THRESHOLD": f"{THRESHOLD}",
}
SHORT = [("matcher", "hang"), ("detector", "garbage")]
LONG = [
    *((a, t) for a in ("classifier", "matcher", "retriever") for t in
      ("hang", "late", "raise", "garbage")),
    ("detector", "raise"),
    ("detector", "garbage"),
]  # fmt: skip


class Troubled:
    """The backend, and what it is told to suffer from."""

    def __init__(self, site: Site) -> None:
        port = free_port()
        self._file = site.stack.home / "fault"
        self.suffer("")
        self._url = f"http://127.0.0.1:{port}/health/ready"
        self.part = Part(
            name="troubled",
            command=[sys.executable, "-m", "faults.backend", str(port)],
            is_ready=self._is_ready,
            log=site.stack.home / "logs" / "troubled.log",
            port=port,
            environment={
                **site.stack.environment,
                **DEADLINES,
                "FAULT_FILE": str(self._file),
                "DRAIN_S": "0",
            },
        )
        # it is asked directly, as nginx would
        self.client = Client(port, site.token, X_Forwarded_Proto="https")

    def suffer(self, what: str) -> None:
        fresh = self._file.with_suffix(".new")
        fresh.write_text(what, encoding="ascii")
        fresh.replace(self._file)

    def _is_ready(self) -> bool:
        with contextlib.suppress(OSError), urllib.request.urlopen(self._url, timeout=5) as answer:
            return bool(answer.status == 200)
        return False

    async def asked(self) -> dict[str, Any]:
        """The consultation with ``seconds`` and ``http``, its status."""
        answer = await self.client.ask("POST", body=case("0" * 16))
        told = json.loads(answer.body).get("consultation", {})
        return {**told, "seconds": answer.seconds, "http": answer.status}


@contextlib.asynccontextmanager
async def _backend(site: Site) -> AsyncIterator[Troubled]:
    troubled = Troubled(site)
    await asyncio.to_thread(troubled.part.start)
    try:
        yield troubled
    finally:
        await asyncio.to_thread(troubled.part.stop)


async def agents_in_trouble(site: Site) -> Finding:
    """One after another; each starts with closed breakers and ends with closed breakers."""
    said: list[str] = []
    slowest = 0.0
    pairs = SHORT if site.short else LONG
    async with _backend(site) as troubled:
        for agent, what in pairs:
            troubled.suffer(f"{agent} {what}")
            slow, wrong = await _suffered(troubled, agent)
            slowest = max(slowest, slow)
            said += [f"{agent} {what}: {sentence}" for sentence in wrong]
    said += await site.broken(site.client().ledger)
    return judged(
        "An agent hangs, answers late, raises, returns garbage",
        f"answered by the deadline ({DEADLINE_S:g} s here), partial and named; the breaker opens "
        f"after {THRESHOLD} and lets one probe through",
        f"{len(pairs)} troubles of 4 agents, slowest answer {slowest:.2f} s, "
        f"{len(said)} things not as expected",
        said,
        site.within(slowest, DEADLINE_S + SLACK_S),
    )


async def _suffered(troubled: Troubled, agent: str) -> tuple[float, list[str]]:
    """The slowest answer, and what was not as it should be."""
    name = NAMES[agent]
    answers = [await troubled.asked() for _ in range(THRESHOLD)]
    said = [sentence for answer in answers for sentence in _partial(answer, name)]
    if agent != "detector":
        if _status(await troubled.asked(), name) != "breaker_open":
            said.append(f"the breaker is not open after {THRESHOLD} failures")
        await asyncio.sleep(BREAKER_S + 0.2)
        probed = await asyncio.gather(*(troubled.asked() for _ in range(6)))
        probes = sum(_status(answer, name) != "breaker_open" for answer in probed)
        if probes != 1:
            said.append(f"{probes} probes in half-open")
        answers += probed
    troubled.suffer("")
    await asyncio.sleep(BREAKER_S + 0.2)
    if (await troubled.asked()).get("complete") is not True:
        said.append("not complete once the agent was well")
    return max(answer["seconds"] for answer in answers), said


def _partial(answer: dict[str, Any], name: str) -> list[str]:
    if answer["http"] != 200:
        return [f"answered {answer['http']}"]
    if answer["complete"] or name not in answer["missing_agents"]:
        return ["not told as partial, or the agent is not named"]
    return []


def _status(answer: dict[str, Any], name: str) -> str:
    return next((o["status"] for o in answer.get("opinions", ()) if o["agent"] == name), "none")
