"""Runs the four agents together, emits what happens, and says who is missing.

The matcher awaits the reading, the retriever the differential; the detector waits for nobody and
has no breaker. Whatever an agent does, the consultation ends by its deadline, complete or partial.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from msgspec import Struct

from agents import ENGINE_VERSION
from agents.breaker import Breaker
from agents.classifier import SymptomClassifier
from agents.detector import EmergencyDetector
from agents.errors import AgentError
from agents.inference import Parameters
from agents.knowledge.base import KnowledgeBase
from agents.matcher import ConditionMatcher, Match
from agents.retriever import TreatmentRetriever
from agents.triage import urgency_of
from agents.types import (
    Advice,
    AgentName,
    Alarm,
    Case,
    Consultation,
    Differential,
    Opinion,
    OpinionStatus,
    Reading,
    Versions,
)

T = TypeVar("T")

MISSING_DIFFERENTIAL = Differential(
    enough=False, reason="The condition matcher did not answer; there is no ranking."
)


class CoordinatorSettings(Struct, frozen=True):
    """Deadlines in seconds from the start of the consultation; breaker limits."""

    classifier_s: float = 3.0
    matcher_s: float = 4.0
    retriever_s: float = 5.0
    detector_s: float = 5.0
    breaker_threshold: int = 5
    breaker_timeout_s: float = 60.0


class AgentEvent(Struct, frozen=True):
    """Something that happened; ``detail`` holds ids and counts, never patient text.

    Kinds: agent_started, agent_completed, agent_failed, emergency_detected.
    """

    kind: str
    agent: AgentName | None
    offset_ms: float
    detail: dict[str, Any]


class _Answers(Struct):
    """What the agents have said so far; None where an agent has not (yet) answered."""

    reading: Reading | None = None
    match: Match | None = None
    advice: tuple[Advice, ...] | None = None
    alarm: Alarm | None = None


class Coordinator:
    """One for each event loop; it owns the breakers."""

    def __init__(
        self,
        settings: CoordinatorSettings = CoordinatorSettings(),
        clock: Callable[[], float] = time.monotonic,
        *,
        classifier: SymptomClassifier | None = None,
        matcher: ConditionMatcher | None = None,
        retriever: TreatmentRetriever | None = None,
        detector: EmergencyDetector | None = None,
        parameters: Parameters = Parameters(),
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._classifier = classifier or SymptomClassifier()
        self._matcher = matcher or ConditionMatcher(parameters)
        self._retriever = retriever or TreatmentRetriever()
        self._detector = detector or EmergencyDetector()
        self._breakers: dict[AgentName, Breaker] = {
            name: Breaker(settings.breaker_threshold, settings.breaker_timeout_s, clock)
            for name in AgentName
            if name is not AgentName.DETECTOR
        }

    def breakers(self) -> dict[AgentName, str]:
        """State of each breaker; the detector has none."""
        return {name: breaker.state for name, breaker in self._breakers.items()}

    async def consult(
        self, case: Case, knowledge: KnowledgeBase, emit: Callable[[AgentEvent], None]
    ) -> Consultation:
        """The whole answer; ``emit`` is called as things happen and must not block."""
        run = _Run(self, case, knowledge, emit)
        return await run.consultation()


class _Run:
    """One consultation."""

    def __init__(
        self,
        owner: Coordinator,
        case: Case,
        knowledge: KnowledgeBase,
        emit: Callable[[AgentEvent], None],
    ) -> None:
        self._owner = owner
        self._settings = owner._settings
        self._clock = owner._clock
        self._case = case
        self._knowledge = knowledge
        self._emit = emit
        self._started = owner._clock()
        loop = asyncio.get_running_loop()
        self._reading: asyncio.Future[Reading | None] = loop.create_future()
        self._matched: asyncio.Future[Match | None] = loop.create_future()
        self._opinions: dict[AgentName, Opinion] = {}
        self._alarm = Alarm()

    async def consultation(self) -> Consultation:
        answers = _Answers()
        for name in AgentName:
            self._tell("agent_started", name, {})
        async with asyncio.TaskGroup() as group:
            detector = group.create_task(self._detect())
            classifier = group.create_task(self._classify())
            matcher = group.create_task(self._match())
            retriever = group.create_task(self._retrieve())
        answers.alarm = detector.result() or self._alarm
        answers.reading = classifier.result()
        answers.match = matcher.result()
        answers.advice = retriever.result()
        return self._assembled(answers)

    # --- the four agents ------------------------------------------------------------------

    async def _classify(self) -> Reading | None:
        reading = await self._asked(
            AgentName.CLASSIFIER,
            self._settings.classifier_s,
            lambda: self._owner._classifier.read(self._case, self._knowledge),
            Reading,
            lambda r: {"present": len(r.present), "absent": len(r.absent)},
        )
        self._reading.set_result(reading)
        return reading

    async def _match(self) -> Match | None:
        async def work() -> Match:
            reading = await self._needed(self._reading, "symptom classifier")
            return await self._owner._matcher.match(self._case, reading, self._knowledge)

        match = await self._asked(
            AgentName.MATCHER,
            self._settings.matcher_s,
            work,
            Match,
            lambda m: {"candidates": len(m.differential.most_likely)},
        )
        self._matched.set_result(match)
        return match

    async def _retrieve(self) -> tuple[Advice, ...] | None:
        async def work() -> tuple[Advice, ...]:
            match = await self._needed(self._matched, "condition matcher")
            reading = await self._needed(self._reading, "symptom classifier")
            return await self._owner._retriever.retrieve(
                self._case, reading, match.differential, self._knowledge
            )

        return await self._asked(
            AgentName.RETRIEVER,
            self._settings.retriever_s,
            work,
            tuple,
            lambda advice: {"recommendations": len(advice)},
        )

    async def _detect(self) -> Alarm | None:
        async def work() -> Alarm:
            detector = self._owner._detector
            first = detector.first_look(self._case, self._knowledge)
            # announced before it is kept: what is no alarm fails here and reaches no answer
            self._announce(first)
            self._alarm = first
            reading = await asyncio.shield(self._reading)
            seen = {flag.rule for flag in self._alarm.red_flags}
            second = detector.second_look(self._alarm, self._case, reading, self._knowledge)
            self._announce(second, seen)
            self._alarm = second
            return second

        return await self._asked(
            AgentName.DETECTOR,
            self._settings.detector_s,
            work,
            Alarm,
            lambda alarm: {"red_flags": len(alarm.red_flags), "urgency": alarm.urgency},
        )

    # --- how an agent is asked ------------------------------------------------------------

    async def _asked(
        self,
        name: AgentName,
        deadline_s: float,
        work: Callable[[], Awaitable[T]],
        expected: type[Any],
        summary: Callable[[T], dict[str, Any]],
    ) -> T | None:
        """The agent's answer, or None with the reason noted in its opinion."""
        breaker = self._owner._breakers.get(name)
        began = self._clock()
        if breaker is not None and not breaker.allows():
            self._gave_up(name, began, "breaker_open", "It failed too often of late.")
            return None
        try:
            async with asyncio.timeout(max(0.0, deadline_s - (began - self._started))):
                answer = await work()
            if not isinstance(answer, expected):
                raise AgentError("It gave an answer of the wrong kind.")
        except _UnfedError as error:
            if breaker is not None:
                breaker.abandoned()
            self._gave_up(name, began, "failed", str(error))
            return None
        except TimeoutError:
            _note(breaker, failed=True)
            self._gave_up(name, began, "timed_out", "It did not answer by its deadline.")
            return None
        except asyncio.CancelledError:
            if breaker is not None:
                breaker.abandoned()
            raise
        except Exception as error:  # whatever an agent does, the others go on
            _note(breaker, failed=True)
            self._gave_up(name, began, "failed", f"It failed ({type(error).__name__}).")
            return None
        _note(breaker, failed=False)
        spent = self._since(began)
        self._opinions[name] = Opinion(name, "completed", spent)
        self._tell("agent_completed", name, {"duration_ms": spent, **summary(answer)})
        return answer

    async def _needed(self, future: "asyncio.Future[T | None]", agent: str) -> T:
        answer = await asyncio.shield(future)
        if answer is None:
            raise _UnfedError(f"It had nothing to work on: the {agent} did not answer.")
        return answer

    def _gave_up(self, name: AgentName, began: float, status: OpinionStatus, detail: str) -> None:
        spent = self._since(began)
        self._opinions[name] = Opinion(name, status, spent, detail)
        self._tell("agent_failed", name, {"duration_ms": spent, "status": status})

    def _announce(self, alarm: Alarm, seen: "set[str] | frozenset[str]" = frozenset()) -> None:
        new = [flag for flag in alarm.red_flags if flag.rule not in seen]
        if new:
            self._tell(
                "emergency_detected",
                AgentName.DETECTOR,
                {
                    "urgency": alarm.urgency,
                    "red_flags": [
                        {"rule": f.rule, "title": f.title, "urgency": f.urgency} for f in new
                    ],
                },
            )

    def _tell(self, kind: str, agent: AgentName, detail: dict[str, Any]) -> None:
        self._emit(AgentEvent(kind, agent, self._since(self._started), detail))

    def _since(self, moment: float) -> float:
        return round((self._clock() - moment) * 1000, 3)

    # --- the answer -----------------------------------------------------------------------

    def _assembled(self, answers: _Answers) -> Consultation:
        alarm = answers.alarm or Alarm()
        differential = answers.match.differential if answers.match else MISSING_DIFFERENTIAL
        urgency, reasons = urgency_of(alarm.red_flags, alarm.scores, differential)
        missing = tuple(name for name in AgentName if self._opinions[name].status != "completed")
        advice = answers.advice or ()
        return Consultation(
            urgency=urgency,
            urgency_reasons=reasons,
            reading=answers.reading or Reading(),
            differential=differential,
            red_flags=alarm.red_flags,
            scores=alarm.scores,
            recommendations=advice,
            questions=answers.match.questions if answers.match else (),
            opinions=tuple(self._opinions[name] for name in AgentName),
            missing_agents=missing,
            complete=not missing,
            versions=Versions(
                engine=ENGINE_VERSION,
                knowledge=self._knowledge.hash,
                guidelines={a.guideline: a.guideline_version for a in advice},
            ),
        )


class _UnfedError(AgentError):
    """The agent before this one did not answer; that is not this one's failure."""


def _note(breaker: Breaker | None, *, failed: bool) -> None:
    if breaker is None:
        return
    if failed:
        breaker.failed()
    else:
        breaker.succeeded()
