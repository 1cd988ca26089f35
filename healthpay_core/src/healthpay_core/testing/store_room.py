"""What the contracts of an event store share: how one is made and opened."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, Final

import pytest

from healthpay_core.envelope import RecordedEvent
from healthpay_core.ids import StreamId
from healthpay_core.ports import EventStore
from healthpay_core.testing.appends import stream
from healthpay_core.testing.capabilities import Capability, Contract

A: Final = stream("a")
B: Final = stream("b")
C: Final = stream("c")


class StoreRoom(Contract):
    """How a store is made, and what is looked at in it."""

    optional: ClassVar[frozenset[Capability]] = frozenset(Capability)

    def make_store(self) -> EventStore:
        """A fresh, empty store."""
        raise NotImplementedError

    def close_store(self, store: EventStore) -> None:
        """Let go of what `make_store`, `reopen` or `second` has opened."""

    def reopen(self, store: EventStore) -> EventStore:
        """The store closed and opened again."""
        raise NotImplementedError("say `reopen`, or declare to be without REOPEN")

    def second(self, store: EventStore) -> EventStore:
        """Another handle on the same data."""
        raise NotImplementedError("say `second`, or declare to be without it")

    @pytest.fixture
    def store(self) -> Iterator[EventStore]:
        """The store of one test."""
        store = self.make_store()
        yield store
        self.close_store(store)


def sequences(store: EventStore, name: StreamId) -> list[int]:
    """The sequence numbers of a stream."""
    return [recorded.envelope.sequence for recorded in store.read(name)]


def positions(events: Sequence[RecordedEvent]) -> list[int]:
    """The places in the feed."""
    return [recorded.position for recorded in events]


def commands(events: Sequence[RecordedEvent]) -> list[str]:
    """The ids of the commands."""
    return [recorded.envelope.meta.command_id for recorded in events]
