"""The file's layout, in steps; a file remembers how many it has taken."""

from __future__ import annotations

from typing import Final

APPLICATION_ID: Final = 0x48504159
"""`HPAY`: how a file says that it is a HealthPay store."""

_FIRST: Final = """
CREATE TABLE event_types (
    key INTEGER PRIMARY KEY, name TEXT NOT NULL, version INTEGER NOT NULL,
    UNIQUE (name, version)
);
CREATE TABLE streams (key INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
-- One row per decided command, to which its events refer for what they share.
-- The month before the id keeps the inserts of the index close together.
CREATE TABLE commands (
    key INTEGER PRIMARY KEY, month INTEGER NOT NULL, id NOT NULL,
    fingerprint BLOB NOT NULL, meta BLOB NOT NULL, outcome BLOB,
    UNIQUE (month, id)
);
-- A rowid table on purpose, so that rows are appended where the file ends.
CREATE TABLE events (
    position INTEGER PRIMARY KEY, stream INTEGER NOT NULL, version INTEGER NOT NULL,
    type INTEGER NOT NULL, command INTEGER NOT NULL, id NOT NULL,
    data BLOB NOT NULL, hash BLOB NOT NULL,
    UNIQUE (stream, version)
);
"""
_SNAPSHOTS: Final = """
CREATE TABLE snapshots (
    stream TEXT PRIMARY KEY, version INTEGER NOT NULL, state BLOB NOT NULL
) WITHOUT ROWID;
"""

MIGRATIONS: Final = (_FIRST, _SNAPSHOTS)
"""Applied in order, each once, in one transaction each."""
