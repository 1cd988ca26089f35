"""What a relay of this process has published, counted for a scrape."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Final

from healthpay_core import StoreFault, StreamCorrupted

BUCKETS_S: Final = (
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
)
"""The upper bounds of the buckets of every duration, in seconds."""


class Publications:
    """Counts what is published; a relay calls `published`, in its own thread."""

    def __init__(self) -> None:
        self._lag: Callable[[], float] | None = None
        self._lock = Lock()
        self._counts = [0] * (len(BUCKETS_S) + 1)
        self._total_s = 0.0
        self.lag_s: float | None = None

    def follow(self, lag: Callable[[], float]) -> None:
        """From now on, show this lag at every scrape.

        Args:
            lag: Answers the age of the oldest event that is not published, in
                seconds; may block, and raise what a store raises.
        """
        self._lag = lag

    def published(self, durations_s: Sequence[float]) -> None:
        """Count events that were acknowledged.

        Args:
            durations_s: For each, from its recording to the acknowledgement.
        """
        with self._lock:
            for duration_s in durations_s:
                self._counts[bisect_left(BUCKETS_S, duration_s)] += 1
                self._total_s += duration_s

    def durations(self) -> tuple[list[int], float]:
        """The number of events in each bucket, and the sum of their durations."""
        with self._lock:
            return list(self._counts), self._total_s

    def look(self) -> None:
        """Bring `lag_s` up to date; None while the store cannot be read."""
        try:
            self.lag_s = None if self._lag is None else self._lag()
        except (StoreFault, StreamCorrupted):
            self.lag_s = None
