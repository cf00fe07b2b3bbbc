"""The only writer. State, its SessionEvents and its AuditEvent are one transaction."""

from diagnosis.services.consultations import consult, consult_unstored, start_session
from diagnosis.services.editing import record_edit
from diagnosis.services.engine import breaker_states, renew_coordinator
from diagnosis.services.exporting import export_knowledge
from diagnosis.services.idempotency import idempotent
from diagnosis.services.interruptions import interrupt_abandoned
from diagnosis.services.lifetime import ensure_roles, shutdown, startup
from diagnosis.services.loading import load_knowledge
from diagnosis.services.releasing import preview_publication, publish_knowledge
from diagnosis.services.replays import replay
from diagnosis.services.reports import record_feedback, record_outcome
from diagnosis.values import (
    FeedbackReport,
    KnowledgeChange,
    OutcomeReport,
    ReplayDiff,
    StoredAnswer,
    StoredConsultation,
)

__all__ = [
    "FeedbackReport",
    "KnowledgeChange",
    "OutcomeReport",
    "ReplayDiff",
    "StoredAnswer",
    "StoredConsultation",
    "breaker_states",
    "consult",
    "consult_unstored",
    "ensure_roles",
    "export_knowledge",
    "idempotent",
    "interrupt_abandoned",
    "load_knowledge",
    "preview_publication",
    "publish_knowledge",
    "record_edit",
    "record_feedback",
    "record_outcome",
    "renew_coordinator",
    "replay",
    "shutdown",
    "start_session",
    "startup",
]
