"""``manage.py migrate`` that makes nobody wait for more than two seconds on PostgreSQL.

A migration that needs a lock waits in the queue for it, and everybody who comes after it waits
behind. So it gives up after ``lock_timeout``, lets the others through, and tries again.
"""

import time
from typing import Any, Final

from django.core.management.commands import migrate
from django.db import OperationalError, connections
from psycopg.errors import LockNotAvailable

TRIES: Final = 30
PAUSE_S: Final = 1.0


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> Any:
        connection = connections[options["database"]]
        if connection.vendor != "postgresql":
            return super().handle(*args, **options)
        for tries_left in reversed(range(TRIES)):
            _limit_waiting(connection, "2s")
            try:
                return super().handle(*args, **options)
            except OperationalError as error:
                # what was applied before stays; the next try goes on from there
                if not isinstance(error.__cause__, LockNotAvailable) or not tries_left:
                    raise
                self.stderr.write("A table is in use; trying again.")
                time.sleep(PAUSE_S)
            finally:
                _limit_waiting(connection, "0")
        return None


def _limit_waiting(connection: Any, limit: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", [limit])
