"""Inserting many rows with few statements.

sqlite3 gives up the interpreter lock at every row of `executemany` and must win
it back; one statement of many rows gives it up once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Final

from healthpay_sql.rows import Row

_MOST_ROWS: Final = 64


@lru_cache(maxsize=256)
def _insert(table: str, columns: int, rows: int) -> str:
    row = f"({','.join('?' * columns)})"
    # Table names are this package's own constants.
    return f"INSERT INTO {table} VALUES {','.join([row] * rows)}"


def insert_rows(
    connection: sqlite3.Connection, table: str, rows: Sequence[Row]
) -> None:
    """Insert all rows, in chunks of powers of two so that statements are reused."""
    start, left = 0, len(rows)
    columns = len(rows[0]) if rows else 0
    while left:
        count = min(_MOST_ROWS, 1 << (left.bit_length() - 1))
        values = tuple(chain.from_iterable(rows[start : start + count]))
        connection.execute(_insert(table, columns, count), values)
        start, left = start + count, left - count


@lru_cache(maxsize=1024)
def marks(count: int) -> str:
    """So many question marks, for an `IN` list."""
    return ",".join("?" * count)
