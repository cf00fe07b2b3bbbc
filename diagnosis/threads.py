"""Database work for the async side: its own few threads with their own connections.

Django's async ORM runs the queries of one request one after another in one shared thread;
here each call is one unit of work in a thread of a small pool, and the event loop stays free.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.conf import settings
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

P = ParamSpec("P")
T = TypeVar("T")

_lock = threading.Lock()
_executor: ThreadPoolExecutor | None = None
_opened: set[BaseDatabaseWrapper] = set()
"""Connections of the pool's threads; a thread that ends does not close its own."""


async def in_database(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Runs ``work`` in a database thread and gives its answer or its error."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_running(), lambda: _tidied(work, *args, **kwargs))


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


def _tidied(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return work(*args, **kwargs)
    finally:
        for connection in connections.all(initialized_only=True):
            _opened.add(connection)
            connection.close_if_unusable_or_obsolete()
