"""Processors as processes: started, killed, stopped where they stand, watched."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from healthpay_kafka import Topics
from tests.kafka.processor_program import Script, main

_PATIENCE_S = 120.0


class Member:
    """One processor's process, and what it has reported."""

    def __init__(self, process: ForkServerProcess, reports: Path) -> None:
        self._process = process
        self._reports = reports

    @property
    def is_running(self) -> bool:
        """Whether the process lives; one that is paused does."""
        return self._process.is_alive()

    @property
    def exit_code(self) -> int | None:
        """As of `multiprocessing`: negative for a signal."""
        return self._process.exitcode

    def reports(self, what: str = "") -> list[dict[str, Any]]:
        """What it has written so far."""
        if not self._reports.exists():
            return []
        # What is behind the last end of a line is not whole yet, or never will be.
        *lines, _ = self._reports.read_bytes().split(b"\n")
        found = [orjson.loads(line) for line in lines]
        return [report for report in found if what in ("", report["what"])]

    def wait_for(self, what: str, times: int = 1) -> dict[str, Any]:
        """Wait for a report; the last of so many."""
        until = time.monotonic() + _PATIENCE_S
        while time.monotonic() < until:
            # Asked before: what it has written last counts though it has ended.
            is_running = self.is_running
            found = self.reports(what)
            if len(found) >= times:
                return found[times - 1]
            assert is_running, f"it ended: {self.reports()[-20:]}"
            time.sleep(0.01)
        raise AssertionError(f"no {what} in {self.reports()[-20:]}")

    def wait_until_dead(self, timeout_s: float = _PATIENCE_S) -> bool:
        """Whether it has ended by then."""
        self._process.join(timeout_s)
        return not self.is_running

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.join()

    def pause(self) -> None:
        """Stop it where it stands."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it in good order; not before it knows what SIGTERM means."""
        self.wait_for("runs")
        self._process.terminate()
        self._process.join(_PATIENCE_S)
        assert self.exit_code == 0, (self.exit_code, self.reports("ended"))

    def _signal(self, number: signal.Signals) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, number)


class Fleet:
    """All processors of a test; none outlives it.

    Args:
        servers: The broker.
        topics: This test's.
        folder: For the reports.
        options: For every script.
    """

    def __init__(
        self, servers: str, topics: Topics, folder: Path, **options: int
    ) -> None:
        self.servers = servers
        self.topics = topics
        self._folder = folder
        self._options = options
        self._members: list[Member] = []
        self._context = multiprocessing.get_context("forkserver")
        # Children are forked from a process that has loaded all there is to load.
        self._context.set_forkserver_preload(
            ["pytest", "tests.kafka.processor_program"]
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for member in self._members:
            if member.is_running:
                member.kill()

    def start(self, instance: str = "one", **script: Any) -> Member:
        """A new processor; does not wait for it."""
        reports = self._folder / f"{len(self._members)}.jsonl"
        told = Script(
            servers=self.servers,
            topics=self.topics,
            instance=instance,
            reports=reports,
            **{**self._options, **script},
        )
        process = self._context.Process(target=main, args=(told,), daemon=True)
        process.start()
        member = Member(process, reports)
        self._members.append(member)
        return member

    def reports(self, what: str) -> Iterator[dict[str, Any]]:
        """Of all, in the order of their starts."""
        for member in self._members:
            yield from member.reports(what)


class Supervised:
    """One processor that is started again when it ends by itself.

    A static member may be fenced for good when a coordinator of its group comes back
    while it joins: it is taken for another one of its name. Such a processor ends,
    and whoever supervises processes starts it again. No other end is accepted.
    """

    def __init__(self, fleet: Fleet, instance: str = "one") -> None:
        self.restarts: int = 0
        self._fleet = fleet
        self._instance = instance
        self.member = fleet.start(instance)
        self._stopping = threading.Event()
        self._strange: list[str] = []
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it in good order."""
        self._stopping.set()
        self._thread.join()
        self._look()
        assert not self._strange, self._strange
        self.member.stop()

    def _watch(self) -> None:
        while not (self._strange or self._stopping.wait(0.1)):
            self._look()

    def _look(self) -> None:
        if self.member.is_running or self._strange:
            return
        (end,) = self.member.reports("ended") or [{"reason": "without a word"}]
        if "Static consumer fenced" not in end["reason"]:
            self._strange.append(end["reason"])
            return
        self.restarts += 1
        self.member = self._fleet.start(self._instance)
