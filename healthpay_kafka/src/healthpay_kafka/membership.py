"""The group's view of this process, asked for by the thread that owns the consumer.

Asking for it in another thread blocks for as long as the consumer is being polled.
"""

from __future__ import annotations

import threading
import time
from typing import Final

_EVERY_S: Final = 1.0
_ANSWER_S: Final = 2.0


class Membership:
    """What transactions say of the group: generation, member, instance."""

    def __init__(self) -> None:
        self._metadata: object = None
        self._told = threading.Condition()
        self._due = 0.0

    def tell(self, metadata: object) -> None:
        """The consumer's thread has asked."""
        with self._told:
            self._metadata = metadata
            self._due = time.monotonic() + _EVERY_S
            self._told.notify_all()

    def is_due(self) -> bool:
        """Whether the consumer's thread is to ask again."""
        return time.monotonic() >= self._due

    def current(self) -> object:
        """The last answer."""
        return self._metadata

    def ask_again(self) -> None:
        """Wait for a newer answer, if one comes soon."""
        with self._told:
            self._due = 0.0
            self._told.wait(_ANSWER_S)
