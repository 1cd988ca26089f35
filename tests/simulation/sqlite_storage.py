"""The storage of a story in one SQLite file, opened by every process anew."""

from __future__ import annotations

import tempfile
from pathlib import Path

from healthpay_core import EventEnvelope, EventStore
from healthpay_sql import SqliteEventStore
from healthpay_wire.envelopes import digest


class SqliteStorage:
    """A file of its own, gone with the last handle that is collected."""

    def __init__(self) -> None:
        self._room = tempfile.TemporaryDirectory(prefix="story-")
        self._open = 0

    def open(self) -> EventStore:
        self._open += 1
        # What a process loses by a crash is tested by killing one.
        path = Path(self._room.name) / "story.db"
        return SqliteEventStore(path, synchronous="NORMAL")

    def close(self, store: EventStore) -> None:
        assert isinstance(store, SqliteEventStore)
        store.close()
        self._open -= 1
        if self._open == 0:
            self._room.cleanup()

    def digest(self, prev_hash: bytes, envelope: EventEnvelope) -> bytes:
        return digest(prev_hash, envelope)
