"""Which process runs a session, and whether that process still lives."""

import os
import socket
from functools import lru_cache

import psutil


def this_worker() -> str:
    """Host, process id and start time: a process id alone comes round again."""
    return _named(os.getpid())


def is_dead(worker: str) -> bool:
    """Whether the worker ran on this host and is gone. Of other hosts nothing is known."""
    try:
        host, pid, started = worker.rsplit(":", 2)
        number = int(pid)
    except ValueError:
        return False
    if host != socket.gethostname():
        return False
    return _started(number) != started


@lru_cache(maxsize=4)
def _named(pid: int) -> str:
    # cached by id: after a fork the child's differs
    return f"{socket.gethostname()}:{pid}:{_started(pid)}"


def _started(pid: int) -> str:
    try:
        return f"{psutil.Process(pid).create_time():.2f}"
    except psutil.Error:
        return ""
