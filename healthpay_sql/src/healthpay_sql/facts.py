"""Reading long streams for the fold: few rows, each of many events.

sqlite3 gives up the interpreter lock at every row, and beside a busy thread must
wait to win it back; hundreds of events joined in one row give it up once, and
are parsed as one document.
"""

from __future__ import annotations

import sqlite3
from typing import Final, TypeAlias

import orjson

from healthpay_core import Event, StreamCorrupted
from healthpay_sql.rows import TypeKeys, decoded
from healthpay_wire.codec import members_decoder
from healthpay_wire.decoders import Decoder

Facts: TypeAlias = list[tuple[int, Event]]

_PAGE: Final = 500
_ROWS: Final = """
SELECT version, type, data FROM events
 WHERE stream = (SELECT key FROM streams WHERE name = ?) AND version > ?
 ORDER BY version LIMIT ?
"""
_JOINED: Final = f"""
SELECT group_concat(version), group_concat(type), CAST(group_concat(data) AS BLOB)
  FROM ({_ROWS})
"""


class FactReader:
    """Reads the events of a stream without what the fold does not need.

    Args:
        types: The file's event types by their number.
    """

    def __init__(self, types: TypeKeys) -> None:
        self._types = types
        self._decoders: dict[int, Decoder[Event]] = {}

    def read(
        self, connection: sqlite3.Connection, stream: str, after: int, limit: int | None
    ) -> Facts:
        """The events after a version, each with its own version.

        Raises:
            StreamCorrupted: An event cannot be read; says which.
        """
        facts: Facts = []
        while limit is None or len(facts) < limit:
            count = _PAGE if limit is None else min(_PAGE, limit - len(facts))
            values = (stream, after, count)
            page = self._joined(connection, values)
            if page is None:
                page = self._row_by_row(connection, values)
            facts += page
            if len(page) < count:
                break
            after = facts[-1][0]
        return facts

    def _joined(
        self, connection: sqlite3.Connection, values: tuple[str, int, int]
    ) -> Facts | None:
        """A page in one row; None when anything about it is out of the ordinary."""
        versions, types, data = connection.execute(_JOINED, values).fetchone()
        if versions is None:
            return []
        try:
            numbers = orjson.loads(f"[{versions}]")
            events = self._decoded(
                orjson.loads(f"[{types}]"), orjson.loads(b"[%b]" % data)
            )
        except Exception:
            # Whatever it is, reading row by row finds the event that has it.
            return None
        first, count = numbers[0], len(numbers)
        # SQLite keeps the order of the subquery, but does not promise it.
        if numbers != list(range(first, first + count)) or len(events) != count:
            return None
        return list(zip(numbers, events, strict=True))

    def _decoded(self, types: list[int], members: list[object]) -> list[Event]:
        decoders = self._decoders
        for kind in set(types) - decoders.keys():
            decoders[kind] = members_decoder(*self._types[kind])
        if types.count(types[0]) == len(types):
            return list(map(decoders[types[0]], members))
        return [decoders[kind](item) for kind, item in zip(types, members, strict=True)]

    def _row_by_row(
        self, connection: sqlite3.Connection, values: tuple[str, int, int]
    ) -> Facts:
        stream = values[0]
        return [
            (
                version,
                decoded(self._named(kind, stream, version), data, stream, version),
            )
            for version, kind, data in connection.execute(_ROWS, values)
        ]

    def _named(self, kind: int, stream: str, version: int) -> tuple[str, int]:
        try:
            return self._types[kind]
        except KeyError:
            raise StreamCorrupted("type is not known", stream, version) from None
