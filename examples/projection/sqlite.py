"""The same view in one SQLite file: for one machine, and to measure with."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Final

from examples.projection.facts import WALLET, Balance, Changes, changes_of, row_values
from healthpay_core import StreamId
from healthpay_kafka.projection import (
    Arrival,
    LogRecord,
    Parked,
    Partition,
    ViewMoved,
    ViewTransaction,
)

_BALANCES: Final = """
SELECT wallet_id, version, owner_id, wallet_type, currency, kyc_level, status,
    balance_minor, held_minor, changed_at
FROM balances WHERE wallet_id IN (SELECT value FROM json_each(?))
"""
_PUT_BALANCE: Final = """
INSERT INTO balances VALUES (?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET
    version = excluded.version, kyc_level = excluded.kyc_level,
    status = excluded.status, balance_minor = excluded.balance_minor,
    held_minor = excluded.held_minor, changed_at = excluded.changed_at
"""
_ADD_HISTORY: Final = "INSERT INTO history VALUES (?,?,?,?,?,?,?,?,?,?,?,?)"
_ADD_TOTAL: Final = """
INSERT INTO daily_totals VALUES (?,?,?,?,?) ON CONFLICT DO UPDATE SET
    credited_minor = credited_minor + excluded.credited_minor,
    debited_minor = debited_minor + excluded.debited_minor,
    movements = movements + excluded.movements
"""
_PARK: Final = "INSERT INTO parked VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING"
_UNPARK: Final = """
DELETE FROM parked WHERE topic = ? AND partition = ? AND record_offset = ?
"""


class SqliteView:
    """A view in one SQLite file, made when it is not there.

    Args:
        path: The file.
        with_history: Keep the history and the daily totals too, not only balances.
    """

    def __init__(self, path: Path, *, with_history: bool = True) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        text = (files(__package__) / "sqlite.sql").read_text(encoding="utf-8")
        self._connection.executescript(text)
        self._with_history = with_history
        self._mark = -1

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def progress(self) -> Mapping[Partition, int]:
        execute = self._connection.execute
        ((self._mark,),) = execute("SELECT mark FROM projection").fetchall()
        rows = execute("SELECT topic, partition, next_offset FROM offsets")
        return {Partition(topic, number): offset for topic, number, offset in rows}

    def parked(self) -> Sequence[Parked]:
        rows = self._connection.execute("SELECT * FROM parked ORDER BY 1, 2, 3")
        return [_parked(*row) for row in rows]

    @contextmanager
    def transaction(self) -> Iterator[ViewTransaction]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield _Transaction(self._connection, self._mark, self._with_history)
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        self._mark += 1


class _Transaction:
    def __init__(
        self, connection: sqlite3.Connection, mark: int, with_history: bool
    ) -> None:
        self._connection = connection
        self._mark = mark
        self._with_history = with_history

    def advance(self, offsets: Mapping[Partition, int]) -> None:
        take = "UPDATE projection SET mark = mark + 1 WHERE mark = ?"
        if self._connection.execute(take, [self._mark]).rowcount != 1:
            raise ViewMoved("another one wrote to the view")
        self._connection.executemany(
            "REPLACE INTO offsets VALUES (?, ?, ?)",
            [(*partition, offset) for partition, offset in offsets.items()],
        )

    def versions(self, streams: Collection[StreamId]) -> Mapping[StreamId, int]:
        ids = [stream.removeprefix(WALLET) for stream in streams]
        rows = self._connection.execute(_BALANCES, [json.dumps(ids)])
        return {StreamId(WALLET + row[0]): row[1] for row in rows}

    def apply(self, arrivals: Sequence[Arrival]) -> None:
        ids = {arrival.stream[len(WALLET) :] for arrival in arrivals}
        before, with_history = self._balances(ids), self._with_history
        changes = changes_of(arrivals, before, with_history=with_history)
        rows = map(row_values, changes.balances.values())
        self._connection.executemany(_PUT_BALANCE, rows)
        if with_history:
            self._add(changes)

    def park(self, parked: Sequence[Parked]) -> None:
        self._connection.executemany(_PARK, [_row(p) for p in parked])

    def unpark(self, records: Sequence[LogRecord]) -> None:
        self._connection.executemany(
            _UNPARK,
            [(*record.partition, record.offset) for record in records],
        )

    def _balances(self, ids: Collection[str]) -> dict[str, Balance]:
        rows = self._connection.execute(_BALANCES, [json.dumps(list(ids))])
        return {row[0]: Balance(*row) for row in rows}

    def _add(self, changes: Changes) -> None:
        self._connection.executemany(_ADD_HISTORY, changes.history)
        totals = ((*key, *t.values()) for key, t in changes.totals.items())
        self._connection.executemany(_ADD_TOTAL, totals)


def _row(parked: Parked) -> tuple[object, ...]:
    record = parked.record
    headers = [(name, None if v is None else v.hex()) for name, v in record.headers]
    kept = (*record.partition, record.offset, record.key, record.value)
    rest = (json.dumps(headers), parked.stream, parked.version, parked.reason)
    return (*kept, *rest)


def _parked(
    topic: str,
    number: int,
    offset: int,
    key: bytes | None,
    value: bytes | None,
    headers: str,
    stream: str | None,
    version: int | None,
    reason: str,
) -> Parked:
    pairs = json.loads(headers)
    restored = tuple((n, None if v is None else bytes.fromhex(v)) for n, v in pairs)
    return Parked(
        record=LogRecord(Partition(topic, number), offset, key, value, restored),
        reason=reason,
        stream=None if stream is None else StreamId(stream),
        version=version,
    )
