"""What the cache of states saves and says, and the ids and amounts beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from healthpay_core import (
    Code,
    Event,
    InMemoryEventStore,
    StreamCorrupted,
    StreamId,
    derive_id,
    wallet_stream,
)
from healthpay_core.domain import validate
from healthpay_core.ids import is_id
from healthpay_core.refusals import ValidationFailed
from healthpay_core.states import StateCache, load
from healthpay_core.testing import (
    ScriptedStore,
    Workbench,
    create,
    funded,
    wallet_id,
    withdrawal,
)
from healthpay_core.testing.appends import append_of

A = wallet_id("a")
STREAM = wallet_stream(A)
NOWHERE = wallet_stream(wallet_id("nobody's"))


class Asked(InMemoryEventStore):
    """Counts look-ups of versions, and may say that others have appended."""

    def __init__(self) -> None:
        super().__init__()
        self.looked_up: list[StreamId] = []
        self.by_others = 0

    def epoch(self) -> int:
        return self.by_others

    def versions(self, streams: Sequence[StreamId]) -> Mapping[StreamId, int]:
        self.looked_up += streams
        return super().versions(streams)


def test_a_snapshot_is_of_its_stream_its_version_and_its_state() -> None:
    """A1: saved with the event that makes the number full."""
    snapshots = InMemoryEventStore()
    bench = Workbench(snapshots=snapshots, snapshot_every=3)
    bench.do(*funded(A, 9))
    saved = snapshots.load_snapshot(STREAM)
    assert saved is not None
    assert (saved.stream, saved.version) == (STREAM, 3)
    assert (saved.state, saved.version) == load(bench.store, STREAM)


def test_a_gap_names_its_stream_and_version() -> None:
    """V1, C5: the first version that is not there."""
    store = InMemoryEventStore()
    Workbench(store).do(*funded(A, 10))
    del store._streams[STREAM][1]
    with pytest.raises(StreamCorrupted) as caught:
        load(store, STREAM)
    assert caught.value.reason == "a version is missing"
    assert (caught.value.stream, caught.value.sequence) == (STREAM, 2)


def test_what_a_store_cannot_understand_keeps_its_reason() -> None:
    """C5: the store knows why, the cache knows of which stream."""

    class Garbled(InMemoryEventStore):
        def facts(
            self, stream: StreamId, after: int = 0, limit: int | None = None
        ) -> Sequence[tuple[int, Event]]:
            raise StreamCorrupted("not JSON")

    store = Garbled()
    Workbench(store).do(create(A))
    cache = StateCache(store)
    cache.prepare((STREAM,))
    with pytest.raises(StreamCorrupted) as caught:
        cache.get(STREAM)
    assert (caught.value.reason, caught.value.stream) == ("not JSON", STREAM)


def test_a_known_state_does_not_hide_what_came_after_it() -> None:
    """C5: a stream that somebody else has damaged is not decided on from memory."""
    store = ScriptedStore()
    bench = Workbench(store)
    bench.do(*funded(A, 9))
    store.append(append_of("somebody else's", (STREAM, 3)))
    store.somebody_else += 1
    # What is in memory would say: insufficient funds.
    bench.refuse(withdrawal(A, 10), Code.CORRUPT_STREAM, stream=STREAM, sequence=4)
    with pytest.raises(StreamCorrupted):
        bench.handler.states.get(STREAM)


def test_what_is_current_is_not_looked_up_again() -> None:
    """V5: once in a turn, also what is not there; then when others have appended."""
    store = Asked()
    Workbench(store).do(*funded(A, 10))
    store.looked_up.clear()
    cache = StateCache(store)
    cache.prepare((STREAM, NOWHERE))
    cache.prepare_more((STREAM, NOWHERE))
    assert sorted(store.looked_up) == sorted((STREAM, NOWHERE))
    cache.prepare((STREAM,))
    assert len(store.looked_up) == 2
    store.by_others += 1
    cache.prepare((STREAM,))
    cache.prepare((STREAM,))
    assert store.looked_up[2:] == [STREAM]


def test_what_was_appended_here_is_current() -> None:
    """V5: the states of an append that succeeded need no look-up."""
    store = Asked()
    Workbench(store).do(*funded(A, 10))
    store.looked_up.clear()
    cache = StateCache(store)
    cache.prepare(())
    cache.keep({STREAM: load(store, STREAM)})
    cache.prepare((STREAM,))
    assert store.looked_up == []
    assert cache.get(STREAM) == load(store, STREAM)


@pytest.mark.parametrize(("every", "capacity"), [(0, 1), (1, 0)])
def test_bounds_of_the_cache_start_at_one(every: int, capacity: int) -> None:
    """A1: one is enough, none is a mistake of the caller's program."""
    store = InMemoryEventStore()
    StateCache(store, snapshot_every=1, capacity=1)
    text = r"^snapshot_every and capacity must be at least 1$"
    with pytest.raises(ValueError, match=text):
        StateCache(store, snapshot_every=every, capacity=capacity)


def test_an_amount_that_is_no_integer_is_told_where_and_why() -> None:
    """M1, E7: also True, which Python counts as one."""
    fault = ValidationFailed.at("/amount", "must be an integer of minor units")
    assert validate(replace(withdrawal(A, 1), amount=True)) == fault


def test_an_id_is_a_canonical_uuid() -> None:
    """I8: derived ids are, names are not."""
    assert is_id(derive_id("x"))
    assert not is_id("x")
    assert not is_id(derive_id("x").upper())
