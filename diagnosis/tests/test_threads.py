"""Database work off the event loop: other threads, their own connections, nothing left open."""

import asyncio
import threading
from typing import Any

import pytest
from django.db import OperationalError, connection
from psycopg_pool import PoolTimeout

from diagnosis.threads import close_threads, in_database

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]


async def test_work_is_done_in_another_thread_and_answers() -> None:
    assert await in_database(threading.current_thread) is not threading.current_thread()
    assert await in_database(lambda a, b: a + b, 1, b=2) == 3


async def test_an_error_comes_back_as_it_was() -> None:
    def fail() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError, match="x"):
        await in_database(fail)


async def test_units_of_work_run_at_the_same_time() -> None:
    meeting = threading.Barrier(4, timeout=10)

    await asyncio.gather(*(in_database(meeting.wait) for _ in range(4)))


async def test_threads_end_with_their_connections_and_begin_again() -> None:
    opened: list[Any] = []

    def ask() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        opened.append(connection.connection)
        return 1

    assert await asyncio.gather(*(in_database(ask) for _ in range(8))) == [1] * 8
    await asyncio.to_thread(close_threads)
    assert not [t for t in threading.enumerate() if t.name.startswith("database")]
    assert await in_database(ask) == 1


async def test_who_waited_behind_somebody_without_a_connection_fails_with_them(
    settings: Any,
) -> None:
    settings.DATABASE_THREADS = 1
    go_on = threading.Event()

    def starved() -> None:
        go_on.wait(10)
        raise OperationalError("none to be had") from PoolTimeout()

    first = asyncio.create_task(in_database(starved))
    await asyncio.sleep(0.05)
    second = asyncio.create_task(in_database(lambda: 1))
    await asyncio.sleep(0.05)
    go_on.set()
    answers = await asyncio.gather(first, second, return_exceptions=True)

    assert [type(answer) for answer in answers] == [OperationalError, OperationalError]
    assert await in_database(lambda: 1) == 1
