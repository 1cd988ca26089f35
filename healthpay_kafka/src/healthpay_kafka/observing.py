"""Who is told what a processor does: metrics, logs."""

from __future__ import annotations

from contextlib import suppress
from typing import Protocol

from healthpay_kafka.restoring import Restored


class ProcessorObserver(Protocol):
    """Is told what a processor does, in the thread of the partition."""

    def committed(self, partition: int, commands: int, took_s: float) -> None:
        """A batch was committed."""
        ...

    def restored(self, partition: int, restored: Restored) -> None:
        """A partition was taken over."""
        ...

    def lost(self, partition: int, reason: str) -> None:
        """A partition was given up because of a fault."""
        ...

    def undone(self, partition: int, reason: str) -> None:
        """A transaction was undone; it is tried again until it succeeds."""
        ...

    def unexpected(self, error_id: str, error: BaseException) -> None:
        """Deciding a command raised; the caller got the id (E5)."""
        ...


class SilentObserver:
    """An observer that says nothing."""

    def committed(self, partition: int, commands: int, took_s: float) -> None: ...

    def restored(self, partition: int, restored: Restored) -> None: ...

    def lost(self, partition: int, reason: str) -> None: ...

    def undone(self, partition: int, reason: str) -> None: ...

    def unexpected(self, error_id: str, error: BaseException) -> None: ...


class GuardedObserver:
    """Passes on what it is told; whoever listens may raise without harm."""

    def __init__(self, observer: ProcessorObserver) -> None:
        self._observer = observer

    def committed(self, partition: int, commands: int, took_s: float) -> None:
        with suppress(Exception):
            self._observer.committed(partition, commands, took_s)

    def restored(self, partition: int, restored: Restored) -> None:
        with suppress(Exception):
            self._observer.restored(partition, restored)

    def lost(self, partition: int, reason: str) -> None:
        with suppress(Exception):
            self._observer.lost(partition, reason)

    def undone(self, partition: int, reason: str) -> None:
        with suppress(Exception):
            self._observer.undone(partition, reason)

    def unexpected(self, error_id: str, error: BaseException) -> None:
        with suppress(Exception):
            self._observer.unexpected(error_id, error)
