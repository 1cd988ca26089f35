"""Row 5: commands arrive at random, ready or not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from itertools import count

from benchmarks import loops, servers, workload
from benchmarks.measure import (
    Figure,
    Goal,
    Load,
    Sample,
    Scale,
    middle,
    per_round_ms,
)
from benchmarks.workplace import durable, folder
from healthpay_core import CommandRequest, LocalRuntime

_GOALS = {"p50": (0.5, 2.0), "p99": (0.99, 10.0), "p99.9": (0.999, 30.0)}
_LOCAL_PER_S, _HTTP_PER_S = 8_000, 4_000
_CONNECTIONS = 64


def run(scale: Scale) -> Iterator[Figure]:
    """8,000/s into `LocalRuntime`, 4,000/s over HTTP; both durable."""
    yield from _figures("LocalRuntime", _local(scale), _LOCAL_PER_S)
    try:
        over_http = _http(scale)
    except servers.NotAvailable as reason:
        yield Figure(row=5, name="HTTP", unit="ms", note=f"NOT MEASURED: {reason}")
    else:
        yield from _figures("HTTP", over_http, _HTTP_PER_S)


def _figures(
    name: str, samples: Sequence[Sample], offered_per_s: int
) -> Iterator[Figure]:
    load = Load(samples=samples, offered_per_s=offered_per_s)
    for percentile, (q, goal) in _GOALS.items():
        yield Figure(
            row=5,
            name=f"{name}, open loop at {offered_per_s:,}/s, {percentile}",
            unit="ms",
            values=per_round_ms(samples, q),
            goal=Goal(sign="<=", value=goal),
            load=load,
            extra={"answered_per_s": middle([s.rate for s in samples])},
            note="overloaded: it was offered more than it could answer"
            if middle([s.rate for s in samples]) < 0.95 * offered_per_s
            else "",
        )


def _local(scale: Scale) -> list[Sample]:
    wallets = workload.wallet_ids(1000 if not scale.quick else 50)
    size = int(_LOCAL_PER_S * scale.seconds(4))
    seeds = count(1)
    with folder() as place, durable(place / "store.db") as (_, handler):
        workload.open_wallets(handler, wallets)
        samples: list[Sample] = []
        for seed in range(scale.rounds):
            work = workload.movements(size, wallets, next(seeds))
            schedule = loops.arrivals(_LOCAL_PER_S, size, seed)
            samples.append(loops.run(offer(LocalRuntime(handler), work, schedule)))
    return samples


async def offer(
    runtime: LocalRuntime, work: Sequence[CommandRequest], schedule: list[float]
) -> Sample:
    """Submit each piece of work when its time has come."""
    running: set[asyncio.Task[None]] = set()

    async def submit(index: int) -> None:
        await runtime.submit(work[index])
        loop.answered(index)

    def send(index: int) -> None:
        task = asyncio.create_task(submit(index))
        running.add(task)
        task.add_done_callback(running.discard)

    loop = loops.OpenLoop(schedule, send)
    return await loop.run()


def _http(scale: Scale) -> list[Sample]:
    wallets = 50 if scale.quick else 1000
    with (
        folder() as place,
        servers.healthpay(
            place / "store.db", wallets=wallets, connections=_CONNECTIONS
        ) as target,
    ):
        return [
            target.open_loop(_HTTP_PER_S, scale.seconds(4)) for _ in range(scale.rounds)
        ]
