"""Publish and subscribe: concurrent, and a subscriber that fails harms nobody."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
import structlog

from diagnosis.events import DiagnosisEvent, DiagnosisEvents

EVENT = DiagnosisEvent("diagnosis_complete", datetime(2026, 1, 1, tzinfo=UTC), UUID(int=7))


@pytest.fixture
def events() -> DiagnosisEvents:
    return DiagnosisEvents()


async def test_every_subscriber_of_the_kind_is_told(events: DiagnosisEvents) -> None:
    told: list[str] = []

    async def waits(event: DiagnosisEvent) -> None:
        await asyncio.sleep(0)
        told.append("waits")

    events.subscribe("diagnosis_complete", lambda event: told.append("plain"))
    events.subscribe("diagnosis_complete", waits)
    events.subscribe("outcome_recorded", lambda event: told.append("another kind"))
    events.publish(EVENT)
    await events.drained()

    assert told == ["plain", "waits"]


async def test_subscribers_run_at_the_same_time(events: DiagnosisEvents) -> None:
    met = asyncio.Barrier(3)

    async def meets(event: DiagnosisEvent) -> None:
        await met.wait()

    for _ in range(3):
        events.subscribe("diagnosis_complete", meets)
    events.publish(EVENT)
    async with asyncio.timeout(5):
        await events.drained()


async def test_publishing_does_not_wait_for_subscribers(events: DiagnosisEvents) -> None:
    go_on = asyncio.Event()
    done: list[int] = []

    async def slow(event: DiagnosisEvent) -> None:
        await go_on.wait()
        done.append(1)

    events.subscribe("diagnosis_complete", slow)
    events.publish(EVENT)
    assert done == []
    go_on.set()
    await events.drained()
    assert done == [1]


async def test_one_that_fails_harms_nobody_and_is_named_without_its_words(
    events: DiagnosisEvents,
) -> None:
    told: list[DiagnosisEvent] = []

    def fails(event: DiagnosisEvent) -> None:
        raise ValueError("zanzibar")

    async def fails_later(event: DiagnosisEvent) -> None:
        raise KeyError("zanzibar")

    events.subscribe("diagnosis_complete", fails)
    events.subscribe("diagnosis_complete", fails_later)
    events.subscribe("diagnosis_complete", told.append)
    with structlog.testing.capture_logs() as logs:
        events.publish(EVENT)
        await events.drained()

    assert told == [EVENT]
    assert {entry["error"] for entry in logs} == {"ValueError", "KeyError"}
    assert all("fails" in entry["subscriber"] for entry in logs)
    assert "zanzibar" not in str(logs)


async def test_who_unsubscribes_is_told_nothing_more(events: DiagnosisEvents) -> None:
    told: list[Any] = []
    end = events.subscribe("diagnosis_complete", told.append)
    assert events.wanted("diagnosis_complete")
    end()
    end()
    events.publish(EVENT)

    assert told == []
    assert not events.wanted("diagnosis_complete")


def test_outside_an_event_loop_coroutines_are_run_to_their_end(events: DiagnosisEvents) -> None:
    told: list[str] = []

    async def waits(event: DiagnosisEvent) -> None:
        await asyncio.sleep(0)
        told.append("waits")

    events.subscribe("diagnosis_complete", waits)
    events.publish(EVENT)

    assert told == ["waits"]


def test_nobody_is_told_where_nobody_asked(events: DiagnosisEvents) -> None:
    events.publish(EVENT)

    assert not events.wanted("diagnosis_complete")
