"""The event topics of Apache Kafka as the log of a projection."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import TracebackType
from typing import Final, Self, TypeAlias, cast

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from healthpay_kafka.projection.log import LogLost
from healthpay_kafka.projection.records import LogRecord, Partition
from healthpay_kafka.projection.watermarks import HighWatermarks
from healthpay_kafka.settings import ClientConfig, reader_config

_GONE: Final = frozenset(
    {
        KafkaError._AUTO_OFFSET_RESET,  # noqa: SLF001 - its only name
        KafkaError.OFFSET_OUT_OF_RANGE,
        KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001 - its only name
        KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001 - its only name
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.UNKNOWN_TOPIC_ID,
    }
)
_PASSING: Final = frozenset(
    {
        KafkaError._TRANSPORT,  # noqa: SLF001 - its only name
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001 - its only name
        KafkaError._RESOLVE,  # noqa: SLF001 - its only name
    }
)
"""librdkafka goes on by itself, and says so in between."""
_Headers: TypeAlias = Sequence[tuple[str, str | bytes | None]]


class KafkaEventLog:
    """An `EventLog`: every partition of some topics, assigned by hand.

    No consumer group is joined and no offset is committed: where to read on is
    the view's business. Only committed records are read. Use it from one thread,
    and `close` it, or use it as a context manager.

    Args:
        bootstrap_servers: ``host:port``, or several with commas between.
        topics: Their names; at least one.
        more: Further settings of librdkafka, such as credentials.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        topics: Collection[str],
        more: ClientConfig | None = None,
    ) -> None:
        self.topics: Final = tuple(topics)
        self._positions: dict[Partition, int] = {}
        self._watermarks = HighWatermarks(bootstrap_servers, self.topics, more)
        settings = reader_config(bootstrap_servers, more)
        # Ends tell how far a partition was read past the marks of transactions.
        self._consumer = Consumer({**settings, "enable.partition.eof": True})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._consumer.close()

    def ends(self) -> Mapping[Partition, int]:
        return self._watermarks.now()

    def seek(self, positions: Mapping[Partition, int]) -> None:
        self._positions = dict(positions)
        self._consumer.assign(
            [TopicPartition(*place, offset) for place, offset in positions.items()]
        )

    def read(self, at_most: int, timeout_s: float) -> Sequence[LogRecord]:
        first = self._consumer.poll(timeout_s)
        if first is None:
            return []
        # `consume` with a time-out would wait until it has as many as asked for.
        rest = self._consumer.consume(at_most - 1, 0) if at_most > 1 else []
        records: list[LogRecord] = []
        for message in (first, *rest):
            record = self._record(message)
            if record is not None:
                records.append(record)
                self._positions[record.partition] = record.offset + 1
        return records

    def positions(self) -> Mapping[Partition, int]:
        return dict(self._positions)

    def _record(self, message: Message) -> LogRecord | None:
        """A message as a record; None where it only says something."""
        error = message.error()
        if error is not None:
            self._take(error, message)
            return None
        partition, offset = _place(message)
        headers = cast("_Headers", message.headers() or ())
        return LogRecord(
            partition,
            offset,
            message.key(),
            message.value(),
            tuple((name, _bytes(text)) for name, text in headers),
        )

    def _take(self, error: KafkaError, message: Message) -> None:
        code = error.code()
        if code == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its only name
            partition, offset = _place(message)
            self._positions[partition] = offset
        elif code in _GONE:
            raise LogLost(f"{message.topic()}[{message.partition()}]: {error.str()}")
        elif code not in _PASSING and not error.retriable():
            raise KafkaException(error)


def _place(message: Message) -> tuple[Partition, int]:
    topic, number, offset = message.topic(), message.partition(), message.offset()
    assert topic is not None
    assert number is not None
    assert offset is not None
    return Partition(topic, number), offset


def _bytes(text: str | bytes | None) -> bytes | None:
    return text.encode() if isinstance(text, str) else text
