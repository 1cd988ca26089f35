"""The numbers that a file has given to the types of events."""

from __future__ import annotations

import sqlite3

from healthpay_core import EVENT_TYPES
from healthpay_sql.rows import TypeKeys


def type_keys(connection: sqlite3.Connection) -> TypeKeys:
    """The numbers of the event types in this file; new types get one."""
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(
        "INSERT INTO event_types (name, version) VALUES (?, ?) ON CONFLICT DO NOTHING",
        [
            (kind.name, version)
            for kind in EVENT_TYPES.values()
            for version in range(1, kind.version + 1)
        ],
    )
    connection.execute("COMMIT")
    rows = connection.execute("SELECT key, name, version FROM event_types")
    return {key: (name, version) for key, name, version in rows}
