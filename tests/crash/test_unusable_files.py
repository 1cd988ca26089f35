"""Files that cannot be written, or are not whole: refused, with what to do."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from healthpay_sql import SqliteEventStore, StoreFileError
from tests.crash.launching import Worker
from tests.crash.scenario import STEPS, audit

pytestmark = pytest.mark.crash

NOBODY = 65_534


@pytest.fixture
def path(worker: Worker) -> Iterator[Path]:
    """A store with steps in it, alone in a folder, that everybody may write."""
    folder = worker.folder / "shop"
    folder.mkdir()
    path = folder / "store.db"
    worker.do(path)
    folder.chmod(0o777)
    path.chmod(0o666)
    yield path
    # Else who is not root could not clean up.
    folder.chmod(0o777)


def as_somebody_else(worker: Worker, path: Path) -> str:
    """What is said to a user whom permissions bind; root they do not."""
    before = path.read_bytes() if path.is_file() else None
    text = worker.do(path, user=NOBODY).said("refused")
    assert isinstance(text, str), "it was not refused"
    assert text.startswith(f"{path}: ")
    assert (path.read_bytes() if path.is_file() else None) == before
    return text


def test_who_may_write_works(worker: Worker, path: Path) -> None:
    """I4: the same user, with permissions: the refusals below are about those."""
    assert worker.do(path, user=NOBODY).acknowledged == len(STEPS)


def test_a_read_only_file_is_refused(worker: Worker, path: Path) -> None:
    """E5: the text names the file and what to check; the file is left alone."""
    path.chmod(0o444)
    assert "cannot be written; check the permissions" in as_somebody_else(worker, path)


def test_a_read_only_folder_is_refused(worker: Worker, path: Path) -> None:
    """E5: SQLite writes beside the file too, and the text says so."""
    path.parent.chmod(0o555)
    assert "permissions of the file and its folder" in as_somebody_else(worker, path)
    path.parent.chmod(0o777)
    path.unlink()
    path.parent.chmod(0o555)
    assert "permissions of the file and its folder" in as_somebody_else(worker, path)


def test_an_unreadable_file_is_refused(worker: Worker, path: Path) -> None:
    """E5: neither the file nor a folder that hides it ends in a traceback."""
    path.chmod(0o000)
    if os.geteuid() == 0:
        assert "cannot be opened; check the path" in as_somebody_else(worker, path)
    path.chmod(0o666)
    path.parent.chmod(0o700 if os.geteuid() == 0 else 0o000)
    text = worker.do(path, user=NOBODY).said("refused")
    path.parent.chmod(0o777)
    assert f"{path}: cannot be looked at; check its permissions" in str(text)


def test_a_file_that_was_cut_off_is_refused(path: Path, tmp_path: Path) -> None:
    """C5: wherever it ends, it is not taken for a store with less in it."""
    content = path.read_bytes()
    with SqliteEventStore(path) as store:
        audit(store, len(STEPS), len(STEPS))
    cut = tmp_path / "cut.db"
    for size in (1, 100, 4095, *range(4096, len(content), 4096), len(content) - 1):
        cut.write_bytes(content[:size])
        with pytest.raises(StoreFileError, match=r"damaged|not an SQLite file"):
            SqliteEventStore(cut)
        assert cut.read_bytes() == content[:size], f"{size} bytes were written to"


def test_a_store_of_a_newer_version_is_left_alone(path: Path) -> None:
    """A4: refused before a byte of it is written."""
    with closing(sqlite3.connect(path)) as newer:
        newer.execute("PRAGMA user_version = 99")
        newer.execute("PRAGMA journal_mode = DELETE")
    before = path.read_bytes()
    with pytest.raises(StoreFileError, match="use the newer HealthPay that wrote it"):
        SqliteEventStore(path)
    assert path.read_bytes() == before
