"""States in memory: a bounded cache over snapshots and events."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Final, TypeAlias

from healthpay_core import domain
from healthpay_core.corruption import StreamCorrupted
from healthpay_core.domain import State
from healthpay_core.events import Event
from healthpay_core.ids import StreamId
from healthpay_core.ports import EventStore, Snapshot, SnapshotStore
from healthpay_core.wallet.fold import fold_movements
from healthpay_core.wallet.state import ActiveWallet, SuspendedWallet

Versioned: TypeAlias = tuple[State | None, int]
"""A state and the number of events it is the fold of."""

_PAGE: Final = 1_000
ABSENT: Final[Versioned] = (None, 0)


def load(
    store: EventStore,
    stream: StreamId,
    *,
    start: Versioned = ABSENT,
    until: int | None = None,
) -> Versioned:
    """Fold a stream from `start` on, up to the version `until`.

    Raises:
        StreamCorrupted: The history does not add up (C5), or has a gap (V1).
        StoreFault: The store cannot be read.
    """
    state, version = start
    while until is None or version < until:
        limit = _PAGE if until is None else min(_PAGE, until - version)
        page = store.facts(stream, version, limit)
        state, version = _folded(stream, (state, version), page)
        if len(page) < limit:
            break
    return state, version


def _folded(
    stream: StreamId, start: Versioned, page: Sequence[tuple[int, Event]]
) -> Versioned:
    state, version = start
    facts = iter(page)
    while True:
        fact: tuple[int, Event] | None
        if isinstance(state, (ActiveWallet, SuspendedWallet)):
            state, version, fact = fold_movements(state, version, facts)
        else:
            fact = next(facts, None)
        if fact is None:
            return state, version
        version += 1
        if fact[0] != version:
            raise StreamCorrupted("a version is missing", stream, version)
        try:
            state = domain.evolve(state, fact[1])
        except StreamCorrupted as error:
            raise StreamCorrupted(error.reason, stream, version) from error


def restore(
    store: EventStore,
    snapshots: SnapshotStore | None,
    stream: StreamId,
    *,
    until: int | None = None,
) -> Versioned:
    """As `load`, from the newest snapshot that the stream bears out.

    A snapshot is a cache: one that cannot be read, that is ahead of its stream,
    or that the next event does not continue, is as good as none (A1).
    """
    start = _newest(snapshots, stream)
    if start is not ABSENT and (until is None or start[1] <= until):
        with suppress(StreamCorrupted):
            if store.facts(stream, start[1] - 1, 1):
                return load(store, stream, start=start, until=until)
    return load(store, stream, until=until)


def _newest(snapshots: SnapshotStore | None, stream: StreamId) -> Versioned:
    if snapshots is not None:
        with suppress(Exception):
            snapshot = snapshots.load_snapshot(stream)
            if snapshot is not None:
                return snapshot.state, snapshot.version
    return ABSENT


class StateCache:
    """The states that decisions are made on; always those of stored events.

    Args:
        store: The truth.
        snapshots: A durable cache of states, or None.
        snapshot_every: Save a snapshot each so many events of a stream.
        capacity: How many states are kept in memory.
    """

    def __init__(
        self,
        store: EventStore,
        snapshots: SnapshotStore | None = None,
        *,
        snapshot_every: int = 100,
        capacity: int = 200_000,
    ) -> None:
        if snapshot_every < 1 or capacity < 1:
            raise ValueError("snapshot_every and capacity must be at least 1")
        self._store = store
        self._snapshots = snapshots
        self._every = snapshot_every
        self._capacity = capacity
        # Ordered, because the first key of a dict that loses its first keys is
        # found by stepping over all that are gone.
        self._entries: OrderedDict[StreamId, Versioned] = OrderedDict()
        self._epochs: dict[StreamId, int] = {}
        self._epoch = store.epoch()
        self._damaged: dict[StreamId, StreamCorrupted] = {}
        self._current: set[StreamId] = set()

    def prepare(self, streams: Iterable[StreamId]) -> None:
        """Make `get` current for these streams, with as few reads as can be.

        Raises:
            StoreFault: The store cannot be read.
        """
        self._damaged.clear()
        self._shrink()
        self._current.clear()
        self._epoch = self._store.epoch()
        self.prepare_more(streams)

    def prepare_more(self, streams: Iterable[StreamId]) -> None:
        """The same for streams that became known while deciding.

        Raises:
            StoreFault: The store cannot be read.
        """
        epoch, epochs, current = self._epoch, self._epochs, self._current
        doubtful = [s for s in streams if epochs.get(s) != epoch and s not in current]
        if not doubtful:
            return
        current.update(doubtful)
        # Sorted, so that stores which lock do it in one order (V6).
        doubtful.sort()
        for stream, version in self._store.versions(doubtful).items():
            known = self._entries.get(stream, ABSENT)
            if version == 0:
                self._drop(stream)
            elif known[1] == version:
                epochs[stream] = epoch
            else:
                self._load(stream, known, version)

    def get(self, stream: StreamId) -> Versioned:
        """The state that `prepare` found; `ABSENT` when there are no events.

        Raises:
            StreamCorrupted: The stream's history does not add up (C5).
        """
        entry = self._entries.get(stream)
        if entry is not None:
            return entry
        damaged = self._damaged.get(stream)
        if damaged is not None:
            raise damaged
        return ABSENT

    def keep(self, states: Mapping[StreamId, Versioned]) -> None:
        """Take over the states of an append that succeeded."""
        due: list[Snapshot] = []
        entries, every, epoch = self._entries, self._every, self._epoch
        for stream, (state, version) in states.items():
            before = entries.get(stream, ABSENT)[1]
            entries[stream] = (state, version)
            entries.move_to_end(stream)
            self._epochs[stream] = epoch
            if state is not None and version // every > before // every:
                due.append(Snapshot(stream=stream, version=version, state=state))
        self._shrink()
        if due and self._snapshots is not None:
            with suppress(Exception):
                self._snapshots.save_snapshots(due)

    def forget(self, streams: Iterable[StreamId]) -> None:
        """Doubt these states; they are read again when needed."""
        for stream in tuple(streams):
            self._drop(stream)

    def _load(self, stream: StreamId, known: Versioned, version: int) -> None:
        try:
            if known is ABSENT or known[1] > version:
                entry = restore(self._store, self._snapshots, stream)
            else:
                entry = load(self._store, stream, start=known)
        except StreamCorrupted as error:
            self._damaged[stream] = (
                error if error.stream else StreamCorrupted(error.reason, stream)
            )
            self._drop(stream)
        else:
            self._entries[stream] = entry
            self._epochs[stream] = self._epoch

    def _drop(self, stream: StreamId) -> None:
        self._entries.pop(stream, None)
        self._epochs.pop(stream, None)

    def _shrink(self) -> None:
        entries = self._entries
        while len(entries) > self._capacity:
            self._drop(next(iter(entries)))
