"""What the core itself brings keeps the contracts: store, clock, runtime, queries."""

from __future__ import annotations

import pytest

from examples.server.logs import CommandLog
from healthpay_core import (
    NO_LIMITS,
    Clock,
    CommandHandler,
    CommandPort,
    EventEnvelope,
    EventStore,
    InMemoryEventStore,
    LocalRuntime,
    ManualClock,
    Observer,
    QueryPort,
    SnapshotStore,
    StoreQueries,
    SystemClock,
)
from healthpay_core.testing import NOW
from healthpay_core.testing.appends import append_of, stream
from healthpay_core.testing.contracts import (
    Capability,
    ClockContract,
    CommandPortContract,
    EventStoreContract,
    ObserverContract,
    QueryPortContract,
    SnapshotStoreContract,
)

IN_MEMORY = {
    Capability.REOPEN: "it is gone with the process",
    Capability.SECOND_HANDLE: "it is in one process, and is its only handle",
}


class TestInMemoryEventStore(
    EventStoreContract,
    without={**IN_MEMORY, Capability.HASH_CHAIN: "it was given no digest"},
):
    def make_store(self) -> EventStore:
        return InMemoryEventStore()


class TestInMemoryEventStoreWithHashes(EventStoreContract, without=IN_MEMORY):
    def make_store(self) -> EventStore:
        return InMemoryEventStore(digest=_digest)

    def digest(self, prev_hash: bytes, envelope: EventEnvelope) -> bytes:
        return _digest(prev_hash, envelope)


class TestInMemorySnapshots(
    SnapshotStoreContract, without={Capability.REOPEN: IN_MEMORY[Capability.REOPEN]}
):
    def make_snapshots(self) -> SnapshotStore:
        return InMemoryEventStore()


class TestSystemClock(ClockContract):
    def make_clock(self) -> Clock:
        return SystemClock()


class TestSystemClockElsewhere(ClockContract):
    def make_clock(self) -> Clock:
        return SystemClock("America/Santiago")


class TestManualClock(ClockContract):
    def make_clock(self) -> Clock:
        return ManualClock(NOW)


class TestLocalRuntime(CommandPortContract):
    def make_port(self) -> CommandPort:
        self.store = InMemoryEventStore()
        return self._port()

    def reopen_port(self, port: CommandPort) -> CommandPort:
        assert isinstance(port, LocalRuntime)
        port.close()
        return self._port()

    def _port(self) -> CommandPort:
        return LocalRuntime(CommandHandler(self.store, policy=NO_LIMITS))


class TestLocalRuntimeOfSmallBatches(
    CommandPortContract, without={Capability.REOPEN: IN_MEMORY[Capability.REOPEN]}
):
    def make_port(self) -> CommandPort:
        handler = CommandHandler(InMemoryEventStore(), policy=NO_LIMITS)
        return LocalRuntime(handler, max_batch=2)


class TestStoreQueries(QueryPortContract):
    def make_ports(self) -> tuple[CommandPort, QueryPort]:
        store = InMemoryEventStore()
        handler = CommandHandler(store, policy=NO_LIMITS)
        return LocalRuntime(handler), StoreQueries(store)


class TestStoreQueriesWithSnapshots(QueryPortContract):
    def make_ports(self) -> tuple[CommandPort, QueryPort]:
        store = InMemoryEventStore()
        handler = CommandHandler(
            store, policy=NO_LIMITS, snapshots=store, snapshot_every=2
        )
        return LocalRuntime(handler), StoreQueries(store, store)


class TestCommandLog(ObserverContract):
    def make_observer(self) -> Observer:
        return CommandLog()


def test_a_digest_that_raises_stores_nothing() -> None:
    """T4: an event that cannot be hashed takes the whole append with it."""
    a, b = stream("a"), stream("b")
    store = InMemoryEventStore(digest=_digest_of_few)
    store.append(append_of("c0", (a, 0)))
    with pytest.raises(ValueError, match="too many"):
        store.append(append_of("c1", (b, 0), (a, 1)))
    assert store.versions((a, b)) == {a: 1, b: 0}
    assert len(store.feed()) == 1
    assert store.outcomes(("c1",)) == {}


def _digest(prev_hash: bytes, envelope: EventEnvelope) -> bytes:
    import hashlib

    return hashlib.sha256(prev_hash + envelope.event_id.encode()).digest()


def _digest_of_few(prev_hash: bytes, envelope: EventEnvelope) -> bytes:
    if envelope.sequence > 1:
        raise ValueError("too many")
    return _digest(prev_hash, envelope)
