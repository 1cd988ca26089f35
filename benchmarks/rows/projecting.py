"""Row 9: events into an SQLite balance view, exactly once."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import count
from pathlib import Path

import orjson

from benchmarks import workload
from benchmarks.measure import (
    Figure,
    Goal,
    Sample,
    Scale,
    Side,
    interleave,
    settle_garbage,
)
from benchmarks.workplace import folder
from examples.projection.sqlite import SqliteView
from healthpay_core import CommandHandler, InMemoryEventStore
from healthpay_kafka import partition_of
from healthpay_kafka.projection import LogRecord, Partition, Projector, decode_event
from healthpay_wire.cloudevents import encode_structured

_BATCH = 2_000
_WALLETS = 1_000
_PARTITIONS = 12
_TOPIC = "healthpay.events.wallet"
_FLOOR = """
CREATE TABLE balances (wallet TEXT PRIMARY KEY, version INT, balance INT, held INT);
CREATE TABLE offsets (partition INT PRIMARY KEY, next INT);
"""


def run(scale: Scale) -> Iterator[Figure]:
    """Records as Kafka's client hands them over, against a loop written by hand."""
    records = _records(scale.size(200_000, 2_000))
    numbers = count()
    with folder() as place:
        ours, least = interleave(
            scale.rounds,
            lambda: _projected(records, place / f"view-{next(numbers)}.db"),
            lambda: _by_hand(records, place / f"floor-{next(numbers)}.db"),
        )
    rates = [sample.rate for sample in ours], [sample.rate for sample in least]
    yield Figure(
        row=9,
        name=f"project {len(records):,} events into SQLite, through a handler",
        unit="events/s",
        values=rates[0],
        goal=Goal(sign=">=", value=150_000),
        sides=[
            Side(name="projection", unit="events/s", values=rates[0]),
            Side(name="floor: by hand", unit="events/s", values=rates[1]),
        ],
        note="the floor neither checks versions nor parks anything; sums inside the"
        " database (1,000,000 events/s) are not built",
    )


def _projected(records: Sequence[LogRecord], path: Path) -> Sample:
    with closing(SqliteView(path, with_history=False)) as view:
        projector = Projector(view, decode_event, _no_alarm)
        projector.restore()
        settle_garbage()
        began = time.perf_counter()
        for at in range(0, len(records), _BATCH):
            projector.project(records[at : at + _BATCH])
        took = time.perf_counter() - began
    return Sample(operations=len(records), seconds=took)


def _by_hand(records: Sequence[LogRecord], path: Path) -> Sample:
    """The least that does it: parse, keep the last row of each wallet, commit."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(_FLOOR)
        settle_garbage()
        began = time.perf_counter()
        for at in range(0, len(records), _BATCH):
            rows, offsets = {}, {}
            for record in records[at : at + _BATCH]:
                members = orjson.loads(record.value or b"")
                data, wallet = members["data"], members["subject"]
                if "balanceAfter" in data:
                    state = (data["balanceAfter"], data["heldAfter"])
                    rows[wallet] = (wallet, int(members["sequence"]), *state)
                offsets[record.partition.number] = record.offset + 1
            database.execute("BEGIN IMMEDIATE")
            put = "REPLACE INTO balances VALUES (?,?,?,?)"
            database.executemany(put, rows.values())
            database.executemany("REPLACE INTO offsets VALUES (?, ?)", offsets.items())
            database.execute("COMMIT")
        took = time.perf_counter() - began
    return Sample(operations=len(records), seconds=took)


def _records(size: int) -> list[LogRecord]:
    store = InMemoryEventStore()
    handler = CommandHandler(store)
    wallets = workload.wallet_ids(_WALLETS)
    workload.open_wallets(handler, wallets)
    seeds = count()
    records: list[LogRecord] = []
    ends = [0] * _PARTITIONS
    position = 0
    while len(records) < size:
        for recorded in store.feed(after=position, limit=size):
            position = recorded.position
            envelope = recorded.envelope
            if not envelope.stream.startswith("wallet/"):
                continue
            number = partition_of(envelope.aggregate_id, _PARTITIONS)
            value = encode_structured(recorded)
            key = envelope.aggregate_id.encode()
            headers = (("content-type", b"application/cloudevents+json"),)
            place = Partition(_TOPIC, number)
            records.append(LogRecord(place, ends[number], key, value, headers))
            ends[number] += 1
        for batch in workload.batches(
            workload.mixed(5_000, wallets, next(seeds)), workload.BATCH
        ):
            handler.handle_many(batch)
    return records[:size]


def _no_alarm(alarm: object) -> None:
    raise AssertionError(f"nothing is wrong with these records: {alarm}")
