"""A reader of partitions of a log in memory, for `restore` itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from healthpay_kafka.reading import PartitionReader
from healthpay_kafka.records import Record
from healthpay_kafka.restoring import Restored, restore
from tests.kafka.memory_log import MemoryLog


@dataclass(frozen=True, slots=True)
class _Message:
    at: int
    place: int
    record: Record

    def offset(self) -> int:
        return self.place

    def key(self) -> bytes:
        return (self.record.key or "").encode()

    def value(self) -> bytes | None:
        return self.record.value

    def timestamp(self) -> tuple[int, int]:
        return (1, self.at // 1000)


class MemoryReader:
    """As `PartitionReader`; the log's time is the time of each record."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    def close(self) -> None:
        """Nothing to let go of."""

    def watermarks(self, topic: str, partition: int) -> tuple[int, int]:
        """Where it begins and ends."""
        return 0, len(self._log.records[topic, partition])

    def one(self, topic: str, partition: int, offset: int) -> bytes:
        """The value at an offset."""
        value = self._log.records[topic, partition][offset][1].value
        assert value is not None
        return value

    def last_time(self, topic: str, partition: int) -> int | None:
        """The time of the last record."""
        records = self._log.records[topic, partition]
        return records[-1][0] if records else None

    def offset_at(self, topic: str, partition: int, instant: int) -> int | None:
        """The first record at or after an instant."""
        records = enumerate(self._log.records[topic, partition])
        return next((offset for offset, (at, _) in records if at >= instant), None)

    def to_end(
        self, topic: str, partition: int, *, start: int | None = None, told: Any = None
    ) -> Iterator[_Message]:
        """Every record from there."""
        records = self._log.records[topic, partition]
        for offset in range(start or 0, len(records)):
            yield _Message(records[offset][0], offset, records[offset][1])


def restored(log: MemoryLog, number: int) -> Restored:
    """Have a partition restored as a worker does, and owned by the log."""
    reader = cast("PartitionReader", MemoryReader(log))
    found = restore(reader, log.topics, number)
    log._own(number, found.holdings)
    log.offsets[number] = found.next_offset
    return found
