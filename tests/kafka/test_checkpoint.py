"""The checkpoint in a file: the old mark or the new one, never half of one."""

from __future__ import annotations

import os
from pathlib import Path
from stat import S_ISDIR

import pytest

from healthpay_core.ids import derive_id
from healthpay_kafka import FileCheckpoint, Mark

OLD = Mark(position=7, event_id=derive_id("old"))
NEW = Mark(position=2**40, event_id=derive_id("new"))


@pytest.fixture
def checkpoint(tmp_path: Path) -> FileCheckpoint:
    """A checkpoint with an old mark."""
    kept = FileCheckpoint(tmp_path / "mark")
    kept.save(OLD)
    return kept


def test_the_last_mark_is_loaded(checkpoint: FileCheckpoint) -> None:
    """V7: what was saved is there for the next relay, and nothing lies beside it."""
    assert FileCheckpoint(checkpoint.path).load() == OLD
    checkpoint.save(NEW)
    assert FileCheckpoint(checkpoint.path).load() == NEW
    assert list(checkpoint.path.parent.iterdir()) == [checkpoint.path]


def test_no_mark_is_none(tmp_path: Path) -> None:
    """V7: a relay that never ran has no mark."""
    assert FileCheckpoint(tmp_path / "mark").load() is None


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"7",
        b"[]",
        b"\xff",
        b'{"position": 7}',
        b'{"position": "7", "event_id": "%s"}' % OLD.event_id.encode(),
        b'{"position": true, "event_id": "%s"}' % OLD.event_id.encode(),
        b'{"position": 0, "event_id": "%s"}' % OLD.event_id.encode(),
        b'{"position": 7, "event_id": "x"}',
        b'{"position": 7, "event_id": 7}',
    ],
)
def test_what_cannot_be_read_counts_as_lost(
    text: bytes, checkpoint: FileCheckpoint
) -> None:
    """V7: a mark is never guessed from damaged bytes."""
    checkpoint.path.write_bytes(text)
    assert checkpoint.load() is None


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_save_that_fails_leaves_the_old_mark(
    step: str, checkpoint: FileCheckpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """V7: a full disk takes nothing away, and leaves nothing behind."""

    def fail(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os if step == "fsync" else Path, step, fail)
    with pytest.raises(OSError, match="no space"):
        checkpoint.save(NEW)
    assert checkpoint.load() == OLD
    assert list(checkpoint.path.parent.iterdir()) == [checkpoint.path]


def test_a_mark_is_on_disk_before_it_replaces_the_old_one(
    checkpoint: FileCheckpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """V7: file, then name, then folder, each synced before the next."""
    steps: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def synced(descriptor: int) -> None:
        kind = "folder" if S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        steps.append(f"sync {kind}")
        fsync(descriptor)

    def replaced(path: Path, target: Path) -> Path:
        steps.append("rename")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    checkpoint.save(NEW)
    assert steps == ["sync file", "rename", "sync folder"]
