"""The library that stands between SQLite and the disk, and the block that rules it."""

from __future__ import annotations

import ctypes
import mmap
import shutil
import subprocess
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from pathlib import Path
from typing import ClassVar, Self

SOURCE = Path(__file__).with_name("shim.c")
FOR_EVER = 2**62


class Call(IntFlag):
    """What a process asks the operating system to do with a file."""

    ANSWERED = 0
    WRITE = 1
    SYNC = 2
    TRUNCATE = 4
    UNLINK = 8
    CREATE = 16
    ANY = 31
    SPACE = WRITE | TRUNCATE | CREATE


class Kind(IntFlag):
    """Which of a store's files it is."""

    DB = 1
    WAL = 2
    SHM = 4
    JOURNAL = 8
    FOLDER = 16
    ANY = 31
    DURABLE = DB | WAL | JOURNAL | FOLDER


class Action(IntEnum):
    """What is done to a call."""

    PASS = 0
    KILL_BEFORE = 1
    KILL_HALF = 2
    KILL_AFTER = 3
    FAIL = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What happens to which calls: the first is number 1, counted from `arm`."""

    action: Action
    first: int = 1
    last: int = FOR_EVER
    calls: Call = Call.ANY
    files: Kind = Kind.DURABLE
    error: int = 0


class _Block(ctypes.Structure):
    _fields_: ClassVar = [
        ("first", ctypes.c_int64),
        ("last", ctypes.c_int64),
        ("seen", ctypes.c_int64),
        ("calls", ctypes.c_int32),
        ("files", ctypes.c_int32),
        ("action", ctypes.c_int32),
        ("error", ctypes.c_int32),
        ("recording", ctypes.c_int32),
        ("loaded", ctypes.c_int32),
    ]
    first: int
    last: int
    seen: int
    calls: int
    files: int
    action: int
    error: int
    recording: int
    loaded: int


class Control:
    """The block of one process and its children; works at once, from outside too.

    Args:
        path: A file for it; made when it is not there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            path.write_bytes(bytes(ctypes.sizeof(_Block)))
        with path.open("r+b") as file:
            self._block = _Block.from_buffer(mmap.mmap(file.fileno(), 0))

    @classmethod
    def fresh(cls, folder: Path) -> Self:
        """A block of its own in a folder."""
        return cls(folder / "control")

    def arm(self, fault: Fault) -> None:
        """From now on, do this."""
        block = self._block
        block.action = Action.PASS
        block.seen = 0
        block.first, block.last = fault.first, fault.last
        block.calls, block.files = fault.calls, fault.files
        block.error = fault.error
        block.action = fault.action

    def disarm(self) -> int:
        """All is well again; how many calls were counted since `arm`."""
        self._block.action = Action.PASS
        return self._block.seen

    def record(self, on: bool) -> None:
        """Whether changes are written to the log."""
        self._block.recording = on

    @property
    def is_loaded(self) -> bool:
        """Whether a process has really loaded the library."""
        return bool(self._block.loaded)

    def environment(self, library: Path, prefix: Path, log: Path) -> dict[str, str]:
        """The variables that put the library into a process."""
        return {
            "LD_PRELOAD": str(library),
            "CRASH_CONTROL": str(self.path),
            "CRASH_PREFIX": str(prefix),
            "CRASH_LOG": str(log),
        }


def build(folder: Path) -> Path:
    """Compile the library.

    Raises:
        AssertionError: There is no C compiler, or it is not content.
    """
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    assert compiler, "the tests of crashes need a C compiler (cc, gcc or clang)"
    library = folder / "shim.so"
    strict = ("-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC")
    command = [compiler, *strict, "-o", str(library), str(SOURCE), "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return library
