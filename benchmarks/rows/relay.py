"""Row 13: what a store holds is published to a real broker by the relay."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

from benchmarks import loops, workload
from benchmarks.kafka import broker_and_topics
from benchmarks.measure import Figure, Goal, Load, Sample, Scale, per_round_ms
from benchmarks.relaying import Page, relaying
from benchmarks.rows.open_loop import offer
from benchmarks.workplace import durable, folder
from healthpay_core import EventStore, LocalRuntime
from healthpay_kafka import Topics

_RATES = (1_000, 4_000)
_GOAL_RATE = 1_000
_SHARED = "broker, store, commands and relay share this machine"


def run(scale: Scale) -> Iterator[Figure]:
    """Catching up with a store, and following it under an open loop."""
    wallets = workload.wallet_ids(50 if scale.quick else 1_000)
    rates = [_catching_up(scale, wallets, seed) for seed in range(scale.rounds)]
    yield Figure(
        row=13,
        name="relay, catching up with a store",
        unit="events/s",
        values=rates,
        note=_SHARED,
    )
    for rate in _RATES[:1] if scale.quick else _RATES:
        with broker_and_topics() as (servers, topics), folder() as place:
            yield from _following(scale, rate, (servers, topics, place), wallets)


def _catching_up(scale: Scale, wallets: Sequence[str], seed: int) -> float:
    """Events a second, from the end of the first page to that of the last."""
    work = workload.movements(scale.size(30_000, 2_500), wallets, seed)
    with (
        broker_and_topics() as (servers, topics),
        folder() as place,
        durable(place / "store.db") as (store, handler),
    ):
        workload.open_wallets(handler, wallets)
        for batch in workload.batches(work):
            handler.handle_many(batch)
        with relaying(place / "store.db", servers, topics) as relay:
            pages = relay.wait(_stored(store))
    published = sum(len(page.durations_s) for page in pages[1:])
    return published / (pages[-1].at - pages[0].at)


def _following(
    scale: Scale, rate: int, where: tuple[str, Topics, Path], wallets: Sequence[str]
) -> Iterator[Figure]:
    servers, topics, place = where
    size, seeds = int(rate * scale.seconds(4)), count(1)
    samples: list[Sample] = []
    with (
        durable(place / "store.db") as (store, handler),
        relaying(place / "store.db", servers, topics) as relay,
    ):
        workload.open_wallets(handler, wallets)
        before = relay.wait(_stored(store))
        for _ in range(scale.rounds):
            work = workload.movements(size, wallets, next(seeds))
            schedule = loops.arrivals(rate, size, size)
            driven = loops.run(offer(LocalRuntime(handler), work, schedule))
            pages = relay.wait(_stored(store))
            samples.append(_sample(pages[len(before) :], driven))
            before = pages
    for name, q in (("p50", 0.5), ("p99", 0.99)):
        goal = Goal(sign="<=", value=10.0)
        yield Figure(
            row=13,
            name=f"relay, recorded to acknowledged at {rate:,} commands/s, {name}",
            unit="ms",
            values=per_round_ms(samples, q),
            goal=goal if (rate, name) == (_GOAL_RATE, "p99") else None,
            load=Load(samples=samples, offered_per_s=rate),
            note=_SHARED,
        )


def _stored(store: EventStore) -> int:
    """How many events there are."""
    return len(store.feed(0, 10_000_000))


def _sample(pages: Sequence[Page], driven: Sample) -> Sample:
    durations = [duration for page in pages for duration in page.durations_s]
    return Sample(
        operations=len(durations),
        seconds=driven.seconds,
        latencies=durations,
        gc_seconds=driven.gc_seconds,
    )
