"""What a replay found, as the page says it."""

from msgspec import Struct

from diagnosis.serializers import words
from diagnosis.serializers.words import UrgencyWords, urgency_words
from diagnosis.values import RankChange, ReplayDiff, VersionChange


class RankLine(Struct, frozen=True):
    name: str
    then: str
    now: str


class VersionLine(Struct, frozen=True):
    what: str
    then: str
    now: str


class ReplayPage(Struct, frozen=True):
    identical: bool
    urgency_changed: bool
    urgency_then: UrgencyWords
    urgency_now: UrgencyWords
    ranks: tuple[RankLine, ...]
    gained: tuple[str, ...]
    lost: tuple[str, ...]
    versions: tuple[VersionLine, ...]


def replay_page(diff: ReplayDiff) -> ReplayPage:
    """The difference in words."""
    return ReplayPage(
        identical=diff.identical,
        urgency_changed=diff.urgency_then != diff.urgency_now,
        urgency_then=urgency_words(diff.urgency_then),
        urgency_now=urgency_words(diff.urgency_now),
        ranks=tuple(_rank_line(change) for change in diff.ranks),
        gained=tuple(words.plain(rule) for rule in diff.red_flags_gained),
        lost=tuple(words.plain(rule) for rule in diff.red_flags_lost),
        versions=tuple(_version_line(change) for change in diff.versions),
    )


def _rank_line(change: RankChange) -> RankLine:
    return RankLine(
        change.name,
        _place(change.rank_then, change.probability_then),
        _place(change.rank_now, change.probability_now),
    )


def _place(rank: int | None, probability: float | None) -> str:
    if rank is None or probability is None:
        return "not listed"
    return f"#{rank}, {words.percent(probability)}"


def _version_line(change: VersionChange) -> VersionLine:
    kind, _, name = change.what.partition(":")
    what = f"Guideline: {words.plain(name)}" if name else kind.capitalize()
    return VersionLine(what, _short(change.then), _short(change.now))


def _short(version: str | None) -> str:
    """Content hashes are cut to what a person can compare."""
    return (version or "not used")[:12]
