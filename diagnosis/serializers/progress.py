"""A running session as pages show it: the agents' states and the alarms so far, from its rows."""

from collections.abc import Iterable

from msgspec import Struct

from diagnosis.serializers import words
from diagnosis.serializers.words import UrgencyWords, urgency_words
from diagnosis.values import SessionMoment


class AgentProgress(Struct):
    """``state`` is waiting, running, done or failed; ``said`` is the sentence beside it."""

    key: str
    name: str
    task: str
    state: str = "waiting"
    said: str = "Waiting"


class Progress(Struct):
    """``seq`` is the last moment that went into it; ``alarms`` pairs a title with its urgency."""

    agents: list[AgentProgress]
    alarms: list[tuple[str, UrgencyWords]]
    seq: int = 0


def progress_of(moments: Iterable[SessionMoment]) -> Progress:
    """Where a session stands after these moments."""
    agents = {key: AgentProgress(key, *named) for key, named in words.AGENTS.items()}
    progress = Progress(list(agents.values()), [])
    for moment in moments:
        progress.seq = moment.seq
        if moment.kind == "emergency_detected":
            progress.alarms += [
                (flag["title"], urgency_words(flag["urgency"]))
                for flag in moment.detail.get("red_flags", ())
            ]
        elif moment.agent in agents:
            _advance(agents[moment.agent], moment)
    return progress


def _advance(agent: AgentProgress, moment: SessionMoment) -> None:
    spent = words.milliseconds(float(moment.detail.get("duration_ms", 0.0)))
    if moment.kind == "agent_started":
        agent.state, agent.said = "running", "Working"
    elif moment.kind == "agent_completed":
        agent.state, agent.said = "done", f"Done in {spent}"
    elif moment.kind == "agent_failed":
        status = words.OPINION_STATUSES.get(str(moment.detail.get("status")), "Failed")
        agent.state, agent.said = "failed", f"{status} after {spent}"
