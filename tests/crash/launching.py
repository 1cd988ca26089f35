"""The parent's side of the worker: jobs out, what became of them in."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Self

import orjson

from tests.crash.scenario import reference
from tests.crash.shim import Control, Fault
from tests.crash.worker import Job, packed_fault

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a fork ended, and what it had said until then.

    Attributes:
        path: The store's file.
        signal: What killed it, 0 when it ended by itself.
        told: The lines that it wrote.
    """

    path: Path
    signal: int
    told: Sequence[Mapping[str, object]]

    @property
    def answers(self) -> list[tuple[int, Sequence[str]]]:
        """The answered steps, in order, each with the codes of its commands."""
        found: list[tuple[int, Sequence[str]]] = []
        for line in self.told:
            step, codes = line.get("step"), line.get("codes")
            if isinstance(step, int) and isinstance(codes, list):
                found.append((step, codes))
        return found

    @property
    def acknowledged(self) -> int:
        """How many steps were answered as a store without faults answers them."""
        done = {s + 1 for s, codes in self.answers if codes == reference().codes(s)}
        return max(done, default=0)

    def said(self, name: str) -> object:
        """The last line of that name, or None."""
        found = [line[name] for line in self.told if name in line]
        return found[-1] if found else None


class Worker:
    """A server of forks in whose calls the library stands.

    Args:
        library: As `shim.build` made it.
        folder: For the files of the jobs; all may look into it.
    """

    def __init__(self, library: Path, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log"
        self.log.touch()
        self.log.chmod(0o666)
        self.control = Control.fresh(folder)
        self._numbers = count(1)
        shim = self.control.environment(library, folder / "store", self.log)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.worker"],
            cwd=ROOT,
            env={**os.environ, **shim},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def new_path(self) -> Path:
        """A file for a store that no other job has used."""
        return self.folder / f"store{next(self._numbers)}"

    def do(self, path: Path | None = None, /, **job: object) -> Ended:
        """Have a job done; a `Fault` may be given as it is.

        Raises:
            AssertionError: The fork failed otherwise than by a signal.
        """
        path = self.new_path() if path is None else path
        told = self.folder / f"told{next(self._numbers)}"
        told.touch()
        told.chmod(0o666)
        for name, value in job.items():
            if isinstance(value, Fault):
                job[name] = packed_fault(value)
        order = Job(path=str(path), told=str(told), **job)  # type: ignore[arg-type]
        status = self._exchange(order.packed())
        assert self.control.is_loaded, "the library was not loaded"
        assert os.WIFSIGNALED(status) or status == 0, f"{order}: {status}"
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        lines = [orjson.loads(line) for line in told.read_bytes().splitlines()]
        told.unlink()
        return Ended(path=path, signal=number, told=lines)

    def _exchange(self, line: bytes) -> int:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(line)
        process.stdin.flush()
        return int(process.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process.wait(timeout=30)
