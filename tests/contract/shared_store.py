"""A store in memory with several handles: what faults of sharing are planted into."""

from __future__ import annotations

from healthpay_core import Append, Appended, AppendResult, EventEnvelope, EventStore
from healthpay_core.memory import InMemoryEventStore
from healthpay_core.testing.contracts import EventStoreContract
from healthpay_wire.envelopes import digest


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
