"""A log of records in memory, with transactions that can be torn, and processors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from healthpay_core import (
    NO_LIMITS,
    CommandRequest,
    Decided,
    Err,
    LimitPolicy,
    ManualClock,
    RecordedEvent,
)
from healthpay_core.testing import NOW
from healthpay_kafka.deciding import Decider
from healthpay_kafka.holdings import Holdings, is_checkpoint
from healthpay_kafka.orders import Ask, Reply, aggregate_of, encode_order, headers_of
from healthpay_kafka.partition import Partition
from healthpay_kafka.partitions import partition_of
from healthpay_kafka.places import Places
from healthpay_kafka.records import Arrived, Record
from healthpay_kafka.replies import decode_reply
from healthpay_kafka.topics import Topics
from healthpay_wire.cloudevents import decode_structured

Place = tuple[str, int]


@dataclass(slots=True)
class MemoryLog:
    """Topics of records, and the processors of their commands.

    A transaction that is torn leaves a prefix of what it wrote in each partition
    of each topic. With `remembers`, a restore reads the whole journal, else only what
    the snapshots lack, or the table of ids, which outlives a processor.
    """

    partitions: int = 3
    policy: LimitPolicy = NO_LIMITS
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW))
    records: defaultdict[Place, list[tuple[int, Record]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    offsets: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    raised: list[BaseException] = field(default_factory=list)
    topics: Topics = field(init=False)
    owned: dict[int, Partition] = field(default_factory=dict)
    tables: defaultdict[int, Places] = field(
        default_factory=lambda: defaultdict(Places)
    )
    remembers: bool = True
    parked: dict[int, tuple[Holdings, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.topics = Topics(partitions=self.partitions, replication=1, min_insync=1)
        for number in range(self.partitions):
            self.take_over(number)

    def ask(self, request: CommandRequest, reply_to: int = 0) -> None:
        """Put a command at the end of its partition's log."""
        reply = Reply(partition=reply_to, deadline=self.clock.now() + 10**12)
        ask = Ask(request=request, reply=reply)
        key = aggregate_of(request)
        self.produce(
            Record(
                topic=self.topics.commands,
                partition=partition_of(key, self.partitions),
                key=key,
                value=encode_order(ask),
                headers=headers_of(ask, "test"),
            )
        )

    def produce(self, record: Record) -> int:
        """Put a record at the end of its log; its offset."""
        self.clock.advance(milliseconds=1)
        log = self.records[record.topic, record.partition]
        log.append((self.clock.now(), record))
        return len(log) - 1

    def waiting(self, number: int, most: int) -> list[Arrived]:
        """The next records of a partition's commands."""
        start = self.offsets[number]
        log = self.records[self.topics.commands, number][start : start + most]
        return [
            Arrived(
                offset=start + index,
                recorded_at=at,
                key=record.key,
                value=record.value,
                headers=record.headers,
            )
            for index, (at, record) in enumerate(log)
        ]

    def run(self, number: int, most: int = 200) -> int:
        """Commit one batch of a partition; how many records it had."""
        batch = self.waiting(number, most)
        if batch:
            partition = self.owned[number]
            self._write(partition, partition.take(batch))
            self.offsets[number] += len(batch)
        return len(batch)

    def abort(self, number: int, most: int) -> None:
        """Decide a batch, and undo it."""
        batch = self.waiting(number, most)
        if batch:
            self.owned[number].take(batch)
            self.owned[number].undo()

    def tear(self, number: int, most: int, draw: Random) -> None:
        """Commit a prefix of what a batch wrote to each place; take over."""
        batch = self.waiting(number, most)
        if batch:
            places: defaultdict[Place, list[Record]] = defaultdict(list)
            for record in self.owned[number].take(batch):
                places[record.topic, record.partition].append(record)
            for written in places.values():
                for record in written[: draw.randint(0, len(written))]:
                    self.produce(record)
        self.take_over(number)

    def checkpoint(self, number: int) -> None:
        """Write what has changed, and from where to restore."""
        partition = self.owned[number]
        journal, commands = self._journal(number), self.offsets[number]
        if partition.repeats(commands):
            return
        for record in partition.checkpoint(len(journal), commands):
            self.produce(record)
        partition.holdings.changed.clear()

    def take_over(self, number: int) -> None:
        """Restore a partition from what the log holds, as a new processor does."""
        journal = self._journal(number)
        table = Places() if self.remembers else self.tables[number]
        holdings = Holdings(lambda offset: _value(journal[offset][1]), table, recent=5)
        newest = {
            record.key: record.value
            for _, record in self.records[self.topics.snapshots, number]
        }
        checkpoint = None
        for key, value in newest.items():
            assert key is not None
            assert value is not None
            if is_checkpoint(key):
                checkpoint = value
            else:
                holdings.restore_snapshot(key, value)
        folded_from = holdings.restore_checkpoint(checkpoint)
        start = 0
        if not self.remembers and folded_from is not None:
            start = min(folded_from, table.end)
        holdings.restore_processes(start)
        for offset, (_, record) in enumerate(journal[start:], start):
            holdings.restore_entry(offset, _value(record))
        holdings.receipts.settle(len(journal))
        self._own(number, holdings)

    def leave(self, number: int) -> None:
        """Its processor parks a partition, and another one takes it over."""
        partition, end = self.owned[number], len(self._journal(number))
        if not partition.repeats(self.offsets[number]):
            partition.holdings.receipts.settle(end)
            partition.holdings.park(self.offsets[number])
            self.parked[number] = (partition.holdings, end)
        self.take_over(number)

    def come_back(self, number: int) -> None:
        """Who has parked a partition, if anybody has, takes it over again."""
        if number in self.parked:
            holdings, end = self.parked.pop(number)
            for offset, (_, record) in enumerate(self._journal(number)[end:], end):
                holdings.restore_entry(offset, _value(record))
            self._own(number, holdings)

    def _own(self, number: int, holdings: Holdings) -> None:
        resume = holdings.resume_at()
        if resume is not None:
            self.offsets[number] = resume
        self.owned[number] = Partition(
            number,
            topics=self.topics,
            decider=Decider(self.clock, self.policy),
            holdings=holdings,
            unexpected=self._raised,
        )

    def settle(self) -> None:
        """Run everything until nothing is left to do."""
        while sum(self.run(number) for number in range(self.partitions)):
            pass

    def replies(self, partition: int = 0) -> Iterator[Decided]:
        """The answers, in order."""
        for _, record in self.records[self.topics.replies, partition]:
            decoded = decode_reply(record.value)
            assert not isinstance(decoded, Err)
            yield decoded.value

    def events(self) -> Iterator[RecordedEvent]:
        """The events as a reader takes them: by version, the first wins (R3)."""
        versions: dict[str, int] = {}
        for topic in self.topics.events:
            for number in range(self.partitions):
                for _, record in self.records[topic, number]:
                    decoded = decode_structured(_value(record))
                    assert not isinstance(decoded, Err)
                    recorded = decoded.value.recorded
                    stream = recorded.envelope.stream
                    sequence = recorded.envelope.sequence
                    at = versions.get(stream, 0)
                    if sequence <= at:
                        continue
                    assert sequence == at + 1, f"gap in {stream} at {sequence}"
                    versions[stream] = sequence
                    yield recorded

    def dead(self) -> list[Record]:
        """The dead letters."""
        topic = self.topics.deadletter
        return [
            record
            for number in range(self.partitions)
            for _, record in self.records[topic, number]
        ]

    def _journal(self, number: int) -> list[tuple[int, Record]]:
        return self.records[self.topics.journal, number]

    def _write(self, partition: Partition, records: list[Record]) -> None:
        places: dict[str, int] = {}
        for record in records:
            offset = self.produce(record)
            if record.journals is not None:
                places[record.journals] = offset
        partition.commit(places)

    def _raised(self, error_id: str, error: BaseException) -> None:
        self.raised.append(error)


def _value(record: Record) -> bytes:
    assert record.value is not None
    return record.value
