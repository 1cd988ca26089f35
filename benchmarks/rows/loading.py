"""Rows 7 and 8: a wallet with a long history, read for the first time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks import workload
from benchmarks.floors import SqlFloor
from benchmarks.measure import (
    Figure,
    Goal,
    Sample,
    Scale,
    Side,
    interleave,
    timed_calls,
)
from benchmarks.workplace import folder, payload_bytes
from healthpay_core import CommandHandler, wallet_stream
from healthpay_core.states import StateCache, load
from healthpay_sql import SqliteEventStore

_LONG = 100_000
_SHORT = 10


def replay(scale: Scale) -> Iterator[Figure]:
    """Row 7: fold everything, no snapshot, against SELECT + loads + addition."""
    length = scale.size(_LONG, 1_000)
    wallet = workload.wallet_ids(1)[0]
    stream = wallet_stream(wallet)
    with folder() as place:
        path = place / "store.db"
        _grow(path, wallet, length)
        floor = SqlFloor(place / "floor.db", payload_bytes(path))
        for _ in range(length // 1000):
            floor.append([floor.row(wallet, 1) for _ in range(1000)])

        def library() -> Sample:
            with SqliteEventStore(path) as store:
                return timed_calls([stream], lambda s: load(store, s))

        ours, least = interleave(
            scale.rounds, library, lambda: timed_calls([wallet], floor.fold)
        )
        floor.close()
    yield Figure(
        row=7,
        name=f"load {length:,} events, no snapshot / fold floor",
        unit="x",
        values=[a.seconds / b.seconds for a, b in zip(ours, least, strict=True)],
        goal=Goal(sign="<=", value=2),
        sides=[
            Side(name="library", unit="s", values=[s.seconds for s in ours]),
            Side(
                name="floor: SELECT, orjson.loads, addition",
                unit="s",
                values=[s.seconds for s in least],
            ),
        ],
    )


def for_a_command(scale: Scale) -> Iterator[Figure]:
    """Row 8: what a decision waits for, when its wallet is not in memory."""
    length = scale.size(_LONG, 1_000)
    long, short = workload.wallet_ids(2)
    with folder() as place:
        path = place / "store.db"
        _grow(path, short, _SHORT)
        _grow(path, long, length)
        with SqliteEventStore(path) as store:
            ours, brief = interleave(
                scale.rounds,
                lambda: _prepared(store, long, scale),
                lambda: _prepared(store, short, scale),
            )
    values = [[s.seconds / s.operations * 1e3 for s in x] for x in (ours, brief)]
    yield Figure(
        row=8,
        name=f"load a wallet of {length:,} events for a command, snapshot",
        unit="ms",
        values=values[0],
        goal=Goal(sign="<=", value=0.5),
        sides=[
            Side(name=f"length {length}", unit="ms", values=values[0]),
            Side(name=f"length {_SHORT}", unit="ms", values=values[1]),
        ],
    )


def _prepared(store: SqliteEventStore, wallet: str, scale: Scale) -> Sample:
    """Load it again and again, each time into an empty cache."""
    stream = wallet_stream(wallet)

    def prepare(_: int) -> None:
        cache = StateCache(store, store)
        cache.prepare([stream])
        if cache.get(stream)[0] is None:
            raise AssertionError("the wallet was not found")

    return timed_calls(range(scale.size(200, 10)), prepare)


def _grow(path: Path, wallet: str, length: int) -> None:
    """Give a wallet so many events, in a file that is closed afterwards."""
    with SqliteEventStore(path, synchronous="NORMAL") as store:
        handler = CommandHandler(store, snapshots=store)
        workload.open_wallets(handler, [wallet])
        for start in range(3, length, 500):
            size = min(500, length - start)
            handler.handle_many(
                [workload.request(workload.credit(wallet, 1)) for _ in range(size)]
            )
