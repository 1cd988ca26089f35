"""A file is made, migrated, or refused with a reason; never harmed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from healthpay_core import CommandHandler, StoreQueries, StreamId
from healthpay_sql import SqliteEventStore, StoreFileError
from healthpay_sql.opening import open_file
from healthpay_sql.schema import MIGRATIONS

Funded = Callable[[CommandHandler, int], str]
HandlerOn = Callable[..., CommandHandler]


def test_a_new_file_survives_reopening(
    path: Path, handler_on: HandlerOn, funded: Funded
) -> None:
    """I7: what was acknowledged is there when the file is opened again."""
    with SqliteEventStore(path) as store:
        wallet_id = funded(handler_on(store), 700)
    with SqliteEventStore(path) as again:
        wallet = StoreQueries(again).wallet(wallet_id)
        assert wallet is not None
        assert (wallet.balance, wallet.version) == (700, 3)
        assert [e.position for e in again.feed()] == [1, 2, 3]


def test_an_empty_file_becomes_a_store(path: Path) -> None:
    """V1: a file of no bytes belongs to nobody and may be used."""
    path.touch()
    with SqliteEventStore(path) as store:
        assert store.feed() == []


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """E5: the text says what is missing and what to do."""
    with pytest.raises(StoreFileError, match="folder does not exist; make it first"):
        SqliteEventStore(tmp_path / "no" / "store.db")


def test_another_programs_database_is_left_alone(path: Path) -> None:
    """E3: a foreign file is refused and stays byte for byte what it was."""
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE recipes (name TEXT)")
    other.commit()
    other.close()
    before = path.read_bytes()
    with pytest.raises(StoreFileError, match="another program's SQLite file"):
        SqliteEventStore(path)
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_left_alone(path: Path) -> None:
    """E3: a text file is refused and not overwritten."""
    path.write_text("minutes of the meeting\n" * 200)
    before = path.read_bytes()
    with pytest.raises(StoreFileError, match="is not an SQLite file"):
        SqliteEventStore(path)
    assert path.read_bytes() == before


def test_a_damaged_store_is_refused(
    path: Path, handler_on: HandlerOn, funded: Funded
) -> None:
    """C5: a store whose pages are overwritten is not used."""
    with SqliteEventStore(path) as store:
        funded(handler_on(store), 1)
    content = bytearray(path.read_bytes())
    content[100:] = b"\xa5" * (len(content) - 100)
    path.write_bytes(bytes(content))
    with pytest.raises(StoreFileError, match="damaged"):
        SqliteEventStore(path)


def test_a_newer_file_is_refused(path: Path) -> None:
    """A4: an older program does not touch what a newer one wrote."""
    open_file(path, "FULL", (*MIGRATIONS, "CREATE TABLE later (x)")).close()
    with pytest.raises(StoreFileError, match="has layout 3, this version knows 2"):
        SqliteEventStore(path)


def test_an_older_file_is_migrated_at_open(path: Path) -> None:
    """A4: a file of the first layout gets the later steps, once."""
    with pytest.raises(sqlite3.OperationalError, match="snapshots"):
        open_file(path, "FULL", MIGRATIONS[:1]).execute("SELECT * FROM snapshots")
    for _ in range(2):
        with SqliteEventStore(path) as store:
            assert store.load_snapshot(StreamId("wallet/x")) is None
    probe = sqlite3.connect(path)
    assert probe.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
    probe.close()


def test_a_migration_that_fails_changes_nothing(path: Path) -> None:
    """E3: a step is taken whole or not at all."""
    broken = ("CREATE TABLE a (x); CREATE TABLE a (x)",)
    with pytest.raises(StoreFileError):
        open_file(path, "FULL", broken)
    probe = sqlite3.connect(path)
    assert probe.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    probe.close()


def test_a_path_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    """E5: a folder is no file."""
    with pytest.raises(StoreFileError, match="cannot be opened"):
        SqliteEventStore(tmp_path)


def test_a_file_locked_by_another_program_is_named(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E4: a lock is said to be a lock."""
    SqliteEventStore(path).close()
    monkeypatch.setattr("healthpay_sql.opening.BUSY_TIMEOUT_S", 0.05)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreFileError, match="locked by another program"):
        SqliteEventStore(path)
    other.close()


def test_full_is_the_default_and_normal_must_be_asked_for(path: Path) -> None:
    """I7: acknowledged means on disk, unless the caller chose otherwise."""
    full = open_file(path, "FULL")
    assert full.execute("PRAGMA synchronous").fetchone() == (2,)
    full.close()
    with SqliteEventStore(path) as store:
        writer = store._writing.connection
        assert writer.execute("PRAGMA synchronous").fetchone() == (2,)
    with SqliteEventStore(path, synchronous="NORMAL") as store:
        writer = store._writing.connection
        assert writer.execute("PRAGMA synchronous").fetchone() == (1,)
