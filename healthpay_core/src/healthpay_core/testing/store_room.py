"""What the contracts of an event store share: how one is made and opened."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import ClassVar, Final

import pytest

from healthpay_core.envelope import EventEnvelope, RecordedEvent
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

    def digest(self, prev_hash: bytes, envelope: EventEnvelope) -> bytes:
        """The hash of an event after another, as the store makes it (A2).

        `prev_hash` is that of the stream's event before, 32 bytes, or of the first
        what the store shows there: none, or 32 zero bytes.
        """
        raise NotImplementedError("say `digest`, or declare to be without HASH_CHAIN")

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


def loose_links(events: Sequence[RecordedEvent]) -> list[tuple[bytes, bytes]]:
    """Where an event of a stream does not follow: the hash before, and its link."""
    links = [(one.hash, following.prev_hash) for one, following in pairwise(events)]
    return [(before, link) for before, link in links if before != link]


def commands(events: Sequence[RecordedEvent]) -> list[str]:
    """The ids of the commands."""
    return [recorded.envelope.meta.command_id for recorded in events]
