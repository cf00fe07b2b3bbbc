"""Every read. What belongs to somebody starts from the actor."""

from diagnosis.selectors.audit import audited_actions
from diagnosis.selectors.batches import (
    batch_counts,
    batch_for,
    batch_is_finished,
    batch_moments_after,
    batch_results,
    batches_for,
)
from diagnosis.selectors.published import (
    conditions,
    findings,
    findings_matching,
    guidelines,
    red_flags,
)
from diagnosis.selectors.releases import (
    current_knowledge,
    current_knowledge_async,
    forget_knowledge,
    release_text,
)
from diagnosis.selectors.sessions import (
    case_of,
    consultation_of,
    events_after,
    is_finished,
    latest_before,
    moments_after,
    outcomes_of,
    session_for,
    sessions_between,
    sessions_for,
    sessions_page,
)

__all__ = [
    "audited_actions",
    "batch_counts",
    "batch_for",
    "batch_is_finished",
    "batch_moments_after",
    "batch_results",
    "batches_for",
    "case_of",
    "conditions",
    "consultation_of",
    "current_knowledge",
    "current_knowledge_async",
    "events_after",
    "findings",
    "findings_matching",
    "forget_knowledge",
    "guidelines",
    "is_finished",
    "latest_before",
    "moments_after",
    "outcomes_of",
    "red_flags",
    "release_text",
    "session_for",
    "sessions_between",
    "sessions_for",
    "sessions_page",
]
