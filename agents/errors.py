"""One error tree; ``diagnosis.problems`` maps it to HTTP, WebSocket and page messages.

::

    DecisionSupportError
    ├── InvalidCase            the case breaks a rule; names the field
    ├── KnowledgeError         the knowledge is not usable
    │   ├── InvalidKnowledge   a file breaks the schema or a reference dangles; lists all faults
    │   └── UnknownKnowledge   an id that this release does not have
    └── AgentError             an agent could not answer
        ├── AgentTimedOut
        └── BreakerOpen
"""


class DecisionSupportError(Exception):
    """Root of every error that this product raises on purpose."""


class InvalidCase(DecisionSupportError):
    """``field`` is a path such as ``vitals.temperature``; ``reason`` a sentence."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class KnowledgeError(DecisionSupportError):
    """The knowledge is not usable."""


class InvalidKnowledge(KnowledgeError):
    """All faults at once, one sentence each, each starting with the file or entry."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class UnknownKnowledge(KnowledgeError):
    """No such condition, finding, rule or guideline in this release."""


class AgentError(DecisionSupportError):
    """An agent could not answer."""


class AgentTimedOut(AgentError):
    """The deadline passed."""


class BreakerOpen(AgentError):
    """Too many failures of late; the agent was not asked."""
