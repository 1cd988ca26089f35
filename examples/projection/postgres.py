"""The view in PostgreSQL: a `View` of `healthpay_kafka.projection`."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import LiteralString

from psycopg import Connection, Cursor
from psycopg.rows import class_row
from psycopg.sql import SQL, Composed, Identifier

from examples.projection import statements
from examples.projection.facts import WALLET, Balance, changes_of, row_values
from examples.projection.parking import from_row, to_row
from healthpay_core import StreamId
from healthpay_kafka.projection import (
    Arrival,
    LogRecord,
    Parked,
    Partition,
    ViewMoved,
    ViewTransaction,
)


class PostgresView:
    """One view, in one schema of one database.

    Args:
        connection: Its own, in autocommit mode; faults of it are psycopg's.
        schema: Where its tables are.
    """

    def __init__(self, connection: Connection, schema: str) -> None:
        self._connection = connection
        self._schema = schema
        self._mark = -1

    def create(self) -> None:
        """Make schema and tables, empty, in one transaction."""
        with self._connection.transaction():
            name = Identifier(self._schema)
            self._connection.execute(SQL("CREATE SCHEMA {}").format(name))
            self._connection.execute(self._sql(statements.create()))
            first = self._sql(statements.FIRST_MARK)
            self._connection.execute(first, [_new_mark()])

    def progress(self) -> Mapping[Partition, int]:
        with self._connection.transaction(), self._connection.cursor() as cursor:
            mark = cursor.execute(self._sql(statements.MARK)).fetchone()
            rows = cursor.execute(self._sql(statements.OFFSETS)).fetchall()
        assert mark is not None, "create() puts the row there"
        self._mark = mark[0]
        return {Partition(topic, number): offset for topic, number, offset in rows}

    def parked(self) -> Sequence[Parked]:
        rows = self._connection.execute(self._sql(statements.PARKED)).fetchall()
        return [from_row(row) for row in rows]

    @contextmanager
    def transaction(self) -> Iterator[ViewTransaction]:
        new_mark = _new_mark()
        with self._connection.transaction(), self._connection.cursor() as cursor:
            yield _Transaction(cursor, self._schema, self._mark, new_mark)
        # An exception comes past here: nothing was stored, or nobody knows.
        self._mark = new_mark

    def _sql(self, text: LiteralString) -> Composed:
        return SQL(text).format(schema=Identifier(self._schema))


class _Transaction:
    """What happens between BEGIN and COMMIT."""

    def __init__(
        self, cursor: Cursor, schema: str, old_mark: int, new_mark: int
    ) -> None:
        self._cursor = cursor
        self._schema = Identifier(schema)
        self._marks = (new_mark, old_mark)

    def advance(self, offsets: Mapping[Partition, int]) -> None:
        self._run(statements.TAKE, *self._marks)
        if self._cursor.rowcount != 1:
            raise ViewMoved("another one wrote to the view, or it was replaced")
        if offsets:
            topics, numbers = zip(*offsets, strict=True)
            self._run(
                statements.ADVANCE, list(topics), list(numbers), list(offsets.values())
            )

    def versions(self, streams: Collection[StreamId]) -> Mapping[StreamId, int]:
        ids = [stream.removeprefix(WALLET) for stream in streams]
        self._run(statements.VERSIONS, ids)
        rows = self._cursor.fetchall()
        return {StreamId(WALLET + wallet): version for wallet, version in rows}

    def apply(self, arrivals: Sequence[Arrival]) -> None:
        ids = list({arrival.stream[len(WALLET) :] for arrival in arrivals})
        changes = changes_of(arrivals, self._balances(ids))
        self._put(statements.PUT_BALANCES, map(row_values, changes.balances.values()))
        self._put(statements.ADD_HISTORY, changes.history)
        totals = ((*key, *t.values()) for key, t in changes.totals.items())
        self._put(statements.ADD_TOTALS, totals)

    def park(self, parked: Sequence[Parked]) -> None:
        query = self._sql(statements.PARK)
        self._cursor.executemany(query, [to_row(p) for p in parked])

    def unpark(self, records: Sequence[LogRecord]) -> None:
        query = self._sql(statements.UNPARK)
        places = [(*record.partition, record.offset) for record in records]
        self._cursor.executemany(query, places)

    def _balances(self, ids: list[str]) -> dict[str, Balance]:
        with self._cursor.connection.cursor(row_factory=class_row(Balance)) as cursor:
            rows = cursor.execute(self._sql(statements.BALANCES), [ids])
            return {row.wallet_id: row for row in rows}

    def _put(self, text: LiteralString, rows: Iterable[tuple[object, ...]]) -> None:
        """One statement for any number of rows: each column is one array."""
        columns = [list(column) for column in zip(*rows, strict=True)]
        if columns:
            self._run(text, *columns)

    def _run(self, text: LiteralString, *values: object) -> None:
        self._cursor.execute(self._sql(text), values)

    def _sql(self, text: LiteralString) -> Composed:
        return SQL(text).format(schema=self._schema)


def _new_mark() -> int:
    return secrets.randbits(62)
