"""Snapshots are a cache that may be lost, late or wrong (A1)."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from healthpay_core import (
    Code,
    EventStore,
    InMemoryEventStore,
    Snapshot,
    StreamId,
    wallet_stream,
)
from healthpay_core.states import load
from healthpay_core.testing import (
    ScriptedStore,
    Workbench,
    funded,
    wallet_id,
    withdrawal,
)
from healthpay_core.wallet.state import ActiveWallet

A = wallet_id("a")


class _Snapshots(InMemoryEventStore):
    """Snapshots that can be made to misbehave."""

    def __init__(self) -> None:
        super().__init__()
        self.raises = False
        self.saved: list[Snapshot] = []

    def load_snapshot(self, stream: StreamId) -> Snapshot | None:
        if self.raises:
            raise OSError("snapshots")
        return super().load_snapshot(stream)

    def save_snapshots(self, snapshots: Sequence[Snapshot]) -> None:
        if self.raises:
            raise OSError("snapshots")
        self.saved += snapshots
        super().save_snapshots(snapshots)


def _many(store: EventStore, snapshots: _Snapshots, every: int = 5) -> Workbench:
    bench = Workbench(store, snapshots=snapshots, snapshot_every=every)
    bench.do(*funded(A, 100), *(withdrawal(A, 1) for _ in range(9)))
    return bench


def test_snapshots_are_taken_every_so_many_events() -> None:
    """A1: one for each five events of a stream, also when a batch jumps over it."""
    snapshots = _Snapshots()
    bench = _many(InMemoryEventStore(), snapshots)
    assert [s.version for s in snapshots.saved] == [5, 10]
    bench.handle(*(withdrawal(A, 1) for _ in range(9)))
    assert [s.version for s in snapshots.saved] == [5, 10, 21]


def test_a_fresh_handler_starts_from_the_snapshot() -> None:
    """A1: only the events after the snapshot are read, and the state is the same."""
    store, snapshots = ScriptedStore(), _Snapshots()
    _many(store, snapshots)
    read: list[int] = []

    class Noting(ScriptedStore):
        def facts(self, stream, after=0, limit=None):  # type: ignore[no-untyped-def]
            read.append(after)
            return super().facts(stream, after, limit)

    fresh = Workbench(Noting(store), snapshots=snapshots)
    fresh.refuse(withdrawal(A, 92), Code.INSUFFICIENT_FUNDS, available_amount=91)
    assert min(read) >= 9


def test_snapshots_that_raise_are_none() -> None:
    """A1: neither saving nor loading them can fail a command or a query."""
    store, snapshots = InMemoryEventStore(), _Snapshots()
    snapshots.raises = True
    bench = _many(store, snapshots)
    assert bench.wallet(A).balance == 91
    fresh = Workbench(store, snapshots=snapshots)
    fresh.do(withdrawal(A, 91))


@pytest.mark.parametrize("version", [0, 1, 11, 13, 1_000])
@pytest.mark.parametrize("balance", [0, 91, 10**6])
def test_a_wrong_snapshot_is_found_out(version: int, balance: int) -> None:
    """A1, C5: one that its stream does not bear out is not believed."""
    store, snapshots = InMemoryEventStore(), _Snapshots()
    right = load_active(_many(store, _Snapshots(), every=1_000))
    wrong = ActiveWallet(profile=right.profile, balance=balance, usage=right.usage)
    snapshots.save_snapshots(
        (Snapshot(stream=wallet_stream(A), version=version, state=wrong),)
    )
    fresh = Workbench(store, snapshots=snapshots)
    assert fresh.wallet(A).balance == 91
    fresh.refuse(withdrawal(A, 92), Code.INSUFFICIENT_FUNDS, available_amount=91)
    fresh.do(withdrawal(A, 91))


def load_active(bench: Workbench) -> ActiveWallet:
    """The state of A as the store has it."""
    state, _ = load(bench.store, wallet_stream(A))
    assert isinstance(state, ActiveWallet)
    return state
