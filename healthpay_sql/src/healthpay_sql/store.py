"""The event store on SQLite: acknowledged means on disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock, local
from types import TracebackType
from typing import Final, Self
from weakref import WeakSet, finalize

from healthpay_core import (
    Append,
    AppendResult,
    Event,
    OutcomeRecord,
    RecordedEvent,
    Snapshot,
    StoreFault,
    StreamCorrupted,
    StreamId,
)
from healthpay_sql.event_types import type_keys
from healthpay_sql.facts import FactReader
from healthpay_sql.opening import Synchronous, connect, explained, open_file, reason_of
from healthpay_sql.rows import (
    TypeKeys,
    outcome_record,
    pack_id,
    recorded_events,
    unpack_id,
)
from healthpay_sql.statements import marks
from healthpay_sql.writer import Writer, months_of
from healthpay_sql.writing import WritingConnection
from healthpay_wire.snapshots import decode_state, encode_state

_IN_LIST: Final = 500
_EVENT_COLUMNS: Final = """
SELECT e.position, s.name, e.version, e.type, e.id, e.data, e.hash,
       (SELECT p.hash FROM events p
         WHERE p.stream = e.stream AND p.version = e.version - 1),
       c.id, c.meta
  FROM events e
  JOIN streams s ON s.key = e.stream
  JOIN commands c ON c.key = e.command
"""


class SqliteEventStore:
    """An `EventStore` and `SnapshotStore` in one SQLite file.

    One append is one transaction; with ``FULL`` it is on disk when it is
    acknowledged. Threads may share an instance: writes take turns, each thread
    reads through a connection of its own and never waits for a write. Several
    processes may share the file.

    Args:
        path: The file; made if it does not exist, migrated if it is older.
        synchronous: ``NORMAL`` may lose the last commits when the machine loses
            power, never when only the process dies.

    Raises:
        StoreFileError: The file cannot be used; the text says why.
    """

    def __init__(self, path: str | Path, *, synchronous: Synchronous = "FULL") -> None:
        self.path: Path = Path(path)
        self._lock = RLock()
        connection = open_file(self.path, synchronous)
        self._types = self._type_keys(connection)
        self._facts = FactReader(self._types)
        self._writing = WritingConnection(
            connection, reopen=lambda: connect(self.path, synchronous)
        )
        keys = {name: key for key, name in self._types.items()}
        self._writer = Writer(self._writing, keys)
        self._threads = local()
        self._readers: WeakSet[_Reader] = WeakSet()
        self._snapshots: dict[StreamId, Snapshot] = {}
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Write pending snapshots and close every connection; idempotent."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            with suppress(sqlite3.Error):
                self._writer.write_snapshots(self._taken_snapshots())
            for reader in list(self._readers):
                reader.connection.close()
            self._writer.close()

    def append(self, append: Append) -> AppendResult:
        with self._lock:
            return self._writer.append(append, self._taken_snapshots)

    def epoch(self) -> int:
        with self._lock, _faults():
            return self._writing.epoch()

    def fault(self) -> str | None:
        """Why the store cannot do its work now; None while it can.

        For health checks. As long as appends succeed it only reads. After one that
        failed it tries to write, each time it is asked, without changing
        anything: the answer is None again as soon as the next append can succeed.
        The text says what is the matter and what to do, and names no path.
        """
        try:
            self.feed(after=0, limit=1)
        except StoreFault as fault:
            return str(fault)
        with self._lock:
            return None if self._closed else self._writing.fault()

    def read(
        self, stream: StreamId, after: int = 0, limit: int | None = None
    ) -> Sequence[RecordedEvent]:
        return self._recorded(
            f"{_EVENT_COLUMNS} WHERE e.stream ="
            " (SELECT key FROM streams WHERE name = ?) AND e.version > ?"
            " ORDER BY e.version LIMIT ?",
            (stream, after, -1 if limit is None else limit),
        )

    def facts(
        self, stream: StreamId, after: int = 0, limit: int | None = None
    ) -> Sequence[tuple[int, Event]]:
        with _faults():
            return self._facts.read(self._reader(), stream, after, limit)

    def versions(self, streams: Sequence[StreamId]) -> Mapping[StreamId, int]:
        found = dict.fromkeys(streams, 0)
        with _faults():
            reader = self._reader()
            for start in range(0, len(streams), _IN_LIST):
                some = tuple(streams[start : start + _IN_LIST])
                rows = reader.execute(
                    "SELECT name, (SELECT max(version) FROM events"
                    " WHERE stream = streams.key) FROM streams"
                    f" WHERE name IN ({marks(len(some))})",
                    some,
                )
                found.update((name, version or 0) for name, version in rows)
        return found

    def outcomes(self, command_ids: Sequence[str]) -> Mapping[str, OutcomeRecord]:
        found: dict[str, OutcomeRecord] = {}
        absent, commits = set(command_ids), self._writer.commits
        with _faults():
            reader = self._reader()
            months = months_of(reader)
            for start in range(0, len(command_ids), _IN_LIST):
                some = [pack_id(c) for c in command_ids[start : start + _IN_LIST]]
                rows = reader.execute(
                    "SELECT id, fingerprint, meta, outcome FROM commands"
                    f" WHERE month IN ({marks(len(months))})"
                    f" AND id IN ({marks(len(some))})",
                    (*months, *some),
                )
                for row in rows:
                    command_id = unpack_id(row[0])
                    # Also one whose outcome is not there was done once (I8).
                    absent.discard(command_id)
                    if row[3] is not None:
                        found[command_id] = _outcome(row)
        self._writer.note_absent(absent, commits)
        return found

    def feed(self, after: int = 0, limit: int = 1000) -> Sequence[RecordedEvent]:
        return self._recorded(
            f"{_EVENT_COLUMNS} WHERE e.position > ? ORDER BY e.position LIMIT ?",
            (after, limit),
        )

    def load_snapshot(self, stream: StreamId) -> Snapshot | None:
        pending = self._snapshots.get(stream)
        if pending is not None:
            return pending
        with suppress(sqlite3.Error):
            row = (
                self._reader()
                .execute(
                    "SELECT version, state FROM snapshots WHERE stream = ?", (stream,)
                )
                .fetchone()
            )
            state = None if row is None else decode_state(row[1])
            if state is not None:
                return Snapshot(stream=stream, version=row[0], state=state)
        return None

    def save_snapshots(self, snapshots: Sequence[Snapshot]) -> None:
        """Keep them in memory until the next append carries them along."""
        with self._lock:
            self._snapshots.update((s.stream, s) for s in snapshots)

    def _type_keys(self, connection: sqlite3.Connection) -> TypeKeys:
        try:
            return type_keys(connection)
        except sqlite3.Error as error:
            connection.close()
            raise explained(self.path, error) from error

    def _taken_snapshots(self) -> list[tuple[str, int, bytes]]:
        taken, self._snapshots = self._snapshots, {}
        return [(s.stream, s.version, encode_state(s.state)) for s in taken.values()]

    def _recorded(
        self, query: str, values: tuple[str | int, ...]
    ) -> Sequence[RecordedEvent]:
        with _faults():
            rows = self._reader().execute(query, values).fetchall()
        return recorded_events(rows, self._types)

    def _reader(self) -> sqlite3.Connection:
        reader: _Reader | None = getattr(self._threads, "reader", None)
        if reader is None:
            with self._lock:
                if self._closed:
                    raise StoreFault("the store is closed")
                reader = _Reader(connect(self.path))
                self._readers.add(reader)
            self._threads.reader = reader
        return reader.connection


class _Reader:
    """The connection of one thread; it is closed when the thread has ended."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        connection.execute("PRAGMA query_only = 1")
        finalize(self, connection.close)


@contextmanager
def _faults() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StoreFault(f"the store {reason_of(error)}") from error


def _outcome(row: tuple[bytes | str, bytes, bytes, bytes]) -> OutcomeRecord:
    try:
        return outcome_record(*row)
    except ValueError as error:
        raise StreamCorrupted("the outcome of a command cannot be read") from error
