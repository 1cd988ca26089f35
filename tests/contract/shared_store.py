"""A store in memory with several handles: what faults of sharing are planted into."""

from __future__ import annotations

from threading import Event, Lock

from healthpay_core import Append, Appended, AppendResult, EventEnvelope, EventStore
from healthpay_core.memory import InMemoryEventStore
from healthpay_core.testing.contracts import EventStoreContract
from healthpay_wire.envelopes import digest


class Meeting:
    """Where two who run at once stand at the same time, however slow the machine.

    Whoever comes first waits for another one; after that nobody waits.
    """

    def __init__(self) -> None:
        self._first, self._second = Lock(), Event()

    def attend(self) -> None:
        """Come, and go on when another one has come too."""
        if self._first.acquire(blocking=False):
            self._second.wait(30)
        else:
            self._second.set()


class SharedStore(InMemoryEventStore):
    """One handle; all that are made of each other have the same data."""

    def __init__(self, first: SharedStore | None = None) -> None:
        super().__init__(digest=digest)
        self.own = 0
        self.appends = [0]
        if first is not None:
            self._log, self._streams = first._log, first._streams
            self._outcomes, self._commands = first._outcomes, first._commands
            self._lock, self.appends = first._lock, first.appends

    def append(self, append: Append) -> AppendResult:
        result = super().append(append)
        if isinstance(result, Appended):
            self.own += 1
            self.appends[0] += 1
        return result

    def epoch(self) -> int:
        return self.appends[0] - self.own


class SharedContract(EventStoreContract):
    """The whole contract, for a kind of `SharedStore`."""

    kind: type[SharedStore] = SharedStore

    def make_store(self) -> EventStore:
        return self.kind()

    def reopen(self, store: EventStore) -> EventStore:
        return self.second(store)

    def second(self, store: EventStore) -> EventStore:
        assert isinstance(store, SharedStore)
        return self.kind(store)

    def digest(self, prev_hash: bytes, envelope: EventEnvelope) -> bytes:
        return digest(prev_hash, envelope)
