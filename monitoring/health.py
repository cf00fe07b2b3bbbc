"""Is this process fit to serve? Each check has its own time-out and harms no other.

A check that fails makes the whole ``unhealthy`` if nothing can be stored or answered without it,
and ``degraded`` if the product still works.
"""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Literal

import psutil
import structlog
from django.conf import settings
from django.db import connection
from django.utils.module_loading import import_string
from msgspec import Struct

from monitoring.durations import recent_consultations

Status = Literal["healthy", "degraded", "unhealthy"]
_WORST: tuple[Status, ...] = ("healthy", "degraded", "unhealthy")
READINESS = ("database", "ai_models")
_draining = threading.Event()

log = structlog.get_logger(__name__)


class CheckReport(Struct, frozen=True):
    """What one check found; ``detail`` is a sentence, ``value`` a percentage or ms."""

    status: Status
    detail: str
    value: float | None = None
    duration_ms: float = 0.0


class HealthReport(Struct, frozen=True):
    """All checks; ``status`` is that of the worst."""

    status: Status
    checks: dict[str, CheckReport]


Check = Callable[[], Awaitable[CheckReport]]


async def health() -> HealthReport:
    """Runs every check at the same time."""
    return await _reported(all_checks())


async def readiness() -> HealthReport:
    """Only what has to work for requests to be sent here."""
    if _draining.is_set():
        leaving = CheckReport("unhealthy", "this process is being stopped; ask another one")
        return HealthReport("unhealthy", {"draining": leaving})
    checks = all_checks()
    return await _reported({name: checks[name] for name in READINESS})


def start_draining() -> None:
    """From now on this process is not ready; it still answers what it is sent."""
    _draining.set()


async def _reported(checks: dict[str, Check]) -> HealthReport:
    reports = await asyncio.gather(*(_timed(name, check) for name, check in checks.items()))
    return HealthReport(
        worst(report.status for report in reports), dict(zip(checks, reports, strict=True))
    )


def worst(statuses: Any) -> Status:
    """The worst of some statuses; healthy where there is none."""
    return max(statuses, key=_WORST.index, default="healthy")


def all_checks() -> dict[str, Check]:
    """Checks by the name under which ``/health`` shows them."""
    wired: dict[str, Check] = {
        name: import_string(path) for name, path in settings.MONITORING_CHECKS.items()
    }
    return {
        "database": database,
        **wired,
        "memory_usage": memory_usage,
        "cpu_usage": cpu_usage,
        "response_time": response_time,
    }


async def _timed(name: str, check: Check) -> CheckReport:
    started = time.perf_counter()
    try:
        async with asyncio.timeout(settings.MONITORING_TIMEOUT_S):
            report = await check()
    except TimeoutError:
        report = CheckReport("unhealthy", f"gave no answer in {settings.MONITORING_TIMEOUT_S:g} s")
    except Exception as error:
        log.error("health_check_failed", check=name, error=type(error).__name__)
        report = CheckReport("unhealthy", f"failed with {type(error).__name__}")
    elapsed_ms = round((time.perf_counter() - started) * 1000, 2)
    return CheckReport(report.status, report.detail, report.value, elapsed_ms)


# --- the database, in a thread of its own so that one that hangs takes nothing with it ----------


class DatabaseProbe:
    """Asks the database one thing at a time; a question that hangs is not asked twice."""

    def __init__(self, ask: Callable[[], None]) -> None:
        self._ask = ask
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="health")
        self._asked: Future[None] | None = None

    async def answer(self) -> None:
        """Returns once the database has answered. Raises what it raised."""
        if self._asked is None or self._asked.done():
            self._asked = self._executor.submit(self._ask)
        await asyncio.shield(asyncio.wrap_future(self._asked))


def _ask_database() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchone()
    finally:
        connection.close()


_probe = DatabaseProbe(_ask_database)


async def database() -> CheckReport:
    """Whether the database answers a question."""
    await _probe.answer()
    return CheckReport("healthy", "answers")


# --- this process -------------------------------------------------------------------------------


async def memory_usage() -> CheckReport:
    """Memory of the machine in use, in percent."""
    percent = psutil.virtual_memory().percent
    return _limited(percent, settings.MEMORY_LIMIT_PERCENT, "percent of memory in use")


async def cpu_usage() -> CheckReport:
    """Processor time of the machine since the last question, in percent."""
    percent = psutil.cpu_percent(interval=None)
    return _limited(percent, settings.CPU_LIMIT_PERCENT, "percent of processor time in use")


async def response_time() -> CheckReport:
    """Median of the last consultations in ms, or how long the event loop lets one wait."""
    median = recent_consultations.median_ms()
    if median is None:
        started = time.perf_counter()
        await asyncio.sleep(0)
        median = (time.perf_counter() - started) * 1000
    return _limited(round(median, 2), settings.RESPONSE_LIMIT_MS, "ms for a consultation")


def _limited(value: float, limit: float, what: str) -> CheckReport:
    if value >= limit:
        return CheckReport("degraded", f"{value:g} {what}, limit {limit:g}", value)
    return CheckReport("healthy", f"{value:g} {what}", value)
