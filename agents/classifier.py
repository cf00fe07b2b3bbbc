"""Symptom classifier: the text and the structured findings of a case to coded mentions."""

import asyncio
import hashlib

import msgspec
from cachetools import LRUCache

from agents.knowledge.base import KnowledgeBase
from agents.types import Case, Reading

CACHED_READINGS = 1000
LONG_NOTE_CHARACTERS = 600
"""Longer notes are read in a thread, so that the event loop never waits for one."""


class SymptomClassifier:
    """Readings are cached by a digest of the case; no patient text is a key."""

    def __init__(self, cached: int = CACHED_READINGS) -> None:
        self._readings: LRUCache[bytes, Reading] = LRUCache(cached)

    async def read(self, case: Case, knowledge: KnowledgeBase) -> Reading:
        key = hashlib.blake2b(
            msgspec.msgpack.encode(case), key=bytes.fromhex(knowledge.hash), digest_size=16
        ).digest()
        reading = self._readings.get(key)
        if reading is None:
            if sum(len(text) for _, text in case.note.sections()) > LONG_NOTE_CHARACTERS:
                reading = await asyncio.to_thread(knowledge.reader.read, case)
            else:
                reading = knowledge.reader.read(case)
            self._readings[key] = reading
        return reading
