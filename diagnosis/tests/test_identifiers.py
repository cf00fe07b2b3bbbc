"""Identifiers: no two alike, whoever makes them."""

import os
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from diagnosis.identifiers import uuid7


def test_threads_make_no_two_alike() -> None:
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda _: uuid7(), range(4000)))

    assert len(set(made)) == 4000
    assert {identifier.version for identifier in made} == {7}


def test_a_forked_child_does_not_repeat_its_parent() -> None:
    random = (1 << 62) - 1
    uuid7()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, uuid7().bytes)
        os._exit(0)
    os.waitpid(child, 0)
    theirs = UUID(bytes=os.read(reading, 16))
    os.close(reading)
    os.close(writing)

    assert uuid7().int & random != theirs.int & random
