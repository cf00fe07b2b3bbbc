"""The knowledge in use: one compiled KnowledgeBase a process, changed without a restart.

The number of the newest publication is asked for at most once a second (one indexed row);
where Redis is present, the process is also told at once (``diagnosis.live``). Where no database
answers, what is in memory goes on being used, and at first the shipped knowledge: emergency
detection never waits for a database.
"""

import asyncio
import threading
import time
import zlib
from collections.abc import Callable
from functools import cache
from weakref import WeakKeyDictionary

import msgspec
import structlog
from django.db import DatabaseError

from agents.knowledge.base import KnowledgeBase, compile_knowledge
from agents.knowledge.loader import read_shipped
from agents.knowledge.schema import KnowledgeText
from diagnosis.errors import NotFound
from diagnosis.models import KnowledgePublication, KnowledgeRelease
from diagnosis.selectors.forms import keep_form, kept_form
from diagnosis.threads import in_database

log = structlog.get_logger(__name__)

CONFIRM_S = 0.3
_asking: "WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Task[KnowledgeBase]]" = (
    WeakKeyDictionary()
)

SHIPPED_ONLY = 0
"""The publication number of 'nothing has been published'."""


class KnowledgeInUse:
    """Compiled knowledge with the number of the publication it came from. Thread-safe."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, ask_every_s: float = 1.0
    ) -> None:
        self._clock = clock
        self._ask_every_s = ask_every_s
        self._lock = threading.Lock()
        self._base: KnowledgeBase | None = None
        self._publication = -1
        self._asked_at = float("-inf")

    def fresh(self) -> KnowledgeBase | None:
        """What is in memory if it was confirmed within the last second; never waits."""
        if self._clock() - self._asked_at < self._ask_every_s:
            return self._base
        return None

    @property
    def in_memory(self) -> KnowledgeBase | None:
        """What was last confirmed, however long ago; never waits."""
        return self._base

    def current(self) -> KnowledgeBase:
        """The knowledge in use; asks the database where it is time to, and compiles."""
        base = self.fresh()
        if base is not None:
            return base
        with self._lock:
            base = self.fresh()
            return base if base is not None else self._asked()

    def forget(self) -> None:
        """The next call asks the database again."""
        self._asked_at = float("-inf")

    def _asked(self) -> KnowledgeBase:
        try:
            self._follow(_newest_publication())
        except DatabaseError as error:
            log.warning("knowledge_not_confirmed", error=type(error).__name__)
        if self._base is None:
            self._base = _shipped()
        self._asked_at = self._clock()
        return self._base

    def _follow(self, publication: int) -> None:
        if publication == self._publication:
            return
        self._base = base = self._of(publication)
        self._publication = publication
        log.info("knowledge_in_use", publication=publication, release=base.hash[:12])

    def _of(self, publication: int) -> KnowledgeBase:
        if publication == SHIPPED_ONLY:
            return _shipped()
        release = KnowledgeRelease.objects.defer("text").get(publications__id=publication)
        if self._base is not None and self._base.hash == release.hash:
            return self._base
        return ready(decoded(bytes(release.text)))


def _newest_publication() -> int:
    newest = KnowledgePublication.objects.order_by("-id").values_list("id", flat=True).first()
    return SHIPPED_ONLY if newest is None else newest


def ready(text: KnowledgeText) -> KnowledgeBase:
    """Compiled, and with the parts that it would otherwise build for the first who asks."""
    base = compile_knowledge(text, kept_form)
    _ = base.reader, base.raw_flags, base.search
    keep_form(base)
    return base


@cache
def _shipped() -> KnowledgeBase:
    return ready(canonical(read_shipped()))


def canonical(text: KnowledgeText) -> KnowledgeText:
    """The same text with every table sorted, so that equal content gives equal bytes."""
    return msgspec.json.decode(_sorted_json(text), type=KnowledgeText)


def encoded(text: KnowledgeText) -> bytes:
    """Canonical JSON, compressed, as a release holds it."""
    return zlib.compress(_sorted_json(text), 6)


def _sorted_json(text: KnowledgeText) -> bytes:
    return msgspec.json.encode(text, order="deterministic")


def decoded(compressed: bytes) -> KnowledgeText:
    return msgspec.json.decode(zlib.decompress(compressed), type=KnowledgeText)


_in_use = KnowledgeInUse()


def current_knowledge() -> KnowledgeBase:
    """The knowledge in use. May query and compile: on an event loop use the async twin."""
    return _in_use.current()


async def current_knowledge_async() -> KnowledgeBase:
    """The knowledge in use, without blocking the loop.

    Where the database does not answer within ``CONFIRM_S``, it is what is in memory.
    """
    base = _in_use.fresh()
    if base is not None:
        return base
    known = _in_use.in_memory
    if known is None:
        return await in_database(_in_use.current)
    confirming = _confirming()
    await asyncio.wait({confirming}, timeout=CONFIRM_S)
    if not confirming.done() or isinstance(confirming.exception(), DatabaseError):
        return known
    return confirming.result()


def _confirming() -> "asyncio.Task[KnowledgeBase]":
    """One question at a time: many would wait for the same answer in all database threads."""
    loop = asyncio.get_running_loop()
    asking = _asking.get(loop)
    if asking is None or asking.done():
        asking = _asking[loop] = loop.create_task(in_database(_in_use.current))
    return asking


def forget_knowledge() -> None:
    """Has the next reader ask the database: something was published."""
    _in_use.forget()


def release_text(content_hash: str) -> KnowledgeText:
    """The text of a stored release. Raises NotFound."""
    release = KnowledgeRelease.objects.filter(hash=content_hash).first()
    if release is None:
        raise NotFound("No such knowledge release.")
    return decoded(bytes(release.text))
