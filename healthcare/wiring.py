"""What monitoring needs of the upper rooms, given to it by name in the settings."""

from diagnosis.selectors import current_knowledge_async
from diagnosis.services import breaker_states
from monitoring.health import CheckReport


async def agents_check() -> CheckReport:
    """Whether the agents have knowledge to work with, and which breakers are not closed."""
    knowledge = await current_knowledge_async()
    held_up = sorted(name for name, state in breaker_states().items() if state != "closed")
    if held_up:
        return CheckReport("degraded", f"breaker not closed: {', '.join(held_up)}")
    return CheckReport("healthy", f"knowledge {knowledge.hash[:12]}, all breakers closed")
