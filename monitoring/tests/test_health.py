"""Health: what each check sees, and that one that hangs or fails takes nothing with it."""

import asyncio
import threading
from typing import Any

import pytest
from django.test import AsyncClient
from hypothesis import given
from hypothesis import strategies as st

from agents.breaker import Breaker
from diagnosis.services import engine
from monitoring import health as module
from monitoring.durations import RecentDurations, recent_consultations
from monitoring.health import CheckReport, DatabaseProbe, health, worst

CHECKS = {"database", "ai_models", "memory_usage", "cpu_usage", "response_time"}


@pytest.fixture(autouse=True)
def quiet_machine(settings: Any) -> Any:
    """A busy machine does not decide these tests."""
    settings.MEMORY_LIMIT_PERCENT = settings.CPU_LIMIT_PERCENT = 101
    recent_consultations.forget()
    yield
    recent_consultations.forget()


@pytest.mark.services
@pytest.mark.usefixtures("tiny_knowledge")
class TestPage:
    async def test_all_is_well(self, async_client: AsyncClient) -> None:
        response = await async_client.get("/health")
        page = response.json()

        assert response.status_code == 200
        assert page["status"] == "healthy"
        assert set(page["checks"]) == CHECKS
        assert {check["status"] for check in page["checks"].values()} == {"healthy"}
        assert all(check["duration_ms"] >= 0 for check in page["checks"].values())

    async def test_without_a_database_it_is_unhealthy(
        self, async_client: AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def down() -> None:
            raise ConnectionError("password=topsecret")

        monkeypatch.setattr(module, "_probe", DatabaseProbe(down))
        response = await async_client.get("/health")

        assert response.status_code == 503
        assert response.json()["checks"]["database"]["status"] == "unhealthy"
        assert response.json()["checks"]["memory_usage"]["status"] == "healthy"
        assert "topsecret" not in response.content.decode()
        assert (await async_client.get("/health/ready")).status_code == 503
        assert (await async_client.get("/health/live")).status_code == 200

    async def test_an_open_breaker_degrades_and_still_serves(
        self, async_client: AsyncClient
    ) -> None:
        breaker: Breaker = next(iter(engine.coordinator()._breakers.values()))
        for _ in range(10):
            breaker.failed()
        response = await async_client.get("/health")

        assert response.status_code == 200
        assert response.json()["status"] == "degraded"
        assert "breaker not closed" in response.json()["checks"]["ai_models"]["detail"]

    async def test_readiness_asks_only_what_serving_needs(
        self, async_client: AsyncClient, settings: Any
    ) -> None:
        settings.MEMORY_LIMIT_PERCENT = 0
        response = await async_client.get("/health/ready")

        assert response.status_code == 200
        assert set(response.json()["checks"]) == {"database", "ai_models"}


async def hangs() -> CheckReport:
    await asyncio.Event().wait()
    raise AssertionError


async def fails() -> CheckReport:
    raise ValueError("zanzibar")


async def is_well() -> CheckReport:
    return CheckReport("healthy", "well")


async def test_a_check_that_hangs_or_fails_harms_no_other(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.MONITORING_TIMEOUT_S = 0.05
    checks = {"hangs": hangs, "fails": fails, "well": is_well}
    monkeypatch.setattr(module, "all_checks", lambda: checks)
    report = await health()

    assert {name: check.status for name, check in report.checks.items()} == {
        "hangs": "unhealthy",
        "fails": "unhealthy",
        "well": "healthy",
    }
    assert report.checks["hangs"].detail == "gave no answer in 0.05 s"
    assert "zanzibar" not in report.checks["fails"].detail


async def test_a_database_that_hangs_is_asked_only_once() -> None:
    asked: list[int] = []
    go_on = threading.Event()

    def ask() -> None:
        asked.append(1)
        go_on.wait(10)

    probe = DatabaseProbe(ask)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await probe.answer()
    assert asked == [1]
    go_on.set()
    await probe.answer()
    await probe.answer()
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("check", "limit"),
    [
        ("memory_usage", "MEMORY_LIMIT_PERCENT"),
        ("cpu_usage", "CPU_LIMIT_PERCENT"),
        ("response_time", "RESPONSE_LIMIT_MS"),
    ],
)
async def test_a_limit_that_is_reached_degrades(check: str, limit: str, settings: Any) -> None:
    setattr(settings, limit, 10_000)
    assert (await getattr(module, check)()).status == "healthy"
    setattr(settings, limit, 0)
    report = await getattr(module, check)()
    assert report.status == "degraded"
    assert report.value is not None


async def test_the_response_time_is_the_median_of_consultations(settings: Any) -> None:
    settings.RESPONSE_LIMIT_MS = 100
    for duration_ms in (1.0, 2.0, 900.0):
        recent_consultations.add(duration_ms)
    assert (await module.response_time()).value == 2.0
    for _ in range(10):
        recent_consultations.add(500.0)
    assert (await module.response_time()).status == "degraded"


@given(st.lists(st.floats(min_value=0, max_value=1e6), min_size=1, max_size=50))
def test_the_median_is_of_the_last_ones(durations: list[float]) -> None:
    recent = RecentDurations(size=5)
    for duration in durations:
        recent.add(duration)

    median = recent.median_ms()
    assert median is not None
    assert min(durations[-5:]) <= median <= max(durations[-5:])


@given(st.lists(st.sampled_from(["healthy", "degraded", "unhealthy"])))
def test_the_worst_decides(statuses: list[Any]) -> None:
    expected = next((s for s in ("unhealthy", "degraded") if s in statuses), "healthy")
    assert worst(statuses) == expected
