"""Rows that are written once: neither the models nor the database let them change."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import DatabaseError, connection, models, transaction

from diagnosis.models import (
    AuditEvent,
    DiagnosisSession,
    KnowledgePublication,
    KnowledgeRelease,
    SessionEvent,
)
from diagnosis.models.immutable import WrittenOnce

pytestmark = [pytest.mark.services, pytest.mark.django_db]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def audit_event() -> models.Model:
    return AuditEvent.objects.create(actor="a", action="b", object_type="c", object_id="d")


def release() -> models.Model:
    return KnowledgeRelease.objects.create(hash="a" * 64, text=b"", created_at=NOW)


def publication() -> models.Model:
    return KnowledgePublication.objects.create(release=release(), published_at=NOW, label="a")


def session_event() -> models.Model:
    session = DiagnosisSession.objects.create(status="complete", case="{}")
    return SessionEvent.objects.create(session=session, seq=1, kind="x", at=NOW, offset_ms=0)


@pytest.mark.parametrize("make", [audit_event, release, publication])
def test_the_models_refuse_to_change_or_delete(make: Any) -> None:
    row = make()
    rows = type(row).objects.all()
    column = next(f.name for f in row._meta.concrete_fields if not f.primary_key)
    for change in (
        row.save,
        row.delete,
        rows.delete,
        lambda: rows.update(pk=row.pk),
        lambda: rows.filter(pk=row.pk).update(pk=row.pk),
        lambda: rows.bulk_update([row], [column]),
        lambda: rows.update_or_create(pk=row.pk, defaults={}),
    ):
        with pytest.raises((WrittenOnce, ValueError)), transaction.atomic():
            change()
    assert type(row).objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize("make", [audit_event, release, publication, session_event])
def test_the_database_refuses_to_change(make: Any) -> None:
    row = make()
    table, key = row._meta.db_table, row._meta.pk.column
    with (
        pytest.raises(DatabaseError, match="written once"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f'UPDATE "{table}" SET "{key}" = "{key}"')
    row.refresh_from_db()
