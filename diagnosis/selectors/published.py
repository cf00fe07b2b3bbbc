"""What is published: the same knowledge that the agents use, for people and programs to read."""

import hashlib
import secrets
import threading
from collections import defaultdict
from datetime import date

import msgspec
from cachetools import LRUCache
from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

from agents.knowledge.base import KnowledgeBase
from agents.knowledge.search import FindingMatch
from diagnosis.models import GuidelineVersion
from diagnosis.selectors.releases import current_knowledge
from diagnosis.values import (
    GuidelineHistory,
    PublishedCondition,
    PublishedFinding,
    PublishedGuideline,
    PublishedRedFlag,
)

_matches: LRUCache[bytes, list[FindingMatch]] = LRUCache(maxsize=1000)
_matches_lock = threading.Lock()
# what clinicians type never becomes a key: a keyed digest of it does, under a key of this process
_digest_key = secrets.token_bytes(32)


def conditions() -> tuple[PublishedCondition, ...]:
    """All conditions in use, by id."""
    text = current_knowledge().text
    return tuple(
        PublishedCondition(key, text.systems[key], entry)
        for key, entry in sorted(text.conditions.items())
    )


def findings() -> tuple[PublishedFinding, ...]:
    """All findings in use, by id."""
    text = current_knowledge().text
    return tuple(PublishedFinding(key, entry) for key, entry in sorted(text.findings.items()))


def red_flags() -> tuple[PublishedRedFlag, ...]:
    """All emergency rules in use, by id."""
    text = current_knowledge().text
    return tuple(PublishedRedFlag(key, entry) for key, entry in sorted(text.red_flags.items()))


def findings_matching(query: str, limit: int = 20) -> list[FindingMatch]:
    """Findings for autocomplete, best first: by prefix, synonym and with typos."""
    knowledge = current_knowledge()
    key = _digest(knowledge, query, limit)
    with _matches_lock:
        found = _matches.get(key)
    if found is None:
        found = knowledge.find_findings(query, limit)
        with _matches_lock:
            _matches[key] = found
    return found


def _digest(knowledge: KnowledgeBase, query: str, limit: int) -> bytes:
    said = f"{knowledge.hash} {limit} {query}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(said, key=_digest_key, digest_size=16).digest()


def guidelines() -> tuple[PublishedGuideline, ...]:
    """All guidelines in use with the history of their versions, by id.

    Kept for 300 s under the hash of the knowledge, so that a new release is seen at once.
    """
    knowledge = current_knowledge()
    today = timezone.localdate()
    key = f"guidelines:{knowledge.hash}:{today.isoformat()}"
    kept = cache.get(key)
    if kept is None:
        kept = msgspec.json.encode(_guidelines(knowledge, today))
        cache.set(key, kept, settings.GUIDELINE_CACHE_S)
    return msgspec.json.decode(kept, type=tuple[PublishedGuideline, ...])


def _guidelines(knowledge: KnowledgeBase, today: date) -> tuple[PublishedGuideline, ...]:
    histories = _histories()
    return tuple(
        PublishedGuideline(
            id=key,
            entry=entry,
            overdue=entry.review_due < today.isoformat(),
            history=tuple(histories[key]),
        )
        for key, entry in sorted(knowledge.text.guidelines.items())
    )


def _histories() -> dict[str, list[GuidelineHistory]]:
    histories: dict[str, list[GuidelineHistory]] = defaultdict(list)
    for row in GuidelineVersion.objects.exclude(state=GuidelineVersion.DRAFT).order_by(
        "-published"
    ):
        histories[row.guideline_id].append(
            GuidelineHistory(
                version=row.version,
                state="published" if row.state == GuidelineVersion.PUBLISHED else "retired",
                published=row.published.isoformat(),
                review_due=row.review_due.isoformat(),
            )
        )
    return histories
