"""Two processes and a Redis between them; without one, each works by its rows."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from channels.layers import channel_layers, get_channel_layer

from diagnosis import live, selectors
from diagnosis.identifiers import uuid7
from diagnosis.live import LiveFeed
from diagnosis.selectors import releases
from diagnosis.values import SessionMoment

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]


def moments(count: int) -> list[SessionMoment]:
    session_id, now = uuid7(), datetime.now(UTC)
    return [
        SessionMoment(session_id, seq, "agent_started", now, float(seq), "condition_matcher")
        for seq in range(1, count + 1)
    ]


@pytest.fixture
async def feeds(settings: Any) -> AsyncIterator[tuple[LiveFeed, LiveFeed]]:
    """Two processes' feeds on the channel layer of the settings: Redis, or the in-process one."""
    settings.REDIS_URL = settings.REDIS_URL or "the in-process layer stands in for it"
    channel_layers.backends.clear()
    one, other = LiveFeed(), LiveFeed()
    one.follow_others()
    other.follow_others()
    await subscribed(one, other)
    yield one, other
    await one.stop()
    await other.stop()
    layer = get_channel_layer()
    await layer.flush()


async def subscribed(*feeds: LiveFeed) -> None:
    """Waits until a message from anybody reaches every feed."""
    probe = moments(1)
    async with asyncio.timeout(10):
        for feed in feeds:
            with feed.listening(probe[0].session_id) as listener:
                while listener.queue.empty():
                    await live.send({"origin": "a third", "moments": msgspec.json.encode(probe)})
                    await asyncio.sleep(0.02)


async def test_what_one_tells_the_other_hears_in_order(feeds: tuple[LiveFeed, LiveFeed]) -> None:
    one, other = feeds
    told = moments(30)
    with other.listening(told[0].session_id) as listener:
        one.tell(told[:10])
        one.tell(told[10:])
        async with asyncio.timeout(10):
            heard = [await listener.queue.get() for _ in told]

    assert heard == told


async def test_nobody_hears_their_own_words_twice(feeds: tuple[LiveFeed, LiveFeed]) -> None:
    one, other = feeds
    told = moments(3)
    with one.listening(told[0].session_id) as mine, other.listening(told[0].session_id) as theirs:
        one.tell(told)
        async with asyncio.timeout(10):
            for _ in told:
                await theirs.queue.get()

        assert mine.queue.qsize() == 3


async def test_a_publication_is_told_to_every_process(feeds: tuple[LiveFeed, LiveFeed]) -> None:
    releases._in_use._asked_at = float("inf")
    await asyncio.to_thread(live.tell_knowledge_published)
    releases._in_use._asked_at = float("inf")
    # the process itself forgot at once; the message has to arrive as well
    async with asyncio.timeout(10):
        while releases._in_use._asked_at == float("inf"):
            await live.send({"knowledge": True})
            await asyncio.sleep(0.01)


async def test_a_listener_of_one_session_hears_no_other(feeds: tuple[LiveFeed, LiveFeed]) -> None:
    one, _ = feeds
    mine, others = moments(1), moments(2)
    with one.listening(mine[0].session_id) as listener:
        one.tell(others)
        one.tell(mine)

        assert [listener.queue.get_nowait()] == mine
        assert listener.queue.empty()
    assert not one._listeners


async def test_a_layer_that_is_down_harms_nobody(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    class Down:
        async def group_send(self, *args: object) -> None:
            raise ConnectionError("refused")

    monkeypatch.setattr(live, "get_channel_layer", Down)
    feed = LiveFeed()
    told = moments(2)
    with feed.listening(told[0].session_id) as listener:
        feed.tell(told)
        assert [listener.queue.get_nowait() for _ in told] == told
    await feed.stop()


async def test_a_subscription_that_breaks_is_taken_up_again(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    tries = asyncio.Queue[int]()

    class Broken:
        async def new_channel(self) -> str:
            tries.put_nowait(1)
            raise ConnectionError("refused")

    monkeypatch.setattr(live, "get_channel_layer", Broken)
    monkeypatch.setattr(live, "RESTART_S", 0.01)
    feed = LiveFeed()
    feed.follow_others()
    async with asyncio.timeout(10):
        for _ in range(3):
            await tries.get()
    await feed.stop()


async def test_on_one_machine_nothing_is_sent(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REDIS_URL = ""
    monkeypatch.setattr(live, "get_channel_layer", lambda: pytest.fail("there is no need"))
    feed = LiveFeed()
    feed.follow_others()
    feed.tell(moments(2))
    await asyncio.to_thread(live.tell_knowledge_published)
    await feed.stop()

    assert selectors is not None
