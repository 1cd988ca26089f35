"""Stores with one fault each in their hash chains, that their contract must catch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from os import urandom

from healthpay_core import Append, Appended, EventEnvelope, RecordedEvent, StreamId
from healthpay_wire.envelopes import digest
from tests.contract.shared_store import SharedStore


class BrokenChain(SharedStore):
    """Begins the chain of a stream anew at its third event."""

    def _head(self, stream: StreamId) -> tuple[int, bytes]:
        version, head = super()._head(stream)
        return version, bytes(32) if version == 2 else head


class OneChain(SharedStore):
    """Has one chain over all streams."""

    def _head(self, stream: StreamId) -> tuple[int, bytes]:
        version, _ = super()._head(stream)
        return version, self._log[-1].hash if self._log else bytes(32)


class ShortHash(SharedStore):
    """Keeps eight bytes of a hash."""

    def __init__(self, first: SharedStore | None = None) -> None:
        super().__init__(first)
        self._digest = lambda prev_hash, envelope: digest(prev_hash, envelope)[:8]


class ForgetsItsOwnLinks(SharedStore):
    """Lets all events that an append brings to a stream follow the same one."""

    def _recorded(self, events: Sequence[EventEnvelope]) -> list[RecordedEvent]:
        heads = {event.stream: self._head(event.stream)[1] for event in events}
        return [
            replace(r, prev_hash=head, hash=digest(head, r.envelope))
            for r in super()._recorded(events)
            for head in (heads[r.envelope.stream],)
        ]


class RandomHash(SharedStore):
    """Makes up its hashes."""

    def __init__(self, first: SharedStore | None = None) -> None:
        super().__init__(first)
        self._digest = lambda prev_hash, envelope: urandom(32)


class HashOfTheId(SharedStore):
    """Hashes the ids of events, and nothing that they say."""

    def __init__(self, first: SharedStore | None = None) -> None:
        super().__init__(first)
        self._digest = lambda prev_hash, envelope: sha256(
            prev_hash + envelope.event_id.encode()
        ).digest()


class NoGenesis(SharedStore):
    """Lets the first event of a stream follow something made up."""

    def _head(self, stream: StreamId) -> tuple[int, bytes]:
        version, head = super()._head(stream)
        return version, head if version else b"\x01" * 32


class ChainAnewAtReopen(SharedStore):
    """Begins the chains of all streams anew when it is opened again."""

    def __init__(self, first: SharedStore | None = None) -> None:
        super().__init__(first)
        self._old = {name: len(events) for name, events in self._streams.items()}

    def _head(self, stream: StreamId) -> tuple[int, bytes]:
        version, head = super()._head(stream)
        return version, bytes(32) if version == self._old.get(stream) else head


class ChainPerHandle(SharedStore):
    """Lets events follow the last one that the same handle has stored."""

    def __init__(self, first: SharedStore | None = None) -> None:
        super().__init__(first)
        self._heads: dict[StreamId, bytes] = {}

    def _head(self, stream: StreamId) -> tuple[int, bytes]:
        version, _ = super()._head(stream)
        return version, self._heads.get(stream, bytes(32))

    def _store(self, append: Append) -> Appended:
        before = len(self._log)
        stored = super()._store(append)
        self._heads.update({r.envelope.stream: r.hash for r in self._log[before:]})
        return stored
