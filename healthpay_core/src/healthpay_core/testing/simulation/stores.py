"""The stores of a simulation: shared by two handlers, and faulty on purpose."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from healthpay_core.envelope import EventEnvelope, RecordedEvent
from healthpay_core.events import Event
from healthpay_core.ids import StreamId
from healthpay_core.memory import InMemoryEventStore
from healthpay_core.outcome import OutcomeRecord
from healthpay_core.ports import (
    Append,
    Appended,
    AppendResult,
    AppendUnavailable,
    AppendUnknown,
    EventStore,
    Snapshot,
    StoreFault,
    VersionConflict,
)
from healthpay_core.testing.simulation.steps import Fault

# A copy of it is made in half the time of a new one.
_NOTHING_YET: Final = hashlib.sha256()


class Crash(BaseException):
    """The process is gone in the middle of an append."""


class Storage(Protocol):
    """Where a story's events are kept; every opened store shows the same."""

    def open(self) -> EventStore:
        """Another handle, as of another process."""
        ...

    def close(self, store: EventStore) -> None:
        """Let go of a handle."""
        ...

    def digest(self, prev_hash: bytes, envelope: EventEnvelope) -> bytes:
        """The link of the hash chain that the stores write (A2)."""
        ...


class MemoryStorage:
    """One store in memory, shared by any number of handles.

    Args:
        kind: The class of the store, `InMemoryEventStore` or one like it.
    """

    def __init__(self, kind: type[InMemoryEventStore] = InMemoryEventStore) -> None:
        self.behind: InMemoryEventStore = kind(digest=self.digest)
        self.appends: int = 0

    def open(self) -> EventStore:
        return _SharedHandle(self)

    def close(self, store: EventStore) -> None:
        del store

    def digest(self, prev_hash: bytes, envelope: EventEnvelope) -> bytes:
        text = f"{envelope.event_id}{envelope.stream}{envelope.sequence}"
        link = _NOTHING_YET.copy()
        link.update(prev_hash + text.encode())
        return link.digest()


class _SharedHandle:
    """A handle whose epoch counts what the other handles have appended."""

    def __init__(self, storage: MemoryStorage) -> None:
        behind = storage.behind
        self.read = behind.read
        self.facts = behind.facts
        self.versions = behind.versions
        self.outcomes = behind.outcomes
        self.feed = behind.feed
        self._storage = storage
        self._append = behind.append
        self._own = 0

    def append(self, append: Append) -> AppendResult:
        result = self._append(append)
        if isinstance(result, Appended):
            self._own += 1
            self._storage.appends += 1
        return result

    def epoch(self) -> int:
        return self._storage.appends - self._own


class FaultyStore:
    """Passes everything on, until a fault is armed; then it looks at each call.

    Attributes:
        fired: The faults that happened to the command under way.
        past: Those of the commands before it in the same step.
    """

    # Those of the store behind, or while a fault is armed this class's own.
    append: Callable[[Append], AppendResult]
    facts: Callable[..., Sequence[tuple[int, Event]]]
    versions: Callable[[Sequence[StreamId]], Mapping[StreamId, int]]
    outcomes: Callable[[Sequence[str]], Mapping[str, OutcomeRecord]]

    def __init__(self, behind: EventStore) -> None:
        self.behind = behind
        self.fired: list[str] = []
        self.past: list[str] = []
        self.read: Callable[..., Sequence[RecordedEvent]] = behind.read
        self.feed: Callable[..., Sequence[RecordedEvent]] = behind.feed
        self.epoch: Callable[[], int] = behind.epoch
        self._fault: str | None = None
        self._countdown = 0
        self._mute = False
        self._first: Callable[[], object] | None = None
        self._pass_on()

    def arm(self, fault: Fault, first: Callable[[], object] | None = None) -> None:
        """The next step goes wrong; `first` runs before its append."""
        self._fault, self._countdown = fault.name, fault.nth
        self._first = first
        self.append, self.facts = self._appended, self._facts
        self.versions, self.outcomes = self._versions, self._outcomes

    def disarm(self) -> list[str]:
        """All is well again; what went wrong."""
        fired, self.fired, self.past = self.past + self.fired, [], []
        self._fault, self._mute, self._first = None, False, None
        self._pass_on()
        return fired

    def end_of_command(self) -> None:
        """A command within a step is over: what went wrong was its own."""
        if self.fired:
            self.past += self.fired
            self.fired = []
            self._fault, self._mute = None, False

    def _pass_on(self) -> None:
        behind = self.behind
        self.append, self.facts = behind.append, behind.facts
        self.versions, self.outcomes = behind.versions, behind.outcomes

    def _appended(self, append: Append) -> AppendResult:
        if self._fault is None:
            return self.behind.append(append)
        self._countdown -= 1
        if self._countdown > 0:
            return self.behind.append(append)
        return self._misbehave(self._fault, append)

    def _facts(
        self, stream: StreamId, after: int = 0, limit: int | None = None
    ) -> Sequence[tuple[int, Event]]:
        if self._fault == "events unreadable":
            self.fired.append(self._fault)
            raise StoreFault(self._fault)
        return self.behind.facts(stream, after, limit)

    def _versions(self, streams: Sequence[StreamId]) -> Mapping[StreamId, int]:
        if self._fault == "versions unreadable":
            self.fired.append(self._fault)
            raise StoreFault(self._fault)
        return self.behind.versions(streams)

    def _outcomes(self, command_ids: Sequence[str]) -> Mapping[str, OutcomeRecord]:
        if self._fault == "outcomes unreadable" or self._mute:
            if self._fault is not None:
                self.fired.append(self._fault)
            raise StoreFault("outcomes unreadable")
        return self.behind.outcomes(command_ids)

    def _misbehave(self, fault: str, append: Append) -> AppendResult:
        self.fired.append(fault)
        if fault != "conflicts for ever":
            self._fault = None
        behind = self.behind
        match fault:
            case "unavailable":
                return AppendUnavailable(reason=fault)
            case "raises before":
                raise OSError(fault)
            case "lost, answer unknown":
                return AppendUnknown(reason=fault)
            case "stored, answer unknown":
                behind.append(append)
                return AppendUnknown(reason=fault)
            case "stored, raises after":
                behind.append(append)
                raise OSError(fault)
            case "lost, nobody can say":
                self._mute = True
                return AppendUnknown(reason=fault)
            case "stored, nobody can say":
                behind.append(append)
                self._mute = True
                return AppendUnknown(reason=fault)
            case "conflict" | "conflicts for ever":
                return VersionConflict(actual=behind.versions(tuple(append.expected)))
            case "crash before":
                raise Crash
            case "crash after":
                behind.append(append)
                raise Crash
            case "another first" | "the same first" if self._first is not None:
                self._first()
            case _:
                self.fired.pop()
        return behind.append(append)


class FaultySnapshots:
    """Snapshots in memory that can be lost, go stale, or raise."""

    def __init__(self) -> None:
        self.raising = False
        self.raised: int = 0
        self._newest: dict[StreamId, Snapshot] = {}
        self._first: dict[StreamId, Snapshot] = {}

    def load_snapshot(self, stream: StreamId) -> Snapshot | None:
        self._may_raise()
        return self._newest.get(stream)

    def save_snapshots(self, snapshots: Sequence[Snapshot]) -> None:
        self._may_raise()
        for snapshot in snapshots:
            self._newest[snapshot.stream] = snapshot
            self._first.setdefault(snapshot.stream, snapshot)

    def lose(self, *, stale: bool) -> None:
        """All of them; or the first ones come back."""
        self._newest = dict(self._first) if stale else {}

    def _may_raise(self) -> None:
        if self.raising:
            self.raised += 1
            raise OSError("snapshots raise")


def verified(
    digest: Callable[[bytes, EventEnvelope], bytes],
    recorded: RecordedEvent,
    prev_hash: bytes,
) -> bool:
    """Whether an event continues the hash chain of its stream (A2)."""
    if recorded.prev_hash != prev_hash:
        return False
    return recorded.hash == digest(prev_hash, recorded.envelope)
