"""A folder for the files of a row, and the stores in it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from healthpay_core import CommandHandler
from healthpay_sql import SqliteEventStore


@contextmanager
def folder() -> Iterator[Path]:
    """A folder that is gone afterwards; `TMPDIR` says on which disk."""
    with TemporaryDirectory(prefix="healthpay-bench-") as name:
        yield Path(name)


@contextmanager
def durable(path: Path) -> Iterator[tuple[SqliteEventStore, CommandHandler]]:
    """A store that acknowledges what is on disk, and its handler."""
    with SqliteEventStore(path, synchronous="FULL") as store:
        yield store, CommandHandler(store, snapshots=store)


def payload_bytes(path: Path) -> int:
    """The mean size of an event's JSON in a store's file."""
    connection = sqlite3.connect(path)
    try:
        query = "SELECT avg(length(data)) FROM events"
        mean: float = connection.execute(query).fetchone()[0]
        return round(mean)
    finally:
        connection.close()
