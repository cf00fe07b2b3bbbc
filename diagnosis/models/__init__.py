"""The tables: knowledge as staff edit it, and sessions as they were stored."""

from django.contrib.auth.models import User

from diagnosis.models.batches import Batch, BatchCase, BatchEvent
from diagnosis.models.knowledge import (
    Condition,
    ConditionFinding,
    Finding,
    Guideline,
    GuidelineVersion,
    KnowledgePublication,
    KnowledgeRelease,
    Lexicon,
    Recommendation,
    RedFlagRule,
    Source,
)
from diagnosis.models.sessions import (
    AuditEvent,
    DiagnosisSession,
    Feedback,
    IdempotencyKey,
    Opinion,
    Outcome,
    SessionEvent,
)

__all__ = [
    "AuditEvent",
    "Batch",
    "BatchCase",
    "BatchEvent",
    "Condition",
    "ConditionFinding",
    "DiagnosisSession",
    "Feedback",
    "Finding",
    "Guideline",
    "GuidelineVersion",
    "IdempotencyKey",
    "KnowledgePublication",
    "KnowledgeRelease",
    "Lexicon",
    "Opinion",
    "Outcome",
    "Recommendation",
    "RedFlagRule",
    "SessionEvent",
    "Source",
    "User",
]
