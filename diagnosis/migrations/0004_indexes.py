"""Indexes as the queries need them, and none that another one makes needless."""

import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.operations import TrigramExtension
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from diagnosis.migrations._online import AddIndexOnline, DropFieldIndex, RemoveIndexOnline

# what the admin searches with: UPPER(column) LIKE UPPER('%typed%')
NAMED = ("condition", "finding")
TRIGRAM = """
CREATE INDEX IF NOT EXISTS {model}_search ON diagnosis_{model}
USING gin (upper(id::text) gin_trgm_ops, upper(name::text) gin_trgm_ops)
"""
PREFIX = """
CREATE INDEX IF NOT EXISTS {model}_name_prefix ON diagnosis_{model}
(upper(name::text) text_pattern_ops)
"""


def add_search(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        for model in NAMED:
            schema_editor.execute(TRIGRAM.format(model=model))
            schema_editor.execute(PREFIX.format(model=model))


def remove_search(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        for model in NAMED:
            schema_editor.execute(f"DROP INDEX IF EXISTS {model}_search, {model}_name_prefix")


def session_key(related_name: str) -> models.ForeignKey:
    return models.ForeignKey(
        db_index=False,
        on_delete=django.db.models.deletion.CASCADE,
        related_name=related_name,
        to="diagnosis.diagnosissession",
    )


def unindexed(model: str, name: str, field: models.ForeignKey) -> migrations.SeparateDatabaseAndState:
    return migrations.SeparateDatabaseAndState(
        database_operations=[DropFieldIndex(model, name)],
        state_operations=[migrations.AlterField(model, name, field)],
    )


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("diagnosis", "0003_batches")]
    operations = [
        TrigramExtension(),
        migrations.RunPython(add_search, remove_search),
        unindexed("opinion", "session", session_key("opinions")),
        unindexed("sessionevent", "session", session_key("events")),
        unindexed(
            "diagnosissession",
            "clinician",
            models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        AddIndexOnline(
            "diagnosissession",
            models.Index(fields=["leading_condition", "-id"], name="session_by_leading"),
        ),
        AddIndexOnline(
            "diagnosissession",
            models.Index(
                condition=models.Q(("status", "complete"), _negated=True),
                fields=["status", "-id"],
                name="session_gone_wrong",
            ),
        ),
        RemoveIndexOnline("auditevent", "audit_of_object"),
        AddIndexOnline(
            "auditevent", models.Index(fields=["object_id", "object_type"], name="audit_of_object")
        ),
        AddIndexOnline("auditevent", models.Index(fields=["actor", "-id"], name="audit_of_actor")),
        AddIndexOnline(
            "auditevent", models.Index(fields=["action", "-id"], name="audit_of_action")
        ),
    ]
