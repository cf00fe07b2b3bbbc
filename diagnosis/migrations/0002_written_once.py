"""The database itself refuses changes to rows that are written once.

Deleting is refused by the models; retention may still remove old rows with SQL.
"""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

TABLES = (
    "diagnosis_auditevent",
    "diagnosis_sessionevent",
    "diagnosis_knowledgerelease",
    "diagnosis_knowledgepublication",
)

POSTGRES_FUNCTION = """
CREATE OR REPLACE FUNCTION diagnosis_written_once() RETURNS trigger AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are written once', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END
$$ LANGUAGE plpgsql
"""
POSTGRES_TRIGGER = """
CREATE TRIGGER {table}_written_once BEFORE UPDATE ON {table}
FOR EACH ROW EXECUTE FUNCTION diagnosis_written_once()
"""
SQLITE_TRIGGER = """
CREATE TRIGGER {table}_written_once BEFORE UPDATE ON {table}
BEGIN SELECT RAISE(ABORT, 'rows of {table} are written once'); END
"""


def add(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    postgres = schema_editor.connection.vendor == "postgresql"
    if postgres:
        schema_editor.execute(POSTGRES_FUNCTION, params=None)
    for table in TABLES:
        template = POSTGRES_TRIGGER if postgres else SQLITE_TRIGGER
        schema_editor.execute(template.format(table=table))


def remove(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    postgres = schema_editor.connection.vendor == "postgresql"
    for table in TABLES:
        on = f" ON {table}" if postgres else ""
        schema_editor.execute(f"DROP TRIGGER {table}_written_once{on}")
    if postgres:
        schema_editor.execute("DROP FUNCTION diagnosis_written_once()")


class Migration(migrations.Migration):
    dependencies = [("diagnosis", "0001_initial")]
    operations = [migrations.RunPython(add, remove)]
