"""The coordinator of this process, with its deadlines and breakers from the settings."""

import threading

from django.conf import settings

from agents.coordinator import Coordinator, CoordinatorSettings

_lock = threading.Lock()
_coordinator: Coordinator | None = None


def coordinator() -> Coordinator:
    """The one of this process; it owns the breakers."""
    global _coordinator
    if _coordinator is None:
        with _lock:
            if _coordinator is None:
                _coordinator = Coordinator(
                    CoordinatorSettings(
                        classifier_s=settings.CLASSIFIER_DEADLINE_S,
                        matcher_s=settings.MATCHER_DEADLINE_S,
                        retriever_s=settings.RETRIEVER_DEADLINE_S,
                        detector_s=settings.DETECTOR_DEADLINE_S,
                        breaker_threshold=settings.BREAKER_THRESHOLD,
                        breaker_timeout_s=settings.BREAKER_TIMEOUT_S,
                    )
                )
    return _coordinator


def renew_coordinator() -> None:
    """Forgets the breakers' memory: the next consultation starts with closed ones."""
    global _coordinator
    with _lock:
        _coordinator = None


def breaker_states() -> dict[str, str]:
    """State of each agent's breaker: closed, open or half_open."""
    return {agent.value: state for agent, state in coordinator().breakers().items()}
