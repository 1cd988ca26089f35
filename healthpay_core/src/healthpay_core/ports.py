"""The ports: what the core needs of the world, and what it offers to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from healthpay_core.domain import State
from healthpay_core.envelope import EventEnvelope, RecordedEvent
from healthpay_core.events import Event
from healthpay_core.ids import StreamId
from healthpay_core.outcome import CommandRequest, Outcome, OutcomeRecord


@dataclass(frozen=True, slots=True)
class AnyVersion:
    """Append whatever the version is."""


@dataclass(frozen=True, slots=True)
class StreamExists:
    """Append only to a stream that has events."""


ANY_VERSION: Final = AnyVersion()
STREAM_EXISTS: Final = StreamExists()
NO_STREAM: Final = 0
"""Append only to a stream that has no events."""

ExpectedVersion: TypeAlias = int | AnyVersion | StreamExists
"""A number is the exact version; 0 says that the stream must not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Append:
    """One atomic append: all of it is stored, or nothing.

    Attributes:
        expected: What each touched stream must be at (V1).
        events: In order; `sequence` continues the stream. For a stream that is
            appended with `ANY_VERSION` or `STREAM_EXISTS` the store numbers anew.
        outcomes: Stored in the same transaction (I7).

    Raises:
        ValueError: An event is for a stream that nothing is expected of.
    """

    expected: Mapping[StreamId, ExpectedVersion]
    events: Sequence[EventEnvelope]
    outcomes: Sequence[OutcomeRecord] = ()

    def __post_init__(self) -> None:
        unchecked = {event.stream for event in self.events} - self.expected.keys()
        if unchecked:
            raise ValueError(f"no version is expected of {sorted(unchecked)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """Stored, durably; `last_position` is the end of the feed then."""

    last_position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionConflict:
    """Nothing was stored: these streams are at other versions (V1)."""

    actual: Mapping[StreamId, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicateCommand:
    """Nothing was stored: these commands have been decided before (I8)."""

    command_ids: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendUnavailable:
    """Nothing was stored: the store takes nothing now."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendUnknown:
    """The store cannot say whether it stored; never "failed"."""

    reason: str


AppendResult: TypeAlias = (
    Appended | VersionConflict | DuplicateCommand | AppendUnavailable | AppendUnknown
)


class StoreFault(Exception):
    """A store cannot read now; says why."""


class NotStorable(Exception):
    """What an append holds cannot be stored; nothing of it was, and never will be.

    Raised by `EventStore.append` before anything is stored, so that one command does
    not spoil its batch: the handler then asks for each command alone.
    """


class EventStore(Protocol):
    """Where events live; `EventStoreContract` is its contract.

    Reads raise `StoreFault` when the store cannot be read, and
    `StreamCorrupted` when what it holds cannot be understood.
    """

    def read(
        self, stream: StreamId, after: int = 0, limit: int | None = None
    ) -> Sequence[RecordedEvent]:
        """Events with sequence > `after`, in order, at most `limit`."""
        ...

    def facts(
        self, stream: StreamId, after: int = 0, limit: int | None = None
    ) -> Sequence[tuple[int, Event]]:
        """As `read`, but only (sequence, event): all that a fold needs."""
        ...

    def versions(self, streams: Sequence[StreamId]) -> Mapping[StreamId, int]:
        """The number of events of each stream; 0 where there is none."""
        ...

    def append(self, append: Append) -> AppendResult:
        """Store all or nothing; once it answers `Appended`, it is durable.

        A store that cannot append to several streams together answers
        `AppendUnavailable` to an append that expects something of more than one.
        """
        ...

    def outcomes(self, command_ids: Sequence[str]) -> Mapping[str, OutcomeRecord]:
        """The stored outcomes of those commands that have one."""
        ...

    def epoch(self) -> int:
        """A number that changes when somebody else has appended to the store.

        States read under the same number are still current; own appends leave
        it alone, and a store with one writer always answers the same.
        """
        ...

    def feed(self, after: int = 0, limit: int = 1000) -> Sequence[RecordedEvent]:
        """Events of all streams with position > `after`, in order, gap-free."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A state at a version: a cache that may be lost at any time (A1)."""

    stream: StreamId
    version: int
    state: State


class SnapshotStore(Protocol):
    """Where snapshots live; `SnapshotStoreContract` is its contract."""

    def load_snapshot(self, stream: StreamId) -> Snapshot | None:
        """The newest one, or None; what cannot be understood is None too."""
        ...

    def save_snapshots(self, snapshots: Sequence[Snapshot]) -> None:
        """Keep them, now or with the next append; never raises."""
        ...


class Observer(Protocol):
    """Is told what happened, after it happened; `ObserverContract` is its contract.

    What it raises is swallowed, and what it should have noted is lost.
    """

    def batch_handled(
        self, requests: Sequence[CommandRequest], outcomes: Sequence[Outcome]
    ) -> None:
        """Called once per batch, in the thread that drove it."""
        ...

    def unexpected(self, error_id: str, error: BaseException) -> None:
        """Something raised that should not; the caller got only the id (E5)."""
        ...


class CommandPort(Protocol):
    """Takes commands: all that an edge such as HTTP talks to.

    Whether a request repeats an earlier one (I3, I4) is for
    `fingerprints.is_repetition` to say, also where no fingerprint was given.
    `CommandPortContract` is its contract, `CommandPortMachine` plays with it.
    """

    async def submit(self, request: CommandRequest) -> Outcome:
        """Decide and store; returns when the outcome is durable.

        A caller that is cancelled has not cancelled its command: ask again.
        """
        ...

    def execute(self, request: CommandRequest) -> Outcome:
        """The same for threads; must not be called on an event loop's thread."""
        ...
