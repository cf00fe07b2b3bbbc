"""Database work for the async side: its own few threads with their own connections.

Django's async ORM runs the queries of one request one after another in one shared thread;
here each call is one unit of work in a thread of a small pool, and the event loop stays free.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.conf import settings
from django.db import OperationalError, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg_pool import PoolTimeout

P = ParamSpec("P")
T = TypeVar("T")

_lock = threading.Lock()
_executor: ThreadPoolExecutor | None = None
_opened: set[BaseDatabaseWrapper] = set()
"""Connections of the pool's threads; a thread that ends does not close its own."""
_given_up_at = 0.0
"""When a thread last gave up waiting for a connection."""


async def in_database(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Runs ``work`` in a database thread and gives its answer or its error.

    Whoever waited for a thread while its work waited for a connection in vain fails with it:
    waits in a row would add up. Raises OperationalError then.
    """
    loop = asyncio.get_running_loop()
    asked_at = time.monotonic()
    return await loop.run_in_executor(_running(), lambda: _tidied(asked_at, work, *args, **kwargs))


def in_background(work: Callable[[], None]) -> None:
    """Has ``work`` done in a database thread; nobody waits, and an error of it is nobody's."""
    asked_at = time.monotonic()
    _running().submit(lambda: _tidied(asked_at, work))


def wait_shortly() -> None:
    """A process that serves waits ``DATABASE_REQUEST_WAIT_S`` for a connection, not longer."""
    if pool := getattr(connection, "pool", None):
        pool.timeout = settings.DATABASE_REQUEST_WAIT_S


def forget_lost_connections() -> None:
    """Has the pool drop what the database has closed: one loss is often the loss of all."""
    if pool := getattr(connection, "pool", None):
        pool.check()


def close_threads() -> None:
    """Ends the pool after its running work; the next call makes a new one."""
    global _executor
    with _lock:
        executor, _executor = _executor, None
    if executor is None:
        return
    executor.shutdown(wait=True)
    while _opened:
        connection = _opened.pop()
        # its thread has ended, so that this one may
        connection.inc_thread_sharing()
        connection.close()


def _running() -> ThreadPoolExecutor:
    global _executor
    with _lock:
        if _executor is None:
            _executor = ThreadPoolExecutor(settings.DATABASE_THREADS, thread_name_prefix="database")
        return _executor


def _tidied(asked_at: float, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    global _given_up_at
    if asked_at < _given_up_at:
        raise OperationalError("There was no connection for those who asked before.")
    try:
        return work(*args, **kwargs)
    except OperationalError as error:
        if isinstance(error.__cause__, PoolTimeout):
            _given_up_at = time.monotonic()
        raise
    finally:
        for each in connections.all(initialized_only=True):
            _opened.add(each)
            each.close_if_unusable_or_obsolete()
