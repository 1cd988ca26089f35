"""Row 6: commands through Kafka, on a real broker, one processor."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from itertools import count

from benchmarks import loops, workload
from benchmarks.kafka import Installation, installation
from benchmarks.measure import Figure, Goal, Load, Sample, Scale, middle, per_round_ms
from benchmarks.rows import transactions
from benchmarks.workplace import folder
from healthpay_core import ActivateWallet, Committed
from healthpay_core.outcome import CommandRequest

_CALLERS = 256
_RATES = (1_000, 2_000, 2_500, 5_000)
_HALF_LOAD = 2_500
_MIXED = "the broker, the processor and the load share this machine"


def run(scale: Scale) -> Iterator[Figure]:
    """Closed loop for throughput, open loops for latency, CPU of the processor."""
    with folder() as place, installation(place / "processor.log") as made:
        wallets = workload.wallet_ids(50 if scale.quick else 1_000)
        loops.run(_open_wallets(made, wallets))
        yield Figure(
            row=6,
            name="start of a processor to its first answer, empty topics",
            unit="s",
            values=[made.ready_s],
            note="with the start of its interpreter",
        )
        yield from _throughput(scale, made, wallets)
        for rate in _RATES if not scale.quick else _RATES[:1]:
            yield from _latency(scale, made, wallets, rate)
    yield from transactions.run(scale)


def _throughput(
    scale: Scale, made: Installation, wallets: Sequence[str]
) -> Iterator[Figure]:
    size = scale.size(20_000, 200)
    samples: list[Sample] = []
    per_cpu: list[float] = []
    for seed in range(scale.rounds):
        work = workload.movements(size, wallets, seed)
        before = made.cpu_s()
        samples.append(loops.run(loops.closed(work, _CALLERS, made.gateway.submit)))
        per_cpu.append(size / max(made.cpu_s() - before, 1e-9))
    load = Load(samples=samples, concurrency=_CALLERS)
    yield Figure(
        row=6,
        name=f"Kafka runtime, {_CALLERS} callers, end to end",
        unit="commands/s",
        values=[sample.rate for sample in samples],
        goal=Goal(sign=">=", value=5_000),
        load=load,
        note=_MIXED,
    )
    yield Figure(
        row=6,
        name="Kafka runtime, commands per CPU second of the processor",
        unit="commands/s",
        values=per_cpu,
        goal=Goal(sign=">=", value=10_000),
        load=load,
    )


def _latency(
    scale: Scale, made: Installation, wallets: Sequence[str], rate: int
) -> Iterator[Figure]:
    size = int(rate * scale.seconds(4))
    seeds = count(1)
    samples = [
        loops.run(_offer(made, workload.movements(size, wallets, next(seeds)), rate))
        for _ in range(scale.rounds)
    ]
    load = Load(samples=samples, offered_per_s=rate)
    answered = middle([s.rate for s in samples])
    short = answered < 0.95 * rate
    for name, q in (("p50", 0.5), ("p99", 0.99)):
        goal = Goal(sign="<=", value=50.0)
        yield Figure(
            row=6,
            name=f"Kafka runtime, open loop at {rate:,}/s, {name}",
            unit="ms",
            values=per_round_ms(samples, q),
            goal=goal if (rate, name) == (_HALF_LOAD, "p99") else None,
            load=load,
            extra={"answered_per_s": answered},
            note="overloaded: it was offered more than it could answer"
            if short
            else _MIXED,
        )


async def _offer(
    made: Installation, work: Sequence[CommandRequest], rate: int
) -> Sample:
    running: set[asyncio.Task[None]] = set()

    async def submit(index: int) -> None:
        await made.gateway.submit(work[index])
        loop.answered(index)

    def send(index: int) -> None:
        task = asyncio.create_task(submit(index))
        running.add(task)
        task.add_done_callback(running.discard)

    schedule = loops.arrivals(rate, len(work), len(work))
    loop = loops.OpenLoop(schedule, send, pause_s=0.001)
    return await loop.run()


async def _open_wallets(made: Installation, wallets: Sequence[str]) -> None:
    for make in (
        workload.create,
        lambda wallet: ActivateWallet(wallet_id=wallet),
        lambda wallet: workload.credit(wallet, workload.DEPOSIT),
    ):
        work = [workload.request(make(wallet)) for wallet in wallets]
        outcomes = await asyncio.gather(*map(made.gateway.submit, work))
        assert all(isinstance(outcome, Committed) for outcome in outcomes)
