"""The one writing connection: an append is one transaction, all or nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from healthpay_core import (
    Append,
    Appended,
    AppendResult,
    DuplicateCommand,
    EventEnvelope,
    NotStorable,
    StreamId,
    VersionConflict,
)
from healthpay_core.memory import meets
from healthpay_sql.rows import (
    Row,
    bare_command_row,
    command_row,
    pack_id,
    unpack_id,
)
from healthpay_sql.statements import insert_rows, marks
from healthpay_sql.writing import WritingConnection
from healthpay_wire.envelopes import GENESIS, seal

_KNOWN_ABSENT: Final = 100_000
_KNOWN_HEADS: Final = 200_000
_MONTHS: Final = """
WITH RECURSIVE months(month) AS (
    SELECT min(month) FROM commands
    UNION ALL
    SELECT (SELECT min(c.month) FROM commands c WHERE c.month > months.month)
      FROM months WHERE months.month IS NOT NULL)
SELECT month FROM months WHERE month IS NOT NULL
"""
Snapshots = Callable[[], Sequence[tuple[str, int, bytes]]]


class _Head:
    """Where a stream ends: its row key, version, and last hash."""

    __slots__ = ("hash", "key", "version")

    def __init__(self, key: int, version: int, digest: bytes) -> None:
        self.key = key
        self.version = version
        self.hash = digest


class Writer:
    """Appends; the caller holds the store's lock.

    Heads are kept in memory and trusted as long as no other process has
    written; the unique index is the guarantee.

    Args:
        writing: The connection.
        type_keys: The file's number of each (event type, version).
    """

    def __init__(
        self, writing: WritingConnection, type_keys: Mapping[tuple[str, int], int]
    ) -> None:
        self._writing = writing
        self._type_keys = type_keys
        self._heads: dict[StreamId, _Head] = {}
        self._absent: dict[str, int] = {}
        self._commits = 0
        self._seen_version = -1
        self._position = self._command_key = self._stream_key = 0

    def close(self) -> None:
        """Close the connection."""
        self._writing.connection.close()

    @property
    def commits(self) -> int:
        """A number that changes with every commit to the file that is noticed."""
        return self._commits

    def note_absent(self, command_ids: Iterable[str], commits: int) -> None:
        """Remember ids that were looked up, so that the next `append` need not.

        Args:
            command_ids: Those of which the file has nothing.
            commits: The number as it was before they were looked up.
        """
        if len(self._absent) > _KNOWN_ABSENT:
            self._absent.clear()
        self._absent.update(dict.fromkeys(command_ids, commits))

    def append(self, append: Append, snapshots: Snapshots) -> AppendResult:
        """Store all or nothing."""
        writing = self._writing
        try:
            writing.begin()
        except sqlite3.Error as error:
            return writing.unavailable(error)
        try:
            refused = self._check(append)
            if refused is not None:
                writing.roll_back()
                return refused
            touched = self._insert(append)
            insert_snapshots(writing.connection, snapshots())
        except sqlite3.IntegrityError:
            return self._lost_race(append)
        except sqlite3.Error as error:
            self._roll_back()
            return writing.unavailable(error)
        except Exception as error:
            # Such as a text that has no encoding.
            self._roll_back()
            raise NotStorable(f"{type(error).__name__}: {error}") from error
        except BaseException:
            self._roll_back()
            raise
        return self._commit(touched)

    def write_snapshots(self, snapshots: Sequence[tuple[str, int, bytes]]) -> None:
        """Write snapshots alone, when no append is to follow."""
        if snapshots:
            insert_snapshots(self._writing.connection, snapshots)

    def _commit(self, touched: Mapping[StreamId, _Head]) -> AppendResult:
        # Whatever interrupts this, nothing that is out of date is trusted.
        seen, self._seen_version = self._seen_version, -1
        failed = self._writing.commit()
        self._commits += 1
        if failed is not None:
            return failed
        if len(self._heads) > _KNOWN_HEADS:
            self._heads.clear()
        self._heads.update(touched)
        self._seen_version = seen
        return Appended(last_position=self._position)

    def _check(self, append: Append) -> VersionConflict | DuplicateCommand | None:
        self._catch_up()
        for stream in sorted(append.expected):
            if stream not in self._heads:
                head = self._find_head(stream)
                if head is not None:
                    self._heads[stream] = head
        actual = {
            stream: head.version if (head := self._heads.get(stream)) else 0
            for stream in append.expected
        }
        wrong = {
            stream: version
            for stream, version in actual.items()
            if not meets(version, append.expected[stream])
        }
        if wrong:
            return VersionConflict(actual=wrong)
        absent, commits = self._absent, self._commits
        return self._duplicates(
            c for c in _command_ids(append) if absent.get(c) != commits
        )

    def _catch_up(self) -> None:
        """Drop what is known of the file when another process has written."""
        version = self._writing.epoch()
        if version == self._seen_version:
            return
        self._seen_version = version
        self._heads.clear()
        self._commits += 1
        self._position = self._highest("position", "events")
        self._command_key = self._highest("key", "commands")
        self._stream_key = self._highest("key", "streams")

    def _highest(self, column: str, table: str) -> int:
        # Names are this module's own constants.
        query = f"SELECT coalesce(max({column}), 0) FROM {table}"
        return int(self._writing.connection.execute(query).fetchone()[0])

    def _find_head(self, stream: StreamId) -> _Head | None:
        row = self._writing.connection.execute(
            "SELECT s.key, e.version, e.hash FROM streams s"
            " JOIN events e ON e.stream = s.key WHERE s.name = ?"
            " ORDER BY e.version DESC LIMIT 1",
            (stream,),
        ).fetchone()
        return None if row is None else _Head(*row)

    def _duplicates(self, command_ids: Iterable[str]) -> DuplicateCommand | None:
        ids = [pack_id(command_id) for command_id in command_ids]
        found: set[str] = set()
        months = months_of(self._writing.connection) if ids else ()
        for start in range(0, len(ids), 500):
            some = ids[start : start + 500]
            rows = self._writing.connection.execute(
                f"SELECT id FROM commands WHERE month IN ({marks(len(months))})"
                f" AND id IN ({marks(len(some))})",
                (*months, *some),
            )
            found.update(unpack_id(row[0]) for row in rows)
        return DuplicateCommand(command_ids=frozenset(found)) if found else None

    def _insert(self, append: Append) -> dict[StreamId, _Head]:
        connection = self._writing.connection
        commands, keys = self._command_rows(append)
        streams: list[Row] = []
        touched: dict[StreamId, _Head] = {}
        events: list[Row] = []
        for envelope in append.events:
            head = touched.get(envelope.stream)
            if head is None:
                head = touched[envelope.stream] = self._start(envelope.stream, streams)
            events.append(self._event_row(envelope, head, keys))
        insert_rows(connection, "streams", streams)
        insert_rows(connection, "commands", commands)
        insert_rows(connection, "events", events)
        return touched

    def _start(self, stream: StreamId, streams: list[Row]) -> _Head:
        """A working copy of a stream's head; a new stream gets a row."""
        head = self._heads.get(stream)
        if head is not None:
            return _Head(head.key, head.version, head.hash)
        self._stream_key += 1
        streams.append((self._stream_key, stream))
        return _Head(self._stream_key, 0, GENESIS)

    def _event_row(
        self, envelope: EventEnvelope, head: _Head, keys: Mapping[str, int]
    ) -> Row:
        head.version += 1
        if envelope.sequence != head.version:
            envelope = replace(envelope, sequence=head.version)
        data, head.hash = seal(head.hash, envelope)
        kind = envelope.type
        self._position += 1
        return (
            self._position,
            head.key,
            head.version,
            self._type_keys[kind.name, kind.version],
            keys[envelope.meta.command_id],
            pack_id(envelope.event_id),
            data,
            head.hash,
        )

    def _command_rows(self, append: Append) -> tuple[list[Row], dict[str, int]]:
        rows: list[Row] = []
        keys: dict[str, int] = {}
        for record in append.outcomes:
            keys[record.meta.command_id] = self._next_command()
            rows.append(command_row(self._command_key, record))
        for envelope in append.events:
            meta = envelope.meta
            if meta.command_id not in keys:
                keys[meta.command_id] = self._next_command()
                rows.append(bare_command_row(self._command_key, meta))
        return rows, keys

    def _next_command(self) -> int:
        self._command_key += 1
        return self._command_key

    def _lost_race(self, append: Append) -> AppendResult:
        """The unique indexes refused what the heads in memory allowed."""
        self._roll_back()
        duplicate = self._duplicates(_command_ids(append))
        if duplicate is not None:
            return duplicate
        actual: dict[StreamId, int] = {}
        for stream in append.expected:
            head = self._find_head(stream)
            actual[stream] = 0 if head is None else head.version
        return VersionConflict(actual=actual)

    def _roll_back(self) -> None:
        """Undo, and forget what was counted up in memory."""
        self._writing.roll_back()
        self._seen_version = -1


def insert_snapshots(
    connection: sqlite3.Connection, snapshots: Sequence[tuple[str, int, bytes]]
) -> None:
    """Replace the snapshots of these streams."""
    if snapshots:
        connection.executemany(
            "INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?)", snapshots
        )


def _command_ids(append: Append) -> set[str]:
    ids = {record.meta.command_id for record in append.outcomes}
    ids.update(envelope.meta.command_id for envelope in append.events)
    return ids


def months_of(connection: sqlite3.Connection) -> tuple[int, ...]:
    """The periods that commands are filed under, in a file.

    Found with one index probe a period, not by reading the whole index. Asked for
    anew every time: a clock that is wrong, now or once, files a command under any.
    """
    return tuple([month for (month,) in connection.execute(_MONTHS)])
