"""A disk that loses what was not synced, rebuilt from the calls of a process.

What a power cut may leave is stricter here than on most file systems: a write
that was not synced may be there, not there, or there in some of its sectors of
512 bytes, whatever came before or after it; a file that was made is there after
a sync of its folder only. What SQLite relies on holds: a write harms no byte
beside those that it writes, and what was synced stays.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final, TypeAlias

from tests.crash.shim import Call, Kind

SECTOR: Final = 512
_HEAD: Final = struct.Struct("=iiqq")
SUFFIXES: Final = {Kind.DB: "", Kind.WAL: "-wal", Kind.JOURNAL: "-journal"}


@dataclass(frozen=True, slots=True)
class Change:
    """One call that changed a file, in the order of the log."""

    call: Call
    kind: Kind
    offset: int
    data: bytes

    @property
    def label(self) -> str:
        """Such as ``WRITE WAL``."""
        return f"{self.call.name} {self.kind.name}" if self.call else "ANSWERED"


Image: TypeAlias = Mapping[Kind, bytes]
Keeps: TypeAlias = Callable[[Change], Iterator[Change]]
"""What is left of a change that was not synced: all, nothing, or parts."""


def changes(log: Path) -> Iterator[Change]:
    """What the log holds, without the index in shared memory.

    That file is not on the disk: SQLite makes it anew from the log of commits.
    """
    content, start = log.read_bytes(), 0
    while start < len(content):
        call, kind, offset, length = _HEAD.unpack_from(content, start)
        start += _HEAD.size
        if call == Call.ANSWERED or kind != Kind.SHM:
            data = content[start : start + length]
            # An answer has the number of its step where a change has its file.
            kept = Kind(kind) if call else Kind.DB
            place = offset if call else kind
            yield Change(Call(call), kept, place, data)
        start += length


@dataclass
class _File:
    """What of a file is safe, and what has changed since."""

    synced: bytes = b""
    pending: list[Change] = field(default_factory=list)

    def content(self, keeps: Keeps) -> bytes:
        content = bytearray(self.synced)
        for change in self.pending:
            for part in keeps(change):
                _apply(content, part)
        return bytes(content)


def _apply(content: bytearray, change: Change) -> None:
    if change.call == Call.TRUNCATE:
        del content[change.offset :]
        content.extend(bytes(change.offset - len(content)))
        return
    content.extend(bytes(max(0, change.offset - len(content))))
    content[change.offset : change.offset + len(change.data)] = change.data


class Disk:
    """The files of one store: what processes see, and what is safe."""

    def __init__(self) -> None:
        self.last: Change | None = None
        self._seen: dict[Kind, _File] = {}
        self._safe: dict[Kind, _File] = {}

    def apply(self, change: Change) -> None:
        """The next call of the log was done."""
        kind, files = change.kind, self._seen
        if kind == Kind.FOLDER:
            if change.call == Call.SYNC:
                self._safe = dict(files)
        elif change.call == Call.CREATE:
            files[kind] = _File()
        elif change.call == Call.UNLINK:
            del files[kind]
        elif change.call == Call.SYNC:
            files[kind].synced = files[kind].content(everything)
            files[kind].pending.clear()
        else:
            files[kind].pending.append(change)
            self.last = change

    def image(self, keeps: Keeps, stays: Callable[[], bool]) -> Image:
        """The files after a power cut.

        Args:
            keeps: What is left of each write that was not synced.
            stays: Whether a file made or removed since the last sync of the
                folder is as it was seen last.
        """
        image: dict[Kind, bytes] = {}
        for kind in SUFFIXES:
            found = self._seen if stays() else self._safe
            if kind in found:
                image[kind] = found[kind].content(keeps)
        return image


def everything(change: Change) -> Iterator[Change]:
    """As after the end of the process alone."""
    yield change


def nothing(_: Change) -> Iterator[Change]:
    """The disk had not begun with it."""
    yield from ()


def some(random: Random) -> Keeps:
    """Whole writes, in any selection."""

    def keeps(change: Change) -> Iterator[Change]:
        if random.random() < 0.5:
            yield change

    return keeps


def sectors(random: Random) -> Keeps:
    """Any selection of the sectors of each write."""

    def keeps(change: Change) -> Iterator[Change]:
        if change.call == Call.TRUNCATE:
            yield from some(random)(change)
            return
        yield from (p for p in _sectors_of(change) if random.random() < 0.5)

    return keeps


def torn(last: Change | None, random: Random) -> Keeps:
    """All, but of the last write only the first sectors."""

    def keeps(change: Change) -> Iterator[Change]:
        if change is not last or change.call == Call.TRUNCATE:
            yield change
            return
        parts = list(_sectors_of(change))
        yield from parts[: random.randrange(len(parts))]

    return keeps


def _sectors_of(change: Change) -> Iterator[Change]:
    start, end = change.offset, change.offset + len(change.data)
    while start < end:
        stop = min(end, (start // SECTOR + 1) * SECTOR)
        data = change.data[start - change.offset : stop - change.offset]
        yield Change(change.call, change.kind, start, data)
        start = stop


def power_cuts(
    disk: Disk, random: Random
) -> tuple[tuple[str, Callable[[], Image]], ...]:
    """The ways in which the power may fail now."""

    def coin() -> bool:
        return random.random() < 0.5

    return (
        ("nothing", lambda: disk.image(nothing, lambda: False)),
        ("some writes", lambda: disk.image(some(random), coin)),
        ("some sectors", lambda: disk.image(sectors(random), coin)),
        ("torn last write", lambda: disk.image(torn(disk.last, random), lambda: True)),
        ("names only", lambda: disk.image(nothing, lambda: True)),
        ("everything", lambda: disk.image(everything, lambda: True)),
    )


def lay_out(image: Image, path: Path, random: Random) -> None:
    """Put the files where a store can be opened; garbage where memory was."""
    for kind, suffix in SUFFIXES.items():
        file = path.with_name(path.name + suffix)
        file.unlink(missing_ok=True)
        if kind in image:
            file.write_bytes(image[kind])
    path.with_name(path.name + "-shm").write_bytes(random.randbytes(32_768))
