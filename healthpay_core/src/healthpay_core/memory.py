"""An event store in memory: for tests, trials and caches; gone with the process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from threading import Lock
from typing import assert_never

from healthpay_core.envelope import EventEnvelope, RecordedEvent
from healthpay_core.events import Event
from healthpay_core.ids import StreamId
from healthpay_core.making import maker
from healthpay_core.outcome import OutcomeRecord
from healthpay_core.ports import (
    AnyVersion,
    Append,
    Appended,
    AppendResult,
    DuplicateCommand,
    ExpectedVersion,
    Snapshot,
    StreamExists,
    VersionConflict,
)

Digest = Callable[[bytes, EventEnvelope], bytes]
"""(hash of the previous event, event) -> hash; `healthpay_wire` has the one of A2."""

_make_recorded = maker(RecordedEvent)
_make_appended = maker(Appended)


class InMemoryEventStore:
    """A complete `EventStore` and `SnapshotStore` in lists and dicts.

    Args:
        digest: Makes the hash chain; without it hashes are empty.
    """

    def __init__(self, *, digest: Digest | None = None) -> None:
        self._digest = digest
        self._log: list[RecordedEvent] = []
        self._streams: dict[StreamId, list[RecordedEvent]] = {}
        self._outcomes: dict[str, OutcomeRecord] = {}
        self._commands: set[str] = set()
        self._snapshots: dict[StreamId, Snapshot] = {}
        self._lock = Lock()

    def read(
        self, stream: StreamId, after: int = 0, limit: int | None = None
    ) -> Sequence[RecordedEvent]:
        with self._lock:
            events = self._streams.get(stream, [])
            return events[after : None if limit is None else after + limit]

    def facts(
        self, stream: StreamId, after: int = 0, limit: int | None = None
    ) -> Sequence[tuple[int, Event]]:
        events = self.read(stream, after, limit)
        return [(r.envelope.sequence, r.envelope.data) for r in events]

    def versions(self, streams: Sequence[StreamId]) -> Mapping[StreamId, int]:
        with self._lock:
            return self._versions(streams)

    def epoch(self) -> int:
        return 0

    def outcomes(self, command_ids: Sequence[str]) -> Mapping[str, OutcomeRecord]:
        with self._lock:
            known = self._outcomes
            return {c: known[c] for c in command_ids if c in known}

    def feed(self, after: int = 0, limit: int = 1000) -> Sequence[RecordedEvent]:
        with self._lock:
            return self._log[after : after + limit]

    def append(self, append: Append) -> AppendResult:
        with self._lock:
            refused = self._conflict(append.expected) or self._duplicate(append)
            return self._store(append) if refused is None else refused

    def load_snapshot(self, stream: StreamId) -> Snapshot | None:
        return self._snapshots.get(stream)

    def save_snapshots(self, snapshots: Sequence[Snapshot]) -> None:
        for snapshot in snapshots:
            self._snapshots[snapshot.stream] = snapshot

    def _versions(self, streams: Iterable[StreamId]) -> dict[StreamId, int]:
        known = self._streams
        return {s: len(known[s]) if s in known else 0 for s in streams}

    def _conflict(
        self, expected: Mapping[StreamId, ExpectedVersion]
    ) -> VersionConflict | None:
        wrong: dict[StreamId, int] = {}
        known = self._streams
        for stream, wanted in expected.items():
            actual = len(known[stream]) if stream in known else 0
            if actual != wanted and not meets(actual, wanted):
                wrong[stream] = actual
        return VersionConflict(actual=wrong) if wrong else None

    def _duplicate(self, append: Append) -> DuplicateCommand | None:
        new: tuple[OutcomeRecord | EventEnvelope, ...]
        new = (*append.outcomes, *append.events)
        ids = {item.meta.command_id for item in new}
        if ids.isdisjoint(self._commands):
            return None
        return DuplicateCommand(command_ids=frozenset(ids & self._commands))

    def _store(self, append: Append) -> Appended:
        # All that can raise comes first, so that nothing is ever half stored.
        recorded = self._recorded(append.events)
        streams, commands = self._streams, self._commands
        for event in recorded:
            envelope = event.envelope
            if envelope.stream in streams:
                streams[envelope.stream].append(event)
            else:
                streams[envelope.stream] = [event]
            commands.add(envelope.meta.command_id)
        self._log += recorded
        for record in append.outcomes:
            command_id = record.meta.command_id
            self._outcomes[command_id] = record
            commands.add(command_id)
        return _make_appended(last_position=len(self._log))

    def _recorded(self, events: Sequence[EventEnvelope]) -> list[RecordedEvent]:
        recorded: list[RecordedEvent] = []
        heads: dict[StreamId, tuple[int, bytes]] = {}
        link = self._digest
        for position, given in enumerate(events, len(self._log) + 1):
            stream = given.stream
            version, prev_hash = heads.get(stream) or self._head(stream)
            version += 1
            renumber = given.sequence != version
            event = replace(given, sequence=version) if renumber else given
            digest = b"" if link is None else link(prev_hash, event)
            heads[stream] = (version, digest)
            recorded.append(
                _make_recorded(
                    position=position,
                    envelope=event,
                    prev_hash=prev_hash,
                    hash=digest,
                )
            )
        return recorded

    def _head(self, stream: StreamId) -> tuple[int, bytes]:
        known = self._streams.get(stream)
        if known:
            return len(known), known[-1].hash
        return 0, b"" if self._digest is None else bytes(32)


def meets(actual: int, expected: ExpectedVersion) -> bool:
    """Whether a stream's version is what an append expects."""
    if isinstance(expected, int):
        return actual == expected
    match expected:
        case AnyVersion():
            return True
        case StreamExists():
            return actual > 0
    assert_never(expected)
