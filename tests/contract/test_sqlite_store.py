"""The store on SQLite keeps the contracts, also closed and opened, and twice open."""

from __future__ import annotations

from pathlib import Path

import pytest

from healthpay_core import (
    NO_LIMITS,
    CommandHandler,
    CommandPort,
    EventEnvelope,
    EventStore,
    LocalRuntime,
    QueryPort,
    SnapshotStore,
    StoreQueries,
)
from healthpay_core.testing.contracts import (
    CommandPortContract,
    EventStoreContract,
    QueryPortContract,
    SnapshotStoreContract,
)
from healthpay_sql import SqliteEventStore
from healthpay_wire.envelopes import digest


class _InAFile:
    path: Path

    @pytest.fixture(autouse=True)
    def _in_a_file(self, tmp_path: Path) -> None:
        self.path = tmp_path / "store.db"


class TestSqliteEventStore(_InAFile, EventStoreContract):
    def make_store(self) -> EventStore:
        return SqliteEventStore(self.path)

    def close_store(self, store: EventStore) -> None:
        assert isinstance(store, SqliteEventStore)
        store.close()

    def reopen(self, store: EventStore) -> EventStore:
        self.close_store(store)
        return SqliteEventStore(self.path)

    def second(self, store: EventStore) -> EventStore:
        return SqliteEventStore(self.path)

    def digest(self, prev_hash: bytes, envelope: EventEnvelope) -> bytes:
        return digest(prev_hash, envelope)


class TestSqliteSnapshots(_InAFile, SnapshotStoreContract):
    def make_snapshots(self) -> SnapshotStore:
        return SqliteEventStore(self.path)

    def close_snapshots(self, snapshots: SnapshotStore) -> None:
        assert isinstance(snapshots, SqliteEventStore)
        snapshots.close()

    def reopen_snapshots(self, snapshots: SnapshotStore) -> SnapshotStore:
        self.close_snapshots(snapshots)
        return SqliteEventStore(self.path)


class TestLocalRuntimeOnSqlite(_InAFile, CommandPortContract):
    def make_port(self) -> CommandPort:
        self.store = SqliteEventStore(self.path, synchronous="NORMAL")
        return LocalRuntime(CommandHandler(self.store, policy=NO_LIMITS))

    def reopen_port(self, port: CommandPort) -> CommandPort:
        self.close_port(port)
        return self.make_port()

    def close_port(self, port: CommandPort) -> None:
        assert isinstance(port, LocalRuntime)
        port.close()
        self.store.close()


class TestQueriesOnSqlite(_InAFile, QueryPortContract):
    def make_ports(self) -> tuple[CommandPort, QueryPort]:
        self.store = SqliteEventStore(self.path, synchronous="NORMAL")
        handler = CommandHandler(
            self.store, policy=NO_LIMITS, snapshots=self.store, snapshot_every=2
        )
        return LocalRuntime(handler), StoreQueries(self.store, self.store)

    def close_ports(self, ports: tuple[CommandPort, QueryPort]) -> None:
        self.store.close()
