"""The last durations of something, for a median that follows what users feel now."""

import statistics
import threading
from collections import deque


class RecentDurations:
    """The last ``size`` durations in ms. Thread-safe."""

    def __init__(self, size: int = 200) -> None:
        self._lock = threading.Lock()
        self._durations: deque[float] = deque(maxlen=size)

    def add(self, duration_ms: float) -> None:
        with self._lock:
            self._durations.append(duration_ms)

    def median_ms(self) -> float | None:
        """None where nothing has been timed yet."""
        with self._lock:
            durations = list(self._durations)
        return statistics.median(durations) if durations else None

    def forget(self) -> None:
        with self._lock:
            self._durations.clear()


recent_consultations = RecentDurations()
