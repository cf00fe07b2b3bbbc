"""Edits of the knowledge by staff: marked on the entry and written to the audit."""

from datetime import UTC, datetime

from django.db import models

from diagnosis.actors import Actor
from diagnosis.models import (
    Condition,
    ConditionFinding,
    Finding,
    Guideline,
    GuidelineVersion,
    Recommendation,
    RedFlagRule,
    Source,
)
from diagnosis.services.audit import write_audit

ENTRIES = (Source, Finding, Condition, RedFlagRule, Guideline)


def record_edit(actor: Actor, row: models.Model, action: str, fields: list[str]) -> None:
    """Notes that staff changed an entry, so that loading the files does not undo it.

    ``action`` is added, changed or deleted; ``fields`` names what was changed. Call inside the
    transaction of the edit.
    """
    entry = _entry_of(row)
    if entry is not None:
        type(entry).objects.filter(pk=entry.pk).update(edited_at=datetime.now(UTC))
    name = row._meta.model_name or ""
    write_audit(actor, f"knowledge_{action}", name, str(row.pk), {"fields": sorted(fields)})


def _entry_of(row: models.Model) -> "Source | Finding | Condition | RedFlagRule | Guideline | None":
    """The entry that a row is, or is a part of."""
    if isinstance(row, ENTRIES):
        return row
    if isinstance(row, ConditionFinding):
        return row.condition
    if isinstance(row, GuidelineVersion):
        return row.guideline
    if isinstance(row, Recommendation):
        return row.guideline_version.guideline
    return None
