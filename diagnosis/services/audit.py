"""Audit rows. They hold ids, counts and enum words; never what was typed about a patient."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from diagnosis.actors import Actor
from diagnosis.identifiers import uuid7
from diagnosis.models import AuditEvent
from diagnosis.services.bulk import Row

Detail = Mapping[str, object]


def audit_row(
    actor: Actor, at: datetime, action: str, object_type: str, object_id: str, detail: Detail
) -> Row:
    """A row for ``bulk.AUDIT``."""
    return (
        uuid7(),
        at,
        actor.user_id,
        actor.label[:150],
        action,
        object_type,
        object_id,
        msgspec.json.encode(detail).decode(),
    )


def write_audit(
    actor: Actor, action: str, object_type: str, object_id: str, detail: Detail
) -> None:
    """Writes one row in the transaction that the caller has open."""
    AuditEvent.objects.create(
        actor_id=actor.user_id,
        actor=actor.label[:150],
        action=action,
        object_type=object_type,
        object_id=object_id,
        detail=msgspec.json.encode(detail).decode(),
    )
