"""The process that is killed: a server of forks, `python -m tests.crash.worker`.

It reads one job a line (JSON) and answers with the wait status of the fork that
did it. Starting Python once and forking makes hundreds of crashes affordable.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import struct
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import orjson

from healthpay_core import Append, AppendResult
from healthpay_sql import SqliteEventStore, StoreFileError, Synchronous
from tests.crash.plants import PLANTS
from tests.crash.scenario import STEPS, Player, code_of, reference
from tests.crash.shim import Action, Call, Control, Fault, Kind

ACK = struct.Struct("=iiqq")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a fork does.

    Attributes:
        path: The store's file.
        told: Where it writes what it was answered, one JSON line a step.
        synchronous: The setting of the store.
        first: The step it begins with; the ones before are there.
        fault: Happens while step `faulty` is done; from the start on if that is -1.
        then: Happens while that step is done again, and before it dies.
        dies: Whether it kills itself when the faulty step is answered; else it
            sends that step again, and goes on.
        kill_at: It kills itself at this point between two actions, 1 the first.
        checkpoint_pages: A checkpoint each so many pages of the log.
        user: As whom it works, where it is root.
        plant: A bug that is put into the store first.
    """

    path: str
    told: str
    synchronous: Synchronous = "FULL"
    first: int = 0
    end: int = len(STEPS)
    fault: Mapping[str, int] = field(default_factory=dict)
    faulty: int = -1
    then: Mapping[str, int] = field(default_factory=dict)
    dies: bool = False
    kill_at: int = 0
    checkpoint_pages: int = 24
    user: int = 0
    plant: str = ""

    def packed(self) -> bytes:
        """As one line."""
        return orjson.dumps(asdict(self)) + b"\n"


def packed_fault(fault: Fault) -> dict[str, int]:
    """A fault as a job carries it."""
    return {name: int(value) for name, value in asdict(fault).items()}


def _fault_of(packed: Mapping[str, int]) -> Fault:
    return Fault(
        action=Action(packed["action"]),
        first=packed["first"],
        last=packed["last"],
        calls=Call(packed["calls"]),
        files=Kind(packed["files"]),
        error=packed["error"],
    )


class _Points:
    """Counts the points between the actions of an append, and dies at one."""

    def __init__(self, kill_at: int) -> None:
        self.passed: list[str] = []
        self._kill_at = kill_at

    def __call__(self, name: str) -> None:
        self.passed.append(name.partition("(")[0][:40])
        if len(self.passed) == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


class _Watched(SqliteEventStore):
    """A store with points before and after each append and at each statement."""

    def watch(self, points: _Points, checkpoint_pages: int) -> None:
        connection: sqlite3.Connection = self._writing.connection
        connection.execute(f"PRAGMA wal_autocheckpoint = {checkpoint_pages}")
        connection.set_trace_callback(points)
        self._points = points

    def append(self, append: Append) -> AppendResult:
        self._points("append")
        result = super().append(append)
        self._points("appended")
        return result


class _Work:
    """One job, in the fork that does it."""

    def __init__(self, job: Job, control: Control) -> None:
        self._job, self._control = job, control
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        self._told = os.open(job.told, flags, 0o666)
        self._log = os.open(os.environ["CRASH_LOG"], flags, 0o666)
        self._points = _Points(job.kill_at)

    def do(self) -> None:
        job = self._job
        if job.plant:
            PLANTS[job.plant]()
        if job.user and os.geteuid() == 0:
            os.setgroups([])
            os.setgid(job.user)
            os.setuid(job.user)
        if job.fault and job.faulty < 0:
            self._control.arm(_fault_of(job.fault))
        try:
            store = _Watched(job.path, synchronous=job.synchronous)
        except StoreFileError as error:
            self._tell({"refused": str(error)})
            return
        store.watch(self._points, job.checkpoint_pages)
        player = Player(store, store)
        for index in range(job.first, job.end):
            if job.fault and index == job.faulty:
                self._faulty_step(player, index)
            # After a fault this is the same request once more.
            self._step(player, index)
        store.close()
        self._tell({"points": self._points.passed})

    def _faulty_step(self, player: Player, index: int) -> None:
        self._control.arm(_fault_of(self._job.fault))
        self._step(player, index)
        self._tell({"seen": self._control.disarm()})
        if self._job.then:
            self._control.arm(_fault_of(self._job.then))
            self._step(player, index)
            self._control.disarm()
        if self._job.dies:
            os.kill(os.getpid(), signal.SIGKILL)

    def _step(self, player: Player, index: int) -> None:
        codes = [code_of(outcome) for outcome in player.play(index)]
        self._points("played")
        self._tell({"step": index, "codes": codes})
        if codes == reference().codes(index):
            # In the same log as the writes, hence in order with them.
            os.write(self._log, ACK.pack(Call.ANSWERED, index, 0, 0))

    def _tell(self, said: object) -> None:
        os.write(self._told, orjson.dumps(said) + b"\n")


def main() -> None:
    """Do jobs until there are no more."""
    control = Control(Path(os.environ["CRASH_CONTROL"]))
    reference()
    for line in sys.stdin.buffer:
        job = Job(**orjson.loads(line))
        child = os.fork()
        if child == 0:
            try:
                _Work(job, control).do()
            except BaseException:
                sys.excepthook(*sys.exc_info())
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        control.disarm()
        sys.stdout.write(f"{status}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
