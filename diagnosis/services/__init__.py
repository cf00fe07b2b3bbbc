"""The only writer. State, its SessionEvents and its AuditEvent are one transaction."""

from diagnosis.services.batch_work import work_on_batch
from diagnosis.services.batches import cancel_batch, delete_old_batches, submit_batch
from diagnosis.services.consultations import consult, consult_unstored, start_session
from diagnosis.services.editing import record_edit
from diagnosis.services.engine import breaker_states, renew_coordinator
from diagnosis.services.exporting import export_knowledge
from diagnosis.services.idempotency import Claim, idempotent
from diagnosis.services.interruptions import interrupt_abandoned
from diagnosis.services.lifetime import ensure_roles, shutdown, startup
from diagnosis.services.loading import load_knowledge
from diagnosis.services.partitions import ensure_months
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
    "Claim",
    "FeedbackReport",
    "KnowledgeChange",
    "OutcomeReport",
    "ReplayDiff",
    "StoredAnswer",
    "StoredConsultation",
    "breaker_states",
    "cancel_batch",
    "consult",
    "consult_unstored",
    "delete_old_batches",
    "ensure_months",
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
    "submit_batch",
    "work_on_batch",
]
