"""The runtime and the reference model agree on every command, on every store."""

from __future__ import annotations

import tempfile
from pathlib import Path

from healthpay_core import (
    CommandHandler,
    CommandPort,
    InMemoryEventStore,
    LimitPolicy,
    LocalRuntime,
    ManualClock,
    QueryPort,
    StoreQueries,
)
from healthpay_core.testing.machine import CommandPortMachine
from healthpay_sql import SqliteEventStore


class InMemory(CommandPortMachine):
    """The runtime over the store in memory, steps of processes among its orders."""

    takes_steps = True

    def open_port(self, clock: ManualClock, policy: LimitPolicy) -> CommandPort:
        self.store = InMemoryEventStore()
        return LocalRuntime(
            CommandHandler(
                self.store,
                clock=clock,
                policy=policy,
                snapshots=self.store,
                snapshot_every=3,
                cached_streams=5,
                cached_receipts=2,
            )
        )

    def open_queries(self, port: CommandPort) -> QueryPort:
        return StoreQueries(self.store, self.store)


class WithoutQueries(CommandPortMachine):
    """Nothing but the port itself: what it refuses tells how things are."""

    def open_port(self, clock: ManualClock, policy: LimitPolicy) -> CommandPort:
        handler = CommandHandler(InMemoryEventStore(), clock=clock, policy=policy)
        return LocalRuntime(handler)


class OnSqlite(CommandPortMachine):
    """The runtime over a file, which is closed and opened again now and then."""

    def open_port(self, clock: ManualClock, policy: LimitPolicy) -> CommandPort:
        self.room = tempfile.TemporaryDirectory(prefix="machine-")
        self.policy = policy
        return self._connect()

    def reopen_port(self, port: CommandPort) -> CommandPort:
        self.store.close()
        return self._connect()

    def _connect(self) -> CommandPort:
        path = Path(self.room.name) / "store.db"
        self.store = SqliteEventStore(path, synchronous="NORMAL")
        handler = CommandHandler(
            self.store,
            clock=self.clock,
            policy=self.policy,
            snapshots=self.store,
            snapshot_every=3,
            cached_streams=5,
        )
        return LocalRuntime(handler)

    def open_queries(self, port: CommandPort) -> QueryPort:
        return StoreQueries(self.store, self.store)

    def close_port(self, port: CommandPort) -> None:
        self.store.close()
        self.room.cleanup()


TestInMemory = InMemory.TestCase
TestWithoutQueries = WithoutQueries.TestCase
TestOnSqlite = OnSqlite.TestCase
