"""Stories for a given time on all cores: what was done, reached, and found."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from typing import Final, TypeAlias, cast

from healthpay_core.testing.simulation.coverage import Coverage
from healthpay_core.testing.simulation.story import MakeStorage, Simulation

_REPORT_EVERY_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Soak:
    """What is to be done.

    Args:
        seconds: For how long, more than 0; every story that began is ended.
        first_seed: The seeds are this one and those after it, 0 or more.
        cores: Processes, 1 or more; each has seeds of its own.
        storage: ``module:name`` of what makes a story's storage, for some of the
            stories; all are played in memory when it is empty.
        storage_every: One of so many stories is played on it, 1 or more.
    """

    seconds: float
    first_seed: int = 0
    cores: int = 1
    storage: str = ""
    storage_every: int = 100

    def simulation(self, seed: int) -> Simulation:
        """Where the story of a seed is played.

        Raises:
            ImportError, AttributeError: `storage` names nothing.
        """
        if not self.storage or seed % self.storage_every:
            return Simulation()
        module, _, name = self.storage.partition(":")
        found = getattr(import_module(module), name)
        return Simulation(storage=cast("MakeStorage", found))

    def replay(self, seed: int) -> str:
        """The command that plays one story again."""
        words = ["python -m healthpay_core.testing.simulation --replay", str(seed)]
        if self.storage and not seed % self.storage_every:
            words += ["--storage", self.storage]
        return " ".join(words)


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule was broken, or a process was lost.

    Attributes:
        rule: Which one.
        text: The shortened story, and how to play it again.
    """

    rule: str
    text: str


@dataclass(slots=True)
class Soaked:
    """What came of it.

    Attributes:
        coverage: Of all processes together.
        wall_s: From the start of the first process to the end of the last.
        cpu_s: What the processes have worked, together.
        findings: What must not be; the first one ends the run.
    """

    coverage: Coverage = field(default_factory=Coverage)
    wall_s: float = 0.0
    cpu_s: float = 0.0
    findings: list[Finding] = field(default_factory=list)

    def lines(self, cores: int, least: int) -> Iterator[str]:
        """A report to print: tables, too little, and what was found."""
        yield from self.coverage.lines()
        yield ""
        steps = self.coverage.steps
        yield (
            f"wall time {self.wall_s:,.1f} s · {_rate(steps, self.wall_s * cores)}"
            f" steps/s a core · {_rate(steps, self.cpu_s)} steps a second of CPU"
        )
        missing = self.coverage.missing(least)
        yield f"reached fewer than {least:,} times: {len(missing)}"
        yield from (f"  {line}" for line in missing)
        yield f"violations: {len(self.findings)}"
        for finding in self.findings:
            yield ""
            yield finding.text


Progress: TypeAlias = Callable[[float, Coverage], None]
"""Told the seconds since the start and what has been done by then."""

_Sent: TypeAlias = tuple[Coverage, float] | Finding
"""What was done since the last time, in how many seconds of CPU; or the end."""


def soak(order: Soak, progress: Progress = lambda _, __: None) -> Soaked:
    """Play stories until the time is over or a rule is broken."""
    context = get_context("spawn")
    stop = context.Event()
    workers: dict[Connection, BaseProcess] = {}
    began = time.monotonic()
    for number in range(order.cores):
        receiver, sender = context.Pipe(duplex=False)
        told = (number, order, stop, sender)
        worker: BaseProcess = context.Process(target=_work, args=told)
        worker.start()
        sender.close()
        workers[receiver] = worker
    result = Soaked()
    try:
        _listen(workers, result, stop, lambda: progress(_since(began), result.coverage))
    finally:
        stop.set()
        for worker in workers.values():
            worker.join()
    result.wall_s = _since(began)
    result.findings += _lost(workers.values())
    return result


def _listen(
    workers: Mapping[Connection, BaseProcess],
    result: Soaked,
    stop: Event,
    progress: Callable[[], None],
) -> None:
    talking = list(workers)
    while talking:
        for ready in wait(talking, timeout=_REPORT_EVERY_S):
            assert isinstance(ready, Connection)
            try:
                sent: _Sent = ready.recv()
            except EOFError:
                talking.remove(ready)
                continue
            if isinstance(sent, Finding):
                result.findings.append(sent)
                stop.set()
            else:
                result.coverage.add(sent[0])
                result.cpu_s += sent[1]
        progress()


def _lost(workers: Iterable[BaseProcess]) -> Iterator[Finding]:
    for worker in workers:
        if worker.exitcode != 0:
            text = f"a process ended with code {worker.exitcode}"
            yield Finding("everyone comes back", text)


def _work(number: int, order: Soak, stop: Event, sender: Connection) -> None:
    """One core: play every seed whose turn it is, and tell now and then."""
    ends_at = time.monotonic() + order.seconds
    # A story leaves all of its objects at once: collected between the stories.
    gc.disable()
    told = _Told(sender)
    seed = order.first_seed + number
    while time.monotonic() < ends_at and not stop.is_set():
        finding = play(order, seed, told.coverage)
        if finding is not None:
            sender.send(finding)
            break
        seed += order.cores
        if told.is_due():
            told.tell()
            gc.collect()
    told.tell()
    sender.close()


class _Told:
    """What one process has done since it last said so."""

    def __init__(self, sender: Connection) -> None:
        self._sender = sender
        self._begin()

    def is_due(self) -> bool:
        """Whether the last time was a while ago."""
        return time.monotonic() - self._at > _REPORT_EVERY_S

    def tell(self) -> None:
        """Say it, and begin anew."""
        self._sender.send((self.coverage, time.process_time() - self._cpu_s))
        self._begin()

    def _begin(self) -> None:
        self.coverage: Coverage = Coverage()
        self._at, self._cpu_s = time.monotonic(), time.process_time()


def play(order: Soak, seed: int, coverage: Coverage) -> Finding | None:
    """Play the story of a seed; one that breaks a rule is shortened and told."""
    simulation = order.simulation(seed)
    failure = simulation.play(seed, coverage)
    if failure is None:
        return None
    story = simulation.shrink(failure).told()
    text = f"{story}\n\nplay it again: {order.replay(seed)}"
    return Finding(failure.rule, text)


def _rate(steps: int, seconds: float) -> str:
    return f"{steps / seconds:,.0f}" if seconds else "no"


def _since(began: float) -> float:
    return time.monotonic() - began
