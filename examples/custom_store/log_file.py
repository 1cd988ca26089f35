"""An event store in one append-only file: an append is a line, and a line is an append.

A line counts when it is whole. One that a crash has torn is at the end, is ignored
by readers, and is cut off by the next writer. `flock` lets writers take turns.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import RLock

from examples.custom_store import lines
from examples.custom_store.lines import Line
from healthpay_core import (
    Append,
    Appended,
    AppendResult,
    AppendUnavailable,
    AppendUnknown,
    DuplicateCommand,
    Event,
    EventEnvelope,
    OutcomeRecord,
    RecordedEvent,
    StoreFault,
    StreamCorrupted,
    StreamId,
    VersionConflict,
)
from healthpay_core.memory import meets
from healthpay_wire.envelopes import GENESIS, digest


class LogFileStore:
    """A complete `EventStore` on one file, for any number of processes.

    All of it is in memory too: it is for logs that fit there. POSIX only.

    Args:
        path: The file; made if it does not exist.
    """

    def __init__(self, path: Path) -> None:
        # Unbuffered, so that what was not stored is not stored later.
        self._file = path.open("a+b", buffering=0)
        self._lock = RLock()
        self._end = 0
        self._of_others = 0
        self._log: list[RecordedEvent] = []
        self._streams: dict[StreamId, list[RecordedEvent]] = {}
        self._outcomes: dict[str, OutcomeRecord] = {}
        self._commands: set[str] = set()

    def close(self) -> None:
        """Let go of the file; what was acknowledged is on the disk."""
        self._file.close()

    def append(self, append: Append) -> AppendResult:
        try:
            with self._up_to_date(fcntl.LOCK_EX):
                return (
                    self._conflict(append)
                    or self._duplicate(append)
                    or self._store(append)
                )
        except StoreFault as fault:
            return AppendUnavailable(reason=str(fault))

    def read(
        self, stream: StreamId, after: int = 0, limit: int | None = None
    ) -> Sequence[RecordedEvent]:
        with self._up_to_date(fcntl.LOCK_SH):
            events = self._streams.get(stream, [])
            return events[after : None if limit is None else after + limit]

    def facts(
        self, stream: StreamId, after: int = 0, limit: int | None = None
    ) -> Sequence[tuple[int, Event]]:
        events = self.read(stream, after, limit)
        return [(r.envelope.sequence, r.envelope.data) for r in events]

    def versions(self, streams: Sequence[StreamId]) -> Mapping[StreamId, int]:
        with self._up_to_date(fcntl.LOCK_SH):
            return {stream: len(self._streams.get(stream, ())) for stream in streams}

    def outcomes(self, command_ids: Sequence[str]) -> Mapping[str, OutcomeRecord]:
        with self._up_to_date(fcntl.LOCK_SH):
            known = self._outcomes
            return {name: known[name] for name in command_ids if name in known}

    def epoch(self) -> int:
        with self._up_to_date(fcntl.LOCK_SH):
            return self._of_others

    def feed(self, after: int = 0, limit: int = 1000) -> Sequence[RecordedEvent]:
        with self._up_to_date(fcntl.LOCK_SH):
            return self._log[after : after + limit]

    @contextmanager
    def _up_to_date(self, kind: int) -> Iterator[None]:
        """Nobody writes meanwhile, and what others have written is known."""
        with self._lock:
            try:
                fcntl.flock(self._file, kind)
                if os.fstat(self._file.fileno()).st_size > self._end:
                    self._catch_up()
            except (OSError, ValueError) as error:
                raise StoreFault(f"the log cannot be read: {error}") from error
            try:
                yield
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def _store(self, append: Append) -> AppendResult:
        line = Line(self._recorded(append.events), append.outcomes)
        text = lines.write(line)
        try:
            self._file.truncate(self._end)  # What a crash has torn.
            written = self._file.write(text)
            os.fsync(self._file.fileno())
        except OSError as error:
            # Whoever asks next reads what is in the file, line or no line.
            return AppendUnknown(reason=str(error))
        if written < len(text):
            return AppendUnknown(reason="the line was not written whole")
        self._take(line, len(text))
        return Appended(last_position=len(self._log))

    def _catch_up(self) -> None:
        # A writer may have died before its line was on the disk.
        os.fsync(self._file.fileno())
        self._file.seek(self._end)
        unread = self._file.read().splitlines(keepends=True)
        for number, text in enumerate(unread, 1):
            line = lines.read(text, len(self._log) + 1)
            if line is None and number < len(unread):
                raise StreamCorrupted(f"byte {self._end}: a damaged line before others")
            if line is None:
                break
            self._take(line, len(text))
            self._of_others += 1

    def _take(self, line: Line, size: int) -> None:
        for recorded in line.events:
            self._streams.setdefault(recorded.envelope.stream, []).append(recorded)
            self._commands.add(recorded.envelope.meta.command_id)
        self._log.extend(line.events)
        for record in line.outcomes:
            self._outcomes[record.meta.command_id] = record
            self._commands.add(record.meta.command_id)
        self._end += size

    def _conflict(self, append: Append) -> VersionConflict | None:
        wrong = {
            stream: version
            for stream, expected in append.expected.items()
            if not meets(version := len(self._streams.get(stream, ())), expected)
        }
        return VersionConflict(actual=wrong) if wrong else None

    def _duplicate(self, append: Append) -> DuplicateCommand | None:
        ids = {record.meta.command_id for record in append.outcomes}
        ids.update(event.meta.command_id for event in append.events)
        known = ids & self._commands
        return DuplicateCommand(command_ids=frozenset(known)) if known else None

    def _recorded(self, events: Sequence[EventEnvelope]) -> list[RecordedEvent]:
        """Each event with its number, its position, and the links of its chain."""
        recorded: list[RecordedEvent] = []
        heads: dict[StreamId, tuple[int, bytes]] = {}
        for position, event in enumerate(events, len(self._log) + 1):
            known = self._streams.get(event.stream, [])
            start = (len(known), known[-1].hash if known else GENESIS)
            version, prev_hash = heads.get(event.stream, start)
            numbered = replace(event, sequence=version + 1)
            link = digest(prev_hash, numbered)
            heads[event.stream] = (version + 1, link)
            recorded.append(
                RecordedEvent(
                    position=position,
                    envelope=numbered,
                    prev_hash=prev_hash,
                    hash=link,
                )
            )
        return recorded
