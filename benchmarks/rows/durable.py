"""Rows 2 and 3: SQLite, where acknowledged means on disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import count

from benchmarks import loops, workload
from benchmarks.floors import GroupFloor, SqlFloor
from benchmarks.measure import (
    Figure,
    Goal,
    Load,
    Sample,
    Scale,
    Side,
    interleave,
    per_round_ms,
    ratios,
    settle_garbage,
    timed_calls,
)
from benchmarks.workplace import durable, folder, payload_bytes
from healthpay_core import LocalRuntime

CALLERS = 64
_FLOOR = "floor: one table, unique (stream, version), WAL, FULL"


def one_caller(scale: Scale) -> Iterator[Figure]:
    """Row 2: one caller, a commit each."""
    size = scale.size(5_000, 50)
    wallets = workload.wallet_ids(1000 if size > 1000 else 50)
    seeds = count(1)
    with folder() as place, durable(place / "store.db") as (_, handler):
        workload.open_wallets(handler, wallets)
        floor = SqlFloor(place / "floor.db", payload_bytes(place / "store.db"))

        def library() -> Sample:
            work = workload.movements(size, wallets, next(seeds))
            settle_garbage()
            return timed_calls(work, handler.handle)

        def bare() -> Sample:
            work = [(w, 1) for w in wallets * (size // len(wallets))]
            return timed_calls(work, lambda piece: floor.append([floor.row(*piece)]))

        ours, least = interleave(scale.rounds, library, bare)
        floor.close()
    yield _share(2, "SQLite FULL, 1 caller", ours, least, 0.7, callers=1)


def many_callers(scale: Scale) -> Iterator[Figure]:
    """Row 3: 64 callers on one event loop, group commit."""
    size = scale.size(30_000, 640)
    wallets = workload.wallet_ids(1000 if size > 1000 else 50)
    seeds = count(1)
    with folder() as place, durable(place / "store.db") as (_, handler):
        workload.open_wallets(handler, wallets)
        floor = SqlFloor(place / "floor.db", payload_bytes(place / "store.db"))

        def library() -> Sample:
            work = workload.movements(size, wallets, next(seeds))
            runtime = LocalRuntime(handler)
            return loops.run(loops.closed(work, CALLERS, runtime.submit))

        def bare() -> Sample:
            group = GroupFloor(floor)
            work = wallets * (size // len(wallets))
            submit = partial(_submit, group)
            return loops.run(loops.closed(work, CALLERS, submit))

        ours, least = interleave(scale.rounds, library, bare)
        floor.close()
    name = f"SQLite FULL, {CALLERS} callers"
    yield _share(3, name, ours, least, 0.5, callers=CALLERS)
    load = Load(samples=ours, concurrency=CALLERS)
    yield Figure(
        row=3,
        name=f"{name}, rate",
        unit="commands/s",
        values=[s.rate for s in ours],
        goal=Goal(sign=">=", value=15_000),
        load=load,
        extra={
            "gc_share": sum(s.gc_seconds for s in ours) / sum(s.seconds for s in ours)
        },
    )
    yield Figure(
        row=3,
        name=f"{name}, p99",
        unit="ms",
        values=per_round_ms(ours, 0.99),
        goal=Goal(sign="<=", value=20),
        load=load,
    )


async def _submit(group: GroupFloor, stream: str) -> None:
    await group.submit(stream, 1)


def _share(
    row: int,
    name: str,
    ours: Sequence[Sample],
    least: Sequence[Sample],
    goal: float,
    *,
    callers: int,
) -> Figure:
    return Figure(
        row=row,
        name=f"{name} / floor",
        unit="x",
        values=ratios(ours, least),
        goal=Goal(sign=">=", value=goal),
        sides=[
            Side(name="library", unit="commands/s", values=[s.rate for s in ours]),
            Side(name=_FLOOR, unit="rows/s", values=[s.rate for s in least]),
        ],
        load=Load(samples=ours, concurrency=callers),
    )
