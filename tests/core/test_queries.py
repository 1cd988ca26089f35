"""What queries read when nothing more is said, and how much of the store (A1)."""

from __future__ import annotations

from collections.abc import Sequence

from healthpay_core import (
    Event,
    InMemoryEventStore,
    RecordedEvent,
    StoreQueries,
    StreamId,
)
from healthpay_core.testing import (
    NOW,
    ScriptedStore,
    Workbench,
    funded,
    wallet_id,
    withdrawal,
)

A = wallet_id("a")


class Noting(ScriptedStore):
    """A store that notes what is read of it."""

    def __init__(self, behind: InMemoryEventStore) -> None:
        super().__init__(behind)
        self.read_after: list[int] = []
        self.limits: list[int | None] = []

    def facts(
        self, stream: StreamId, after: int = 0, limit: int | None = None
    ) -> Sequence[tuple[int, Event]]:
        self.read_after.append(after)
        return super().facts(stream, after, limit)

    def read(
        self, stream: StreamId, after: int = 0, limit: int | None = None
    ) -> Sequence[RecordedEvent]:
        self.limits.append(limit)
        return super().read(stream, after, limit)


def _store(snapshots: InMemoryEventStore | None = None) -> Noting:
    store = InMemoryEventStore()
    bench = Workbench(store, snapshots=snapshots, snapshot_every=5)
    bench.do(*funded(A, 500), *(withdrawal(A, 1) for _ in range(117)))
    return Noting(store)


def test_events_are_read_from_the_first_on() -> None:
    """H1: who says nothing gets a hundred of a wallet, or a thousand of the feed."""
    queries = StoreQueries(_store())
    events = queries.wallet_events(A)
    assert [event.envelope.sequence for event in events] == list(range(1, 101))
    assert [event.position for event in queries.feed()][:2] == [1, 2]


def test_a_query_starts_from_the_snapshot() -> None:
    """A1: the state is the same, and only what came after is read."""
    snapshots = InMemoryEventStore()
    store = _store(snapshots)
    folded = StoreQueries(store).wallet(A)
    assert min(store.read_after) == 0
    store.read_after.clear()
    assert StoreQueries(store, snapshots).wallet(A) == folded
    assert min(store.read_after) > 90


def test_an_instant_is_found_by_a_few_events() -> None:
    """A1: by bisection, one event at a time."""
    store = _store()
    wallet = StoreQueries(store).wallet(A, at=NOW)
    assert wallet is not None
    assert wallet == StoreQueries(store).wallet(A)
    assert len(store.limits) <= 7
    assert set(store.limits) == {1}
