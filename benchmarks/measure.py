"""Rounds, medians, percentiles, Little's law: what a figure is made of."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median
from typing import Final, Literal, Self, TypeVar

T = TypeVar("T")

PERCENTILES: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}
LITTLE_TOLERANCE: Final = 0.10


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much work a run does.

    Attributes:
        quick: Seconds for everything: shows that the programs run, no more.
        rounds: Times that the sides take turns.
        express: Whether Express may be installed and compared with.
    """

    quick: bool
    rounds: int
    express: bool = True

    def size(self, full: int, quick: int) -> int:
        """The size of a piece of work."""
        return quick if self.quick else full

    def seconds(self, full: float) -> float:
        """The length of a timed piece of work."""
        return 0.2 if self.quick else full


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One round of one side.

    Attributes:
        operations: How many were done.
        seconds: In how long, wall clock.
        latencies: Seconds of each operation, where they were taken.
        gc_seconds: How much of `seconds` the garbage collector took.
        in_flight: Operations under way, averaged over time, where counted.
    """

    operations: int
    seconds: float
    latencies: Sequence[float] = ()
    gc_seconds: float = 0.0
    in_flight: float | None = None

    @property
    def rate(self) -> float:
        """Operations a second."""
        return self.operations / self.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What the specification asks of a figure."""

    sign: Literal["<=", ">="]
    value: float

    def met_by(self, value: float) -> bool:
        """Whether a value reaches it."""
        return value >= self.value if self.sign == ">=" else value <= self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two sides of a ratio, a value per round."""

    name: str
    unit: str
    values: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Under which load a figure was taken; the samples of all its rounds.

    Attributes:
        concurrency: Callers of a closed loop, or None when it is open.
        offered_per_s: Arrivals a second of an open loop, or None when closed.
    """

    samples: Sequence[Sample]
    concurrency: int | None = None
    offered_per_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the results.

    Attributes:
        values: One value per round; the figure is their median.
        sides: For a ratio, the two sides it is made of.
        note: What a reader must know, such as why it was not measured.
    """

    row: int
    name: str
    unit: str
    values: Sequence[float] = ()
    goal: Goal | None = None
    sides: Sequence[Side] = ()
    load: Load | None = None
    note: str = ""
    extra: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LittlesLaw:
    """Concurrency against rate x mean latency; a run that strays is void."""

    concurrency: float
    rate_times_latency: float

    @property
    def deviation(self) -> float:
        """How far the two are apart, as a share of the concurrency."""
        return abs(self.rate_times_latency / self.concurrency - 1)

    @property
    def void(self) -> bool:
        """Whether the run says nothing."""
        return self.deviation > LITTLE_TOLERANCE


def littles_law(load: Load) -> LittlesLaw | None:
    """The check of a load; None where no latencies were taken."""
    samples = [s for s in load.samples if s.latencies]
    if not samples:
        return None
    product = fmean(s.rate * fmean(s.latencies) for s in samples)
    if load.concurrency is not None:
        return LittlesLaw(concurrency=load.concurrency, rate_times_latency=product)
    # An open loop has no set concurrency: it was counted while it ran.
    counted = [s.in_flight for s in samples if s.in_flight is not None]
    if not counted:
        return None
    return LittlesLaw(concurrency=fmean(counted), rate_times_latency=product)


def latency_ms(samples: Iterable[Sample]) -> dict[str, float]:
    """Percentiles over all rounds, in milliseconds; empty without latencies."""
    pooled = sorted(value for sample in samples for value in sample.latencies)
    if not pooled:
        return {}
    return {name: percentile(pooled, q) * 1e3 for name, q in PERCENTILES.items()}


def percentile(ordered: Sequence[float], q: float) -> float:
    """The nearest-rank percentile of sorted values."""
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


def per_round_ms(samples: Sequence[Sample], q: float) -> list[float]:
    """A percentile of each round, in milliseconds."""
    return [percentile(sorted(s.latencies), q) * 1e3 for s in samples]


def interleave(rounds: int, *sides: Callable[[], T]) -> tuple[list[T], ...]:
    """Let sides take turns, in the other order in every second round."""
    taken: tuple[list[T], ...] = tuple([] for _ in sides)
    for number in range(rounds):
        order = list(zip(taken, sides, strict=True))
        for results, side in order if number % 2 == 0 else reversed(order):
            settle_garbage()
            results.append(side())
    return taken


def ratios(above: Sequence[Sample], below: Sequence[Sample]) -> list[float]:
    """Rate over rate, round by round."""
    return [x.rate / y.rate for x, y in zip(above, below, strict=True)]


def settle_garbage() -> None:
    """Collect, and set what stays apart, as a service does after a restore."""
    gc.collect()
    gc.freeze()


class GcTimer:
    """Measures how long the garbage collector stops the program."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._started = 0.0

    def __enter__(self) -> Self:
        gc.callbacks.append(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        gc.callbacks.remove(self._note)

    def _note(self, phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            self._started = time.perf_counter()
        else:
            self.seconds += time.perf_counter() - self._started


def timed_calls(work: Sequence[T], call: Callable[[T], object]) -> Sample:
    """Call for every piece of work, one after the other, with latencies."""
    clock = time.perf_counter
    latencies: list[float] = []
    note = latencies.append
    with GcTimer() as garbage:
        began = last = clock()
        for piece in work:
            call(piece)
            now = clock()
            note(now - last)
            last = now
    return Sample(
        operations=len(work),
        seconds=last - began,
        latencies=latencies,
        gc_seconds=garbage.seconds,
    )


def middle(values: Sequence[float]) -> float:
    """The median."""
    return median(values)
