"""Row 12: stories of the simulator, every invariant after every step."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from benchmarks.measure import Figure, Goal, Scale, Side, settle_garbage
from healthpay_core import Clock, CommandRequest, EventStore, LimitPolicy, SnapshotStore
from healthpay_core.outcome import Outcome
from healthpay_core.testing.simulation import (
    Coverage,
    Handler,
    Simulation,
    make_handler,
)


@dataclass
class _Timed:
    """A handler that adds up what its own work takes."""

    behind: Handler
    seconds: list[float] = field(default_factory=list)

    def handle(self, request: CommandRequest) -> Outcome:
        return self.handle_many((request,))[0]

    def handle_many(self, requests: tuple[CommandRequest, ...]) -> list[Outcome]:
        began = time.perf_counter()
        outcomes = self.behind.handle_many(requests)
        self.seconds.append(time.perf_counter() - began)
        return outcomes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    """What one round of stories was, and how long it took."""

    coverage: Coverage
    seconds: float


def run(scale: Scale) -> Iterator[Figure]:
    """Steps a second on one core, and what a step costs beside its handler."""
    stories, seeds = scale.size(200, 3), count()
    rounds: list[_Round] = []
    whole: list[float] = []
    own: list[float] = []
    for _ in range(scale.rounds):
        rounds.append(_played(Simulation(), stories, seeds))
        spent: list[float] = []
        timed = _played(_with_timer(spent), stories, seeds)
        steps = timed.coverage.steps
        whole.append(timed.seconds / steps * 1e6)
        own.append(sum(spent) / steps * 1e6)
    yield _rate(rounds)
    yield Figure(
        row=12,
        name="a step with every check / its handler's own work",
        unit="x",
        values=[a / b for a, b in zip(whole, own, strict=True)],
        sides=[
            Side(name="whole step", unit="us", values=whole),
            Side(name="in the handlers", unit="us", values=own),
        ],
    )


def _rate(rounds: list[_Round]) -> Figure:
    steps = sum(r.coverage.steps for r in rounds)
    return Figure(
        row=12,
        name="simulator, every invariant after every step",
        unit="steps/s",
        values=[r.coverage.steps / r.seconds for r in rounds],
        goal=Goal(sign=">=", value=20_000),
        extra={
            "commands_per_step": sum(r.coverage.commands for r in rounds) / steps,
            "events_per_step": sum(r.coverage.events for r in rounds) / steps,
        },
        note="garbage is collected between the stories, as in a soak",
    )


def _played(simulation: Simulation, stories: int, seeds: Iterator[int]) -> _Round:
    coverage = Coverage()
    settle_garbage()
    gc.disable()
    began = time.perf_counter()
    for number in range(stories):
        failure = simulation.play(next(seeds), coverage)
        if failure is not None:
            raise AssertionError(failure.told())
        if number % 50 == 49:
            gc.collect()
    seconds = time.perf_counter() - began
    gc.enable()
    return _Round(coverage=coverage, seconds=seconds)


def _with_timer(spent: list[float]) -> Simulation:
    def make(
        store: EventStore, clock: Clock, policy: LimitPolicy, snapshots: SnapshotStore
    ) -> Handler:
        return _Timed(make_handler(store, clock, policy, snapshots), spent)

    return Simulation(make=make)
