"""What one measurement gives, and how it is summed up."""

from collections.abc import Sequence

from msgspec import Struct


class Figures(Struct, frozen=True):
    """``errors``: every answer but 200, every connection that broke, every time-out."""

    answered: int
    errors: int
    seconds: float
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    mean_ms: float = 0.0

    @property
    def rate(self) -> float:
        return self.answered / self.seconds if self.seconds else 0.0

    @property
    def error_share(self) -> float:
        return self.errors / max(1, self.answered + self.errors)


def summed_up(latencies_s: Sequence[float], errors: int, seconds: float) -> Figures:
    ordered = sorted(latencies_s)
    return Figures(
        answered=len(ordered),
        errors=errors,
        seconds=seconds,
        p50_ms=percentile(ordered, 0.5),
        p99_ms=percentile(ordered, 0.99),
        mean_ms=round(sum(ordered) / max(1, len(ordered)) * 1000, 3),
    )


def percentile(ordered_s: Sequence[float], share: float) -> float:
    """In ms; 0 where there is nothing."""
    if not ordered_s:
        return 0.0
    return round(ordered_s[min(len(ordered_s) - 1, int(share * len(ordered_s)))] * 1000, 3)
