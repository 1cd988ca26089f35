"""Row 10: what resident wallets cost, and how fast they are there again."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import closing
from uuid import uuid4

import psutil
from confluent_kafka import Producer

from benchmarks import workload
from benchmarks.kafka import broker_and_topics
from benchmarks.measure import Figure, Goal, Scale, settle_garbage
from benchmarks.workplace import folder
from healthpay_core.policy import KycLevel, WalletType
from healthpay_core.wallet.state import ActiveWallet, WalletProfile
from healthpay_kafka import producer_config
from healthpay_kafka.holdings import Holdings
from healthpay_kafka.places import Places
from healthpay_kafka.reading import PartitionReader
from healthpay_kafka.receipts import Receipts
from healthpay_kafka.restoring import restore
from healthpay_kafka.snapshots import (
    CHECKPOINT_KEY,
    Checkpoint,
    Held,
    encode_checkpoint,
    encode_held,
)

_ASKED = 20_000
_BATCH = 20
_TYPE: WalletType = "personal"
_LEVEL: KycLevel = "full"


def run(scale: Scale) -> Iterator[Figure]:
    """In memory by themselves, then from a real broker's snapshots."""
    wallets = workload.wallet_ids(scale.size(1_000_000, 2_000))
    value = encode_held(Held(_wallet(), 3, bytes(32)))
    took, resident = _in_memory(wallets, value)
    yield Figure(
        row=10,
        name=f"{len(wallets):,} wallets restored from snapshots in memory",
        unit="wallets/s",
        values=[len(wallets) / took],
        goal=Goal(sign=">=", value=100_000),
    )
    yield Figure(
        row=10,
        name="resident memory of a wallet that was restored",
        unit="B",
        values=[resident / len(wallets)],
        goal=Goal(sign="<=", value=1024),
        note="a snapshot is opened when its wallet is first needed",
    )
    yield from _remembered(wallets)
    yield _from_broker(scale, value)


def _in_memory(wallets: list[str], value: bytes) -> tuple[float, float]:
    settle_garbage()
    process = psutil.Process()
    before = process.memory_info().rss
    # Each wallet has bytes of its own, as from a broker.
    values = [bytes(bytearray(value)) for _ in wallets]
    holdings = Holdings(lambda _: b"")
    began = time.perf_counter()
    for wallet, snapshot in zip(wallets, values, strict=True):
        holdings.restore_snapshot("wallet/" + wallet, snapshot)
    took = time.perf_counter() - began
    del values
    gc.collect()
    resident = process.memory_info().rss - before
    assert sum(1 for _ in holdings.streams()) == len(wallets)
    return took, resident


def _remembered(ids: list[str]) -> Iterator[Figure]:
    with folder() as place:
        file = place / "journal.ids"
        places = Places(file)
        receipts = Receipts(lambda _: b"", places)
        began = time.perf_counter()
        for number, command_id in enumerate(ids):
            receipts.place({command_id: number}, 0, number + 1)
        receipts.settle(len(ids))
        took = time.perf_counter() - began
        assert len(places) == len(ids)
        unknown = [uuid4().bytes for _ in range(_ASKED)]
        began = time.perf_counter()
        for start in range(0, _ASKED, _BATCH):
            assert not places.find(unknown[start : start + _BATCH])
        asked = time.perf_counter() - began
        places.close()
        size = file.stat().st_size
    yield Figure(
        row=10,
        name="disk for a command's id that is remembered",
        unit="B",
        values=[size / len(ids)],
        note=f"{len(ids) / took:,.0f} ids/s written",
    )
    yield Figure(
        row=10,
        name=f"whether an id is known, asked for {_BATCH} at once",
        unit="us",
        values=[asked / _ASKED * 1e6],
    )


def _from_broker(scale: Scale, value: bytes) -> Figure:
    wallets = workload.wallet_ids(scale.size(300_000, 1_000))
    with broker_and_topics(1) as (servers, topics):
        producer = Producer(producer_config(servers))
        for wallet in wallets:
            while True:
                try:
                    producer.produce(
                        topics.snapshots, value, "wallet/" + wallet, partition=0
                    )
                    break
                except BufferError:
                    producer.poll(0.1)
        checkpoint = encode_checkpoint(Checkpoint(journal=0, commands=0))
        producer.produce(topics.snapshots, checkpoint, CHECKPOINT_KEY, partition=0)
        producer.flush()
        rates: list[float] = []
        for _ in range(scale.rounds):
            settle_garbage()
            with closing(PartitionReader(servers)) as reader:
                restored = restore(reader, topics, 0)
            assert restored.snapshots == len(wallets)
            rates.append(restored.snapshots / restored.took_s)
    return Figure(
        row=10,
        name=f"{len(wallets):,} wallets restored from a broker, one partition",
        unit="wallets/s",
        values=rates,
        goal=Goal(sign=">=", value=100_000),
    )


def _wallet() -> ActiveWallet:
    profile = WalletProfile(
        owner_id="owner-1", wallet_type=_TYPE, currency="EGP", kyc_level=_LEVEL
    )
    return ActiveWallet(profile=profile, balance=12_550)
