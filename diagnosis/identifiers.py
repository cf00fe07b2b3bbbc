"""UUIDv7 (RFC 9562): identifiers that sort by the time they were made."""

import hashlib
import os
import time
from collections import deque
from datetime import UTC, datetime
from uuid import UUID

_VERSION = 0x7 << 76
_VARIANT = 0x2 << 62
_BYTES = 10
_DRAWN = 256
_random: deque[bytes] = deque()
"""Random bytes that nobody has been given; drawn many at a time, for each draw asks the kernel."""
# a child that used its parent's would give out the same identifiers
os.register_at_fork(after_in_child=_random.clear)


def random_bytes() -> bytes:
    """Ten unpredictable bytes."""
    while True:
        try:
            # a deque's own calls are atomic, so that threads need no lock
            return _random.popleft()
        except IndexError:
            drawn = os.urandom(_BYTES * _DRAWN)
            _random.extend(drawn[at : at + _BYTES] for at in range(0, len(drawn), _BYTES))


def uuid7() -> UUID:
    """A new identifier: 48 bits of milliseconds since 1970, 74 random bits."""
    return uuid7_of(time.time_ns() // 1_000_000)


def uuid7_for(whole: UUID, number: int) -> UUID:
    """The identifier of a numbered part: always the same one, of the same millisecond."""
    drawn = hashlib.blake2b(whole.bytes + number.to_bytes(8, "big"), digest_size=_BYTES).digest()
    return uuid7_of(whole.int >> 80, drawn)


def uuid7_of(milliseconds: int, drawn: bytes | None = None) -> UUID:
    """An identifier as if made so many milliseconds after 1970."""
    random = int.from_bytes(drawn or random_bytes(), "big") >> 6
    high, low = random >> 62, random & ((1 << 62) - 1)
    return UUID(int=milliseconds << 80 | _VERSION | high << 64 | _VARIANT | low)


def made_at(identifier: UUID) -> datetime:
    """When a UUIDv7 was made, to the millisecond, in UTC."""
    return datetime.fromtimestamp((identifier.int >> 80) / 1000, tz=UTC)


def first_at(moment: datetime, later_ms: int = 0) -> UUID:
    """What every UUIDv7 made from ``moment`` on is at or above, and every earlier one below.

    A bound to compare with, not an identifier: it has no version.
    """
    # before 1970 there are none
    return UUID(int=max(0, int(moment.timestamp() * 1000) + later_ms) << 80)
