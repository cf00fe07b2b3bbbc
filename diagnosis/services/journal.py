"""Group commit: one thread writes whatever gathered while the last commit ran.

There is no artificial wait: an idle journal commits a lone record at once, a busy one many
records in one transaction. A record that cannot be written fails alone. Where no connection is
to be had, everybody who waited for it is told at once.
"""

import asyncio
import queue
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction

from diagnosis.errors import Overloaded
from diagnosis.services.bulk import Row, Table, insert
from diagnosis.threads import forget_lost_connections

BATCH = 256
CONNECTION_LOST = (OperationalError, InterfaceError)

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Record:
    """What is written together or not at all: rows by table, then ``step`` (an update)."""

    rows: tuple[tuple[Table, Sequence[Row]], ...] = ()
    step: Callable[[], None] | None = None


@dataclass(slots=True)
class _Waiting:
    record: Record
    future: "asyncio.Future[None]"
    error: BaseException | None = field(default=None)


class Journal:
    """A queue and the thread that empties it."""

    def __init__(self, limit: int | None = None) -> None:
        self._limit = limit
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    async def write(self, record: Record) -> None:
        """Returns after the commit. Raises Overloaded at once, or what the database said."""
        self.check_room()
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.put(_Waiting(record, future))
        self._ensure_thread()
        await future

    def check_room(self) -> None:
        """Raises Overloaded where too much is waiting already."""
        limit = settings.JOURNAL_LIMIT if self._limit is None else self._limit
        if self._queue.qsize() >= limit:
            raise Overloaded

    def close(self) -> None:
        """Writes what is waiting, then ends the thread and its connection."""
        with self._lock:
            thread, self._thread = self._thread, None
            if thread is not None and thread.is_alive():
                self._queue.put(None)
                thread.join()

    def _ensure_thread(self) -> None:
        thread = self._thread
        if thread is not None and thread.is_alive():
            return
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
                self._thread.start()

    # --- in the thread ----------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while self._written_once():
                pass
        finally:
            connection.close()

    def _written_once(self) -> bool:
        """Writes one batch; False when the journal was closed."""
        first = self._queue.get()
        if first is None:
            return False
        batch = [first]
        going_on = self._gather(batch, BATCH)
        away = _no_connection()
        if away is None:
            _write_batch(batch)
        else:
            # they have waited for the same connection
            going_on = going_on and self._gather(batch, self._queue.qsize() + len(batch))
            log.warning("batch_not_written", size=len(batch), error=type(away).__name__)
            for waiting in batch:
                waiting.error = away
        _answer(batch)
        return going_on

    def _gather(self, batch: list[_Waiting], most: int) -> bool:
        """Adds what waits, up to ``most``; False when the journal was closed."""
        while len(batch) < most:
            try:
                following = self._queue.get_nowait()
            except queue.Empty:
                break
            if following is None:
                return False
            batch.append(following)
        return True


def _write_batch(batch: list[_Waiting]) -> None:
    try:
        _write_all([waiting.record for waiting in batch])
    except Exception as error:
        lost = isinstance(error, CONNECTION_LOST)
        log.warning("batch_not_written", size=len(batch), error=type(error).__name__)
        if lost:
            connection.close()
            forget_lost_connections()
        away: BaseException | None = None
        for waiting in batch:
            away = away or _no_connection()
            waiting.error = away or _written_alone(waiting.record, again=lost)


def _no_connection() -> BaseException | None:
    """Why there is no connection to write with; None where there is one."""
    try:
        connection.ensure_connection()
    except (DatabaseError, InterfaceError) as error:
        return error
    return None


def _written_alone(record: Record, *, again: bool) -> BaseException | None:
    try:
        _write_all([record], again=again)
    except Exception as error:
        if isinstance(error, DatabaseError):
            connection.close_if_unusable_or_obsolete()
        return error
    return None


def _write_all(records: Sequence[Record], *, again: bool = False) -> None:
    """One transaction. ``again``: the first try may have been committed before it was lost."""
    gathered: dict[Table, list[Row]] = defaultdict(list)
    for record in records:
        for table, rows in record.rows:
            gathered[table].extend(rows)
    with transaction.atomic():
        for table, rows in gathered.items():
            insert(table, rows, again=again)
        for record in records:
            if record.step is not None:
                record.step()


def _answer(batch: list[_Waiting]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[_Waiting]] = defaultdict(list)
    for waiting in batch:
        by_loop[waiting.future.get_loop()].append(waiting)
    for loop, waiters in by_loop.items():
        # one wake-up a loop; a loop that has ended has nobody left to tell
        if not loop.is_closed():
            loop.call_soon_threadsafe(_resolve, waiters)


def _resolve(waiters: list[_Waiting]) -> None:
    for waiting in waiters:
        if waiting.future.done():
            continue
        if waiting.error is None:
            waiting.future.set_result(None)
        else:
            waiting.future.set_exception(waiting.error)


journal = Journal()
"""The one of this process."""
