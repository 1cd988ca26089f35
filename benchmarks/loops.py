"""Closed and open loops on one event loop: how commands arrive."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from itertools import accumulate
from typing import Any, TypeVar

import uvloop

from benchmarks.measure import GcTimer, Sample, settle_garbage

T = TypeVar("T")
R = TypeVar("R")


def run(work: Coroutine[Any, Any, R]) -> R:
    """Run on uvloop, as the server does."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


async def closed(
    work: Iterable[T], callers: int, submit: Callable[[T], Awaitable[object]]
) -> Sample:
    """So many callers, each with its next command as soon as one is answered."""
    pieces = iter(work)
    latencies: list[float] = []
    clock = time.perf_counter

    async def call() -> None:
        for piece in pieces:
            began = clock()
            await submit(piece)
            latencies.append(clock() - began)

    settle_garbage()
    with GcTimer() as garbage:
        began = clock()
        async with asyncio.TaskGroup() as group:
            for _ in range(callers):
                group.create_task(call())
        seconds = clock() - began
    return Sample(
        operations=len(latencies),
        seconds=seconds,
        latencies=latencies,
        gc_seconds=garbage.seconds,
    )


def arrivals(rate: float, count: int, seed: int) -> list[float]:
    """Poisson arrivals: seconds from the start, exponential gaps."""
    source = random.Random(seed)
    return list(accumulate(source.expovariate(rate) for _ in range(count)))


class OpenLoop:
    """Sends at scheduled instants, however long the answers take.

    Latency counts from the scheduled arrival, so that a slow answer is not
    hidden by what waited behind it. While it waits for the next arrival it
    turns with the event loop: timers are a millisecond too coarse.

    Args:
        schedule: When each is due, seconds from the start.
        send: Sends one.
        pause_s: Sleeps so long instead, where other threads of this process have
            to run: a loop that turns keeps the interpreter from them.
    """

    def __init__(
        self,
        schedule: list[float],
        send: Callable[[int], None],
        *,
        pause_s: float = 0.0,
    ) -> None:
        self._pause_s = pause_s
        self._schedule = schedule
        self._send = send
        self._done = 0
        self._latencies: list[float] = []
        self._area = 0.0
        self._began = self._last = 0.0

    async def run(self) -> Sample:
        """Send everything; returns when all of it is answered."""
        settle_garbage()
        clock, schedule, total = time.perf_counter, self._schedule, len(self._schedule)
        self._began = self._last = clock()
        sent = 0
        with GcTimer() as garbage:
            while self._done < total:
                now = clock() - self._began
                while sent < total and schedule[sent] <= now:
                    self._send(sent)
                    sent += 1
                self._note_in_flight(sent)
                await asyncio.sleep(self._pause_s)
        seconds = clock() - self._began
        return Sample(
            operations=total,
            seconds=seconds,
            latencies=self._latencies,
            gc_seconds=garbage.seconds,
            in_flight=self._area / seconds,
        )

    def answered(self, index: int) -> None:
        """Note that an arrival has its answer."""
        now = time.perf_counter() - self._began
        self._latencies.append(now - self._schedule[index])
        self._done += 1

    def _note_in_flight(self, sent: int) -> None:
        now = time.perf_counter()
        self._area += (sent - self._done) * (now - self._last)
        self._last = now
