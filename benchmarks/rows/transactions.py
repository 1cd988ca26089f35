"""What a real broker's transactions cost: offsets first, last, or none (row 6)."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from functools import partial

from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks.kafka import broker_and_topics
from benchmarks.measure import Figure, Sample, Scale, Side, interleave, per_round_ms
from healthpay_kafka import Topics, reader_config, transactional_config

_RECORDS = 20
_WAYS = ("offsets first", "offsets last", "no offsets")
_BUSY = "concurrent operation on the same transaction"


class _Counting(logging.Handler):
    """Counts how often the broker said that it was still busy with the last one."""

    def __init__(self) -> None:
        super().__init__()
        self.busy = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.busy += _BUSY in record.getMessage()


def run(scale: Scale) -> Iterator[Figure]:
    """Transactions of twenty records, and mostly an offset, one after the other."""
    size = scale.size(300, 10)
    with broker_and_topics(1) as (servers, topics):
        writers = {way: _Writer(servers, topics, way) for way in _WAYS}
        for writer in writers.values():
            # The first transactions of a new id find a coordinator that loads.
            writer.transactions(10)
            writer.counting.busy = 0
        runs = interleave(
            scale.rounds,
            *[partial(writer.transactions, size) for writer in writers.values()],
        )
        for writer in writers.values():
            writer.close()
    samples = dict(zip(_WAYS, runs, strict=True))
    done = size * scale.rounds
    for way, writer in writers.items():
        mine = samples[way]
        yield Figure(
            row=6,
            name=f"one transaction of {_RECORDS} records, {way}, p50",
            unit="ms",
            values=per_round_ms(mine, 0.5),
            extra={
                "p99_ms": sorted(per_round_ms(mine, 0.99))[len(mine) // 2],
                "concurrent_transactions_share": writer.counting.busy / done,
            },
            note=f"CONCURRENT_TRANSACTIONS {writer.counting.busy} times in {done:,}",
        )
    last = "offsets last"
    for way in ("offsets first", "no offsets"):
        sides = {name: [s.rate for s in samples[name]] for name in (way, last)}
        yield Figure(
            row=6,
            name=f"transactions with {way} against {last}",
            unit="x",
            values=[a / b for a, b in zip(*sides.values(), strict=True)],
            sides=[Side(name=n, unit="1/s", values=v) for n, v in sides.items()],
        )


class _Writer:
    def __init__(self, servers: str, topics: Topics, way: str) -> None:
        self.counting = _Counting()
        name = f"bench-{way.replace(' ', '-')}"
        logger = logging.getLogger(name)
        logger.setLevel(logging.DEBUG)
        logger.propagate = False
        logger.addHandler(self.counting)
        config = transactional_config(servers, name)
        config |= {"debug": "eos", "log_level": 7}
        producer = Producer(config, logger=logger)
        producer.init_transactions(30)
        self._producer: Producer | None = producer
        group = reader_config(servers) | {"group.id": name}
        self._consumer = Consumer(group)
        self._topics = topics
        self._way = way
        self._number = 0

    def transactions(self, count: int) -> Sample:
        """So many, one after the other."""
        latencies: list[float] = []
        began = last = time.perf_counter()
        for _ in range(count):
            self._one()
            now = time.perf_counter()
            latencies.append(now - last)
            last = now
        return Sample(operations=count, seconds=last - began, latencies=latencies)

    def close(self) -> None:
        """Let go of the broker."""
        self._consumer.close()
        # Nothing else ends a producer of this client library.
        self._producer = None

    def _one(self) -> None:
        producer = self._producer
        assert producer is not None
        producer.begin_transaction()
        if self._way == "offsets first":
            self._offsets(producer)
        for _ in range(_RECORDS):
            producer.produce(self._topics.events_wallet, b"x" * 400, partition=0)
        producer.flush()
        if self._way == "offsets last":
            self._offsets(producer)
        producer.commit_transaction()
        producer.poll(0)

    def _offsets(self, producer: Producer) -> None:
        self._number += 1
        place = TopicPartition(self._topics.commands, 0, self._number)
        metadata = self._consumer.consumer_group_metadata()
        producer.send_offsets_to_transaction([place], metadata)
