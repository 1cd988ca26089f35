"""Row 1: the handler over the store in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count

from benchmarks import workload
from benchmarks.measure import (
    Figure,
    Goal,
    Load,
    Sample,
    Scale,
    Side,
    interleave,
    settle_garbage,
    timed_calls,
)
from healthpay_core import CommandHandler, CommandRequest, InMemoryEventStore

_SHORT, _LONG = 10, 100_000


def run(scale: Scale) -> Iterator[Figure]:
    """Commands a second, in batches and singly, and the cost of long streams."""
    size = scale.size(20_000, 640)
    seeds = count()
    batched, single = interleave(
        scale.rounds,
        lambda: _mixed(size, next(seeds), workload.BATCH),
        lambda: _mixed(size, next(seeds), 1),
    )
    goal = Goal(sign=">=", value=80_000)
    for name, samples, batch in (
        (f"in-memory handler, batches of {workload.BATCH}", batched, workload.BATCH),
        ("in-memory handler, one command at a time", single, 1),
    ):
        yield Figure(
            row=1,
            name=name,
            unit="commands/s",
            values=[sample.rate * batch for sample in samples],
            goal=goal,
            load=Load(samples=samples, concurrency=1),
            extra=_garbage(samples, batch),
            note="latency is of a call; the rate without garbage collection is in"
            " `extra`",
        )
    yield _growth(scale)
    yield _digests(scale)


def _mixed(
    size: int, seed: int, batch: int = workload.BATCH, *, plain: bool = False
) -> Sample:
    """The mix of the row; `plain` leaves the fingerprints out."""
    handler = CommandHandler(InMemoryEventStore())
    wallets = workload.wallet_ids(1000)
    workload.open_wallets(handler, wallets)
    requests = workload.mixed(size, wallets, seed)
    if plain:
        requests = [replace(request, fingerprint=b"") for request in requests]
    work = workload.batches(requests, batch)
    settle_garbage()
    return timed_calls(work, handler.handle_many)


def _garbage(samples: Sequence[Sample], batch: int) -> dict[str, float]:
    share = sum(s.gc_seconds for s in samples) / sum(s.seconds for s in samples)
    best = max(s.operations * batch / (s.seconds - s.gc_seconds) for s in samples)
    return {"gc_share": share, "commands_per_s_without_gc": best}


def _digests(scale: Scale) -> Figure:
    """What it costs to give no fingerprint: the command is digested instead."""
    size = scale.size(20_000, 640)
    seeds = count()
    plain, given = interleave(
        scale.rounds,
        lambda: _mixed(size, next(seeds), plain=True),
        lambda: _mixed(size, next(seeds)),
    )
    costs = [
        [s.seconds / s.operations / workload.BATCH * 1e6 for s in samples]
        for samples in (plain, given)
    ]
    return Figure(
        row=1,
        name="cost of a command without a fingerprint / with one",
        unit="x",
        values=[a / b for a, b in zip(*costs, strict=True)],
        sides=[
            Side(name="without, digested", unit="us/command", values=costs[0]),
            Side(name="with one", unit="us/command", values=costs[1]),
        ],
    )


def _growth(scale: Scale) -> Figure:
    """The cost of a command on a long stream against that on a short one."""
    long = scale.size(_LONG, 2_000)
    size = scale.size(1_280, 64)
    handler = CommandHandler(InMemoryEventStore())
    grown = workload.wallet_ids(1)
    workload.open_wallets(handler, grown)
    for _ in range(long // workload.BATCH):
        handler.handle_many(_credits(grown * workload.BATCH))
    seeds = count(2)

    def on_short() -> Sample:
        # A fresh wallet per batch of ten, so that its stream ends near ten.
        wallets = workload.wallet_ids(size, next(seeds))
        workload.open_wallets(handler, wallets)
        return _timed(handler, wallets)

    short, lengthy = interleave(
        scale.rounds, on_short, lambda: _timed(handler, grown * size)
    )
    costs = [
        [s.seconds / s.operations / _SHORT * 1e6 for s in x] for x in (lengthy, short)
    ]
    return Figure(
        row=1,
        name=f"cost at stream length {long:,} / at {_SHORT}",
        unit="x",
        values=[a / b for a, b in zip(*costs, strict=True)],
        goal=Goal(sign="<=", value=1.2),
        sides=[
            Side(name=f"length {long}", unit="us/command", values=costs[0]),
            Side(name=f"length {_SHORT}", unit="us/command", values=costs[1]),
        ],
    )


def _credits(wallets: Sequence[str]) -> list[CommandRequest]:
    return [workload.request(workload.credit(w, 1)) for w in wallets]


def _timed(handler: CommandHandler, wallets: Sequence[str]) -> Sample:
    """Batches of ten credits, each on one wallet."""
    work = [_credits([wallet] * _SHORT) for wallet in wallets]
    settle_garbage()
    return timed_calls(work, handler.handle_many)
