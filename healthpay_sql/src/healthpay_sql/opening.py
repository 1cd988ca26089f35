"""Opening a store's file: made, migrated, or refused with a clear reason."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, TypeAlias

from healthpay_sql.schema import APPLICATION_ID, MIGRATIONS

Synchronous: TypeAlias = Literal["FULL", "NORMAL"]

BUSY_TIMEOUT_S: Final = 5.0
"""How long one process waits for another that is writing."""


_LEAST_PAGE: Final = 512


class StoreFileError(Exception):
    """The file cannot be used as a store; says why and what to do."""


def connect(path: Path, synchronous: Synchronous = "FULL") -> sqlite3.Connection:
    """A connection in autocommit mode with the store's settings."""
    connection = sqlite3.connect(
        path,
        timeout=BUSY_TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=512,
    )
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    connection.execute("PRAGMA wal_autocheckpoint = 4000")
    connection.execute("PRAGMA cache_size = -65536")
    return connection


def open_file(
    path: Path, synchronous: Synchronous, migrations: Sequence[str] = MIGRATIONS
) -> sqlite3.Connection:
    """Open a store for writing; make it where there is nothing.

    Raises:
        StoreFileError: The folder is missing, the file is not SQLite, belongs
            to another program, is damaged, cannot be written, or was written
            by a newer version.
    """
    try:
        if not path.parent.is_dir():
            raise StoreFileError(f"{path}: the folder does not exist; make it first")
        _refuse_foreign(path, len(migrations))
        connection = connect(path, synchronous)
    except sqlite3.Error as error:
        raise explained(path, error) from error
    except OSError as error:
        text = f"cannot be looked at; check its permissions ({error.strerror})"
        raise StoreFileError(f"{path}: {text}") from error
    try:
        _migrate(connection, path, migrations)
        connection.execute("SELECT max(position) FROM events").fetchone()
    except sqlite3.Error as error:
        connection.close()
        raise explained(path, error) from error
    except StoreFileError:
        connection.close()
        raise
    return connection


def _refuse_foreign(path: Path, known: int) -> None:
    """Look before anything is written into somebody else's file, or a newer one."""
    size = path.stat().st_size if path.exists() else 0
    if size == 0:
        return
    if size < _LEAST_PAGE:
        # Of a single byte SQLite thinks that it is nothing, and writes over it.
        raise StoreFileError(f"{path}: {_REASONS[sqlite3.SQLITE_NOTADB]}")
    is_at_rest = not any(
        other.exists() and other.stat().st_size
        for other in (path.with_name(path.name + end) for end in ("-wal", "-journal"))
    )
    probe = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
    try:
        owner = probe.execute("PRAGMA application_id").fetchone()[0]
        tables = probe.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        layout = probe.execute("PRAGMA user_version").fetchone()[0]
        page = probe.execute("PRAGMA page_size").fetchone()[0]
    finally:
        probe.close()
    if owner != APPLICATION_ID and tables:
        raise StoreFileError(
            f"{path}: is another program's SQLite file, not a HealthPay store; "
            "name another file"
        )
    if owner == APPLICATION_ID:
        _refuse_newer(path, layout, known)
        if is_at_rest and size % page:
            # SQLite reads zeros where the end of the last page is missing.
            raise StoreFileError(f"{path}: {_REASONS[sqlite3.SQLITE_CORRUPT]}")


def _refuse_newer(path: Path, layout: int, known: int) -> None:
    if layout > known:
        raise StoreFileError(
            f"{path}: has layout {layout}, this version knows {known}; "
            "use the newer HealthPay that wrote it"
        )


def _migrate(
    connection: sqlite3.Connection, path: Path, migrations: Sequence[str]
) -> None:
    connection.execute("BEGIN IMMEDIATE")
    done = int(connection.execute("PRAGMA user_version").fetchone()[0])
    # Once more: now nobody else can migrate it.
    _refuse_newer(path, done, len(migrations))
    for step, script in enumerate(migrations[done:], done + 1):
        for statement in _statements(script):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {step}")
    # Written each time, also when it is there: this commit syncs what a process
    # that was killed had written and not synced, before anybody is told of it.
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute("COMMIT")


def _statements(script: str) -> list[str]:
    # Not `executescript`: it would commit the transaction that guards the step.
    return [s for s in script.split(";") if s.strip()]


_REASONS: Final[Mapping[int, str]] = {
    sqlite3.SQLITE_NOTADB: "is not an SQLite file; name another file",
    sqlite3.SQLITE_CORRUPT: "is damaged; restore it from a backup",
    sqlite3.SQLITE_READONLY: (
        "cannot be written; check the permissions of the file and its folder"
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "cannot be opened; check the path, the permissions of the file and its"
        " folder, and the space on the disk"
    ),
    sqlite3.SQLITE_BUSY: "is locked by another program; stop that one first",
    sqlite3.SQLITE_FULL: "cannot grow: the disk is full; make space",
    sqlite3.SQLITE_IOERR: "cannot be read or written: the disk reports an error",
}


def primary_code(error: sqlite3.Error) -> int:
    """SQLite's code of an error, such as `sqlite3.SQLITE_BUSY`; 0 without one."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def reason_of(error: sqlite3.Error) -> str:
    """What is the matter with the file, and what to do; without its name."""
    return f"{_REASONS.get(primary_code(error), 'cannot be used')} ({error})"


def explained(path: Path, error: sqlite3.Error) -> StoreFileError:
    """The error of a file that cannot be opened."""
    return StoreFileError(f"{path}: {reason_of(error)}")
