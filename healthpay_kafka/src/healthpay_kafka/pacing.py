"""How many partitions of a process are in a transaction at the same time."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_LONGEST_WAIT_S: Final = 0.02


class Pace:
    """Lets workers into their transactions by turns, and nobody wait for long.

    More of them at once than there are cores only take time from each other. One that
    waits for its turn has more to commit when it comes: what has arrived meanwhile. A
    transaction that hangs, because a broker is gone, holds nobody up: who has waited
    20 ms goes on without a turn.

    Args:
        at_once: How many have a turn, at least 1; as many as there are cores, and
            two at least, if not said.
    """

    def __init__(self, at_once: int | None = None) -> None:
        if at_once is not None and at_once < 1:
            raise ValueError("at_once must be at least 1")
        self._turns = threading.Semaphore(at_once or max(2, os.cpu_count() or 2))

    @contextmanager
    def turn(self) -> Iterator[bool]:
        """A turn, or none after a while; whether it is one."""
        is_mine = self._turns.acquire(timeout=_LONGEST_WAIT_S)
        try:
            yield is_mine
        finally:
            if is_mine:
                self._turns.release()
