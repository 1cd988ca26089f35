"""A dictionary whose changes are taken over or undone as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Overlay(Generic[K, V]):
    """What a transaction would leave, above what is committed (V5)."""

    __slots__ = ("_changes", "committed")

    def __init__(self) -> None:
        self.committed: dict[K, V] = {}
        self._changes: dict[K, V | None] = {}

    def get(self, key: K) -> V | None:
        """The value as the transaction sees it."""
        if key in self._changes:
            return self._changes[key]
        return self.committed.get(key)

    def __setitem__(self, key: K, value: V) -> None:
        self._changes[key] = value

    def remove(self, key: K) -> None:
        """Take a key away; nothing happens when it is not there."""
        self._changes[key] = None

    def commit(self) -> Iterator[K]:
        """Take the changes over.

        Returns:
            The keys that were set, each once.
        """
        changes, self._changes = self._changes, {}
        committed = self.committed
        for key, value in changes.items():
            if value is None:
                committed.pop(key, None)
            else:
                committed[key] = value
        return iter(changes)

    def undo(self) -> None:
        """Forget the changes."""
        self._changes.clear()
