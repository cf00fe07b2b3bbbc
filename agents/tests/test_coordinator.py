"""Whatever an agent does, the consultation ends, and says who is missing."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from agents.classifier import SymptomClassifier
from agents.coordinator import AgentEvent, Coordinator, CoordinatorSettings
from agents.detector import EmergencyDetector
from agents.matcher import ConditionMatcher
from agents.retriever import TreatmentRetriever
from agents.tests.tiny import tiny_knowledge
from agents.types import (
    AgentName,
    Case,
    Consultation,
    Note,
    Presence,
    StatedFinding,
    Urgency,
    Vitals,
)

TINY = tiny_knowledge()
CASE = Case(note=Note(text="Cough and fever for three days, neck stiffness."), age_years=50)
FAST = CoordinatorSettings(
    classifier_s=0.05, matcher_s=0.08, retriever_s=0.1, detector_s=0.3, breaker_timeout_s=60
)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def consult(coordinator: Coordinator, case: Case = CASE) -> tuple[Consultation, list[AgentEvent]]:
    events: list[AgentEvent] = []
    answer = asyncio.run(coordinator.consult(case, TINY, events.append))
    return answer, events


async def hang(*_: Any) -> Any:
    await asyncio.sleep(30)


async def fail(*_: Any) -> Any:
    raise ValueError("a secret of the patient")


async def garbage(*_: Any) -> Any:
    return "not an answer"


class Broken:
    """Stands in for any agent; every method does the same."""

    def __init__(self, behaviour: Callable[..., Awaitable[Any]]) -> None:
        self.read = self.match = self.retrieve = behaviour


def coordinator_without(agent: AgentName, behaviour: Callable[..., Awaitable[Any]]) -> Coordinator:
    broken: Any = Broken(behaviour)
    return Coordinator(
        FAST,
        classifier=broken if agent is AgentName.CLASSIFIER else SymptomClassifier(),
        matcher=broken if agent is AgentName.MATCHER else ConditionMatcher(),
        retriever=broken if agent is AgentName.RETRIEVER else TreatmentRetriever(),
    )


def test_a_complete_consultation() -> None:
    answer, events = consult(Coordinator())
    assert answer.complete
    assert answer.missing_agents == ()
    assert answer.differential.most_likely[0].condition in ("flu", "pneumonia")
    assert answer.urgency is Urgency.EMERGENCY
    assert [f.rule for f in answer.red_flags] == ["meningism"]
    assert {o.agent for o in answer.opinions} == set(AgentName)
    assert answer.versions.knowledge == TINY.hash
    kinds = [(e.kind, e.agent) for e in events]
    for name in AgentName:
        assert kinds.index(("agent_started", name)) < kinds.index(("agent_completed", name))


def test_agents_start_together() -> None:
    _, events = consult(Coordinator())
    started = [i for i, e in enumerate(events) if e.kind == "agent_started"]
    slow_done = next(
        i
        for i, e in enumerate(events)
        if e.kind == "agent_completed" and e.agent is AgentName.MATCHER
    )
    assert len(started) == 4
    assert all(i < slow_done for i in started)


@pytest.mark.parametrize("behaviour", [hang, fail, garbage])
@pytest.mark.parametrize(
    ("agent", "starved"),
    [
        (AgentName.CLASSIFIER, {AgentName.MATCHER, AgentName.RETRIEVER}),
        (AgentName.MATCHER, {AgentName.RETRIEVER}),
        (AgentName.RETRIEVER, set()),
    ],
)
def test_a_broken_agent_is_named_and_harms_no_emergency(
    agent: AgentName, starved: set[AgentName], behaviour: Callable[..., Awaitable[Any]]
) -> None:
    answer, events = consult(coordinator_without(agent, behaviour))
    assert set(answer.missing_agents) == {agent} | starved
    assert not answer.complete
    assert answer.urgency is Urgency.EMERGENCY
    status = {o.agent: o.status for o in answer.opinions}
    assert status[agent] == ("timed_out" if behaviour is hang else "failed")
    assert status[AgentName.DETECTOR] == "completed"
    assert any(e.kind == "agent_failed" and e.agent is agent for e in events)
    assert "secret" not in str(answer.opinions)


def test_a_broken_detector_is_named_too() -> None:
    class Failing(EmergencyDetector):
        def second_look(self, *args: Any) -> Any:
            raise RuntimeError

    answer, _ = consult(Coordinator(FAST, detector=Failing()))
    assert answer.missing_agents == (AgentName.DETECTOR,)
    assert not answer.complete


def test_structured_emergencies_are_announced_before_any_other_agent_answers() -> None:
    case = Case(findings=(StatedFinding("fever"), StatedFinding("neck_stiffness")))
    _, events = consult(Coordinator(), case)
    kinds = [e.kind for e in events]
    first_answer = kinds.index("agent_completed")
    assert kinds.index("emergency_detected") < first_answer


def test_a_detector_that_gives_no_alarm_is_named_and_leaves_the_others_their_say() -> None:
    class Garbage(EmergencyDetector):
        def first_look(self, *args: Any) -> Any:
            return "not an alarm"

    answer, _ = consult(Coordinator(FAST, detector=Garbage()))
    assert answer.missing_agents == (AgentName.DETECTOR,)
    assert answer.differential.most_likely
    assert answer.red_flags == ()


def test_the_detector_reads_for_itself_when_the_classifier_is_gone() -> None:
    answer, _ = consult(coordinator_without(AgentName.CLASSIFIER, fail))
    assert [f.rule for f in answer.red_flags] == ["meningism"]


def test_the_breaker_opens_after_its_threshold_and_lets_one_probe_through() -> None:
    clock = Clock()
    calls = 0

    async def counted(*_: Any) -> Any:
        nonlocal calls
        calls += 1
        raise ValueError

    broken: Any = Broken(counted)
    coordinator = Coordinator(
        CoordinatorSettings(breaker_threshold=5, breaker_timeout_s=60), clock, retriever=broken
    )
    for _ in range(5):
        consult(coordinator)
    assert coordinator.breakers()[AgentName.RETRIEVER] == "open"
    answer, _ = consult(coordinator)
    assert calls == 5
    assert {o.agent: o.status for o in answer.opinions}[AgentName.RETRIEVER] == "breaker_open"
    assert answer.missing_agents == (AgentName.RETRIEVER,)
    clock.now = 61.0
    assert coordinator.breakers()[AgentName.RETRIEVER] == "half_open"

    async def probes() -> None:
        await asyncio.gather(*[coordinator.consult(CASE, TINY, lambda e: None) for _ in range(20)])

    asyncio.run(probes())
    assert calls == 6


def test_starving_does_not_open_the_breaker_of_the_starved() -> None:
    coordinator = coordinator_without(AgentName.CLASSIFIER, fail)
    for _ in range(6):
        consult(coordinator)
    assert coordinator.breakers()[AgentName.CLASSIFIER] == "open"
    assert coordinator.breakers()[AgentName.MATCHER] == "closed"
    assert AgentName.DETECTOR not in coordinator.breakers()


def test_nothing_present_is_not_ranked() -> None:
    answer, _ = consult(Coordinator(), Case(findings=(StatedFinding("fever", Presence.ABSENT),)))
    assert answer.complete
    assert not answer.differential.enough
    assert answer.differential.reason
    assert answer.urgency is None


def test_contraindicated_advice_is_shown_with_its_reason() -> None:
    case = Case(
        findings=(
            StatedFinding("cough"),
            StatedFinding("fever"),
            StatedFinding("smoking"),
            StatedFinding("Penicillin allergy"),
        ),
        age_years=60,
    )
    answer, _ = consult(Coordinator(), case)
    advice = {a.recommendation: a.contraindicated for a in answer.recommendations}
    assert advice["oxygen"] == ""
    assert advice["penicillin"] == "Penicillin allergy is present. Use another class."
    child, _ = consult(Coordinator(), Case(findings=case.findings[:2], age_years=5))
    assert {a.recommendation: a.contraindicated for a in child.recommendations}[
        "penicillin"
    ].startswith("Only from 18 years")


def test_events_carry_no_patient_text() -> None:
    case = Case(note=Note(text="Canary xylophone: cough and fever, stiff neck."), age_years=50)
    _, events = consult(Coordinator(), case)
    assert "xylophone" not in str(events)


def test_scores_raise_urgency_from_vitals() -> None:
    vitals = Vitals(
        temperature=39.5, heart_rate=135, respiratory_rate=28, systolic_bp=85, spo2=90,
        on_oxygen=False, consciousness="alert",
    )  # fmt: skip
    answer, _ = consult(Coordinator(), Case(vitals=vitals, age_years=60))
    assert answer.urgency is Urgency.EMERGENCY
    assert {s.score: s.value for s in answer.scores}["news2"] == 14
