"""Stores that misbehave on purpose."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from healthpay_core.envelope import RecordedEvent
from healthpay_core.events import Event
from healthpay_core.ids import StreamId
from healthpay_core.memory import InMemoryEventStore
from healthpay_core.outcome import OutcomeRecord
from healthpay_core.ports import (
    Append,
    AppendResult,
    AppendUnavailable,
    AppendUnknown,
    EventStore,
    VersionConflict,
)

Step: TypeAlias = Callable[[EventStore, Append], AppendResult]
"""What happens instead of one append; the store is the one behind."""


class ScriptedStore:
    """Passes everything on to a store, except what the script says.

    Attributes:
        behind: The store that does the work.
        script: One step for each of the next appends; empty, appends pass.
        reads_raise: Raised by every read while it is set.
        outcomes_raise: Raised by every look-up of outcomes while it is set.
        somebody_else: Added to the epoch; raise it when another handler writes.
        appends: Every append that was asked for.
    """

    def __init__(self, behind: EventStore | None = None) -> None:
        self.behind: EventStore = InMemoryEventStore() if behind is None else behind
        self.script: deque[Step] = deque()
        self.reads_raise: Exception | None = None
        self.outcomes_raise: Exception | None = None
        self.somebody_else: int = 0
        self.appends: list[Append] = []

    def append(self, append: Append) -> AppendResult:
        self.appends.append(append)
        if self.script:
            return self.script.popleft()(self.behind, append)
        return self.behind.append(append)

    def read(
        self, stream: StreamId, after: int = 0, limit: int | None = None
    ) -> Sequence[RecordedEvent]:
        self._may_raise()
        return self.behind.read(stream, after, limit)

    def facts(
        self, stream: StreamId, after: int = 0, limit: int | None = None
    ) -> Sequence[tuple[int, Event]]:
        self._may_raise()
        return self.behind.facts(stream, after, limit)

    def versions(self, streams: Sequence[StreamId]) -> Mapping[StreamId, int]:
        self._may_raise()
        return self.behind.versions(streams)

    def outcomes(self, command_ids: Sequence[str]) -> Mapping[str, OutcomeRecord]:
        self._may_raise()
        if self.outcomes_raise is not None:
            raise self.outcomes_raise
        return self.behind.outcomes(command_ids)

    def epoch(self) -> int:
        return self.behind.epoch() + self.somebody_else

    def feed(self, after: int = 0, limit: int = 1000) -> Sequence[RecordedEvent]:
        self._may_raise()
        return self.behind.feed(after, limit)

    def _may_raise(self) -> None:
        if self.reads_raise is not None:
            raise self.reads_raise


def conflict(behind: EventStore, append: Append) -> AppendResult:
    """Somebody else was faster on every stream; nothing is stored."""
    return VersionConflict(actual=behind.versions(tuple(append.expected)))


def unavailable(behind: EventStore, append: Append) -> AppendResult:
    """The store takes nothing now; nothing is stored."""
    del behind, append
    return AppendUnavailable(reason="scripted")


def lose_the_answer(behind: EventStore, append: Append) -> AppendResult:
    """All is stored, but the store cannot say so."""
    behind.append(append)
    return AppendUnknown(reason="scripted")


def lose_the_append(behind: EventStore, append: Append) -> AppendResult:
    """Nothing is stored, and the store cannot say so."""
    del behind, append
    return AppendUnknown(reason="scripted")


def store_and_raise(behind: EventStore, append: Append) -> AppendResult:
    """All is stored, then the store raises."""
    behind.append(append)
    raise OSError("scripted")


def meanwhile(happens: Callable[[], object]) -> Step:
    """Something happens right before the append goes through."""

    def step(behind: EventStore, append: Append) -> AppendResult:
        happens()
        return behind.append(append)

    return step
