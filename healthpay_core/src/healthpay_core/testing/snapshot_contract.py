"""The contract of snapshots: a cache that may lose everything, but never lies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import ClassVar

import pytest

from healthpay_core.domain import State
from healthpay_core.ids import StreamId, wallet_stream
from healthpay_core.ports import Snapshot, SnapshotStore
from healthpay_core.testing.builders import (
    after,
    card_id,
    create,
    funded,
    hold,
    issued,
    opened,
    payment,
    transfer,
    wallet_id,
)
from healthpay_core.testing.capabilities import Capability, Contract, needs
from healthpay_core.testing.given_when_then import given
from healthpay_core.wallet.commands import CloseWallet, SuspendWallet

_A, _B, _SHOP = wallet_id("a"), wallet_id("b"), wallet_id("shop")


def _states() -> Mapping[StreamId, State]:
    """States of every kind, of streams of their own."""
    suspended, closed, pending = map(wallet_id, ("suspended", "closed", "pending"))
    facts = after(
        *funded(_A, 100),
        hold(_A, "hold-1", 30),
        *opened(_B),
        transfer(_A, _B, 5, name="t"),
        *funded(suspended, 7),
        SuspendWallet(wallet_id=suspended, reason_code="fraud"),
        *opened(closed),
        CloseWallet(wallet_id=closed),
        create(pending),
        *issued(card_id("c"), _A),
        *opened(_SHOP, wallet_type="merchant"),
        payment(_A, _SHOP, 5),
    )
    return MappingProxyType(given(*facts).states())


class SnapshotStoreContract(Contract):
    """What every snapshot store must do: keep states, lose them at worst.

    Inherit, name the class `Test...`, and write `make_snapshots`; `close_snapshots`
    where there is something to let go of; and `reopen_snapshots`, or declare to be
    without `Capability.REOPEN`.

    ```python
    class TestMySnapshots(
        SnapshotStoreContract, without={Capability.REOPEN: "a cache"}
    ):
        def make_snapshots(self) -> SnapshotStore:
            return MySnapshots()
    ```
    """

    optional: ClassVar[frozenset[Capability]] = frozenset({Capability.REOPEN})

    def make_snapshots(self) -> SnapshotStore:
        """A fresh, empty store."""
        raise NotImplementedError

    def close_snapshots(self, snapshots: SnapshotStore) -> None:
        """Let go of what `make_snapshots` has opened."""

    def reopen_snapshots(self, snapshots: SnapshotStore) -> SnapshotStore:
        """The store closed and opened again."""
        raise NotImplementedError(
            "say `reopen_snapshots`, or declare to be without REOPEN"
        )

    @pytest.fixture
    def snapshots(self) -> Iterator[SnapshotStore]:
        """The store of one test."""
        snapshots = self.make_snapshots()
        yield snapshots
        self.close_snapshots(snapshots)

    def test_a_state_comes_back_as_it_was(self, snapshots: SnapshotStore) -> None:
        """A1: the state of a snapshot is the state that was saved, of every kind."""
        saved = [
            Snapshot(stream=stream, version=number, state=state)
            for number, (stream, state) in enumerate(_states().items(), 1)
        ]
        snapshots.save_snapshots(saved)
        assert [snapshots.load_snapshot(s.stream) for s in saved] == saved

    def test_no_snapshot_is_none(self, snapshots: SnapshotStore) -> None:
        """A1: a stream without a snapshot has None."""
        snapshots.save_snapshots(())
        assert snapshots.load_snapshot(wallet_stream(_A)) is None

    def test_the_newest_snapshot_is_loaded(self, snapshots: SnapshotStore) -> None:
        """A1: a later snapshot takes the place of an earlier one."""
        stream = wallet_stream(_A)
        state = _states()[stream]
        for version in (1, 100, 200):
            snapshots.save_snapshots(
                (Snapshot(stream=stream, version=version, state=state),)
            )
        loaded = snapshots.load_snapshot(stream)
        assert loaded == Snapshot(stream=stream, version=200, state=state)

    def test_the_last_of_a_batch_counts(self, snapshots: SnapshotStore) -> None:
        """A1: within one batch a later snapshot takes the place of an earlier one."""
        stream = wallet_stream(_A)
        one, other = list(_states().items())[:2]
        first = Snapshot(stream=stream, version=1, state=one[1])
        last = Snapshot(stream=stream, version=2, state=other[1])
        snapshots.save_snapshots((first, last))
        assert snapshots.load_snapshot(stream) == last

    def test_each_stream_has_its_own(self, snapshots: SnapshotStore) -> None:
        """A1: what is saved for one stream leaves those of all others alone."""
        saved = [
            Snapshot(stream=stream, version=7, state=state)
            for stream, state in _states().items()
        ]
        for snapshot in saved:
            snapshots.save_snapshots((snapshot,))
        for snapshot in saved:
            assert snapshots.load_snapshot(snapshot.stream) == snapshot
        upper = StreamId(saved[0].stream.upper())
        assert snapshots.load_snapshot(upper) is None

    @needs(Capability.REOPEN)
    def test_a_reopened_store_has_the_snapshot(self, snapshots: SnapshotStore) -> None:
        """A1: after a restart there is the newest snapshot, of every kind."""
        saved = [
            Snapshot(stream=stream, version=number, state=state)
            for number, (stream, state) in enumerate(_states().items(), 1)
        ]
        snapshots.save_snapshots(saved)
        reopened = self.reopen_snapshots(snapshots)
        assert [reopened.load_snapshot(s.stream) for s in saved] == saved
        self.close_snapshots(reopened)

    def test_what_it_is_without_it_refuses(
        self, snapshots: SnapshotStore, capability: Capability
    ) -> None:
        """A1: what is declared to be gone with the process is gone, not half there."""
        assert capability is Capability.REOPEN
        stale = f"it is declared to be without {capability}, and has it"
        (stream, state), *_ = _states().items()
        snapshots.save_snapshots((Snapshot(stream=stream, version=4, state=state),))
        if type(self).reopen_snapshots is not SnapshotStoreContract.reopen_snapshots:
            reopened = self.reopen_snapshots(snapshots)
            assert reopened.load_snapshot(stream) is None, stale
            self.close_snapshots(reopened)
        again = self.make_snapshots()
        assert again.load_snapshot(stream) is None, stale
        self.close_snapshots(again)
