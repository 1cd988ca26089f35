"""Reading a partition from a place to its end, and single records by offset."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Final

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from healthpay_kafka.settings import ClientConfig, admin_config, reader_config

_PAGE: Final = 2_000
_WAIT_S: Final = 0.1
_FETCH_WAIT_MS: Final = 10
_TIMEOUT_S: Final = 30.0
_FEW: Final = 8
_MOVING: Final = frozenset(
    {
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001 - its only name
    }
)


class EndNotReached(Exception):
    """A partition could not be read to its end in time; says which."""


class PartitionReader:
    """Reads partitions by hand, committed records only; of one thread at a time.

    Args:
        bootstrap_servers: ``host:port``, or several with commas between.
        client: Further settings, such as credentials.
    """

    def __init__(
        self, bootstrap_servers: str, client: ClientConfig | None = None
    ) -> None:
        self._servers = bootstrap_servers
        self._client = client
        self._consumer = Consumer(
            {
                **reader_config(bootstrap_servers, client),
                "enable.partition.eof": True,
                # At an end the broker would hold back the next request for as long.
                "fetch.wait.max.ms": _FETCH_WAIT_MS,
            }
        )

    def close(self) -> None:
        """Let go of the connection."""
        self._consumer.close()

    def watermarks(self, topic: str, partition: int) -> tuple[int, int]:
        """Where a partition begins and ends, open transactions included.

        A consumer of committed records is told another end, the last stable offset,
        before which records of a transaction that is being settled may be missing.

        Raises:
            KafkaException: The broker does not answer.
        """
        config = reader_config(self._servers, self._client)
        config["isolation.level"] = "read_uncommitted"
        with closing(Consumer(config)) as consumer:
            return watermarks(consumer, topic, partition)

    def offset_at(self, topic: str, partition: int, instant: int) -> int | None:
        """The offset of the first record at or after an instant, in microseconds.

        Returns:
            None when there is none.

        Raises:
            KafkaException: The broker does not answer.
        """
        asked = TopicPartition(topic, partition, instant // 1000)
        (found,) = self._consumer.offsets_for_times([asked], timeout=_TIMEOUT_S)
        return found.offset if found.offset >= 0 else None

    def last_time(self, topic: str, partition: int) -> int | None:
        """The time of the last committed record, in microseconds; None without any.

        Raises:
            KafkaException: The broker does not answer.
            EndNotReached: A transaction stays open, or the broker is gone.
        """
        low, end = self.watermarks(topic, partition)
        back, start = _FEW, end
        # The last offsets may be markers of transactions, which are no records.
        while start > low:
            start = max(low, end - back)
            times = [
                m.timestamp()[1] for m in self.to_end(topic, partition, start=start)
            ]
            if times:
                return times[-1] * 1000
            back *= _FEW
        return None

    def topic_id(self, topic: str) -> str:
        """The id of a topic, which no other topic of its name ever had or has.

        Raises:
            KafkaException: The broker does not answer.
        """
        admin = AdminClient(admin_config(self._servers, self._client))
        asked = admin.describe_topics(
            TopicCollection([topic]), request_timeout=_TIMEOUT_S
        )
        return str(asked[topic].result(_TIMEOUT_S).topic_id)

    def committed(self, group_id: str, topic: str, partition: int) -> int | None:
        """The offset that a group has committed; None when it has none.

        Raises:
            KafkaException: The broker does not answer.
        """
        config = reader_config(self._servers, self._client)
        config["group.id"] = group_id
        with closing(Consumer(config)) as consumer:
            asked = [TopicPartition(topic, partition)]
            (found,) = consumer.committed(asked, timeout=_TIMEOUT_S)
        if found.error is not None:
            raise KafkaException(found.error)
        return found.offset if found.offset >= 0 else None

    def to_end(
        self,
        topic: str,
        partition: int,
        *,
        start: int | None = None,
        told: Callable[[int, int], None] | None = None,
    ) -> Iterator[Message]:
        """Every committed record up to where the partition ends now.

        Args:
            topic: The topic.
            partition: The partition.
            start: The first offset; from the beginning, if not said.
            told: Is called now and then with how far it is, and the end.

        Raises:
            KafkaException: The broker does not answer.
            EndNotReached: A transaction stays open, or the broker is gone.
        """
        low, end = self.watermarks(topic, partition)
        at = TopicPartition(topic, partition, max(low, start or 0))
        if at.offset >= end:
            return
        self._consumer.assign([at])
        deadline = time.monotonic() + _TIMEOUT_S
        while True:
            messages = self._consumer.consume(_PAGE, _WAIT_S)
            for message in messages:
                error = message.error()
                if error is None:
                    deadline = time.monotonic() + _TIMEOUT_S
                    yield message
                elif error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001
                    raise KafkaException(error)
            (position,) = self._consumer.position([TopicPartition(topic, partition)])
            if told is not None:
                told(max(0, position.offset), end)
            if position.offset >= end:
                return
            if time.monotonic() > deadline:
                where = f"{topic}[{partition}] at {position.offset} of {end}"
                raise EndNotReached(where)

    def has_more(self, topic: str, partition: int, start: int) -> bool:
        """Whether there is a committed record at an offset or behind it.

        Raises:
            KafkaException: The broker does not answer.
            EndNotReached: A transaction stays open, or the broker is gone.
        """
        return any(True for _ in self.to_end(topic, partition, start=start))

    def one(self, topic: str, partition: int, offset: int) -> bytes:
        """The value of the record at an offset.

        Raises:
            KafkaException: It cannot be read.
            EndNotReached: Nothing came in time.
        """
        self._consumer.assign([TopicPartition(topic, partition, offset)])
        deadline = time.monotonic() + _TIMEOUT_S
        while time.monotonic() < deadline:
            message = self._consumer.poll(_WAIT_S)
            if message is None:
                continue
            error = message.error()
            if error is not None:
                raise KafkaException(error)
            value = message.value()
            assert value is not None
            return value
        raise EndNotReached(f"{topic}[{partition}] at {offset}")


def watermarks(consumer: Consumer, topic: str, partition: int) -> tuple[int, int]:
    """Where a partition begins and ends for a consumer.

    While a partition's leader is being made known it is asked again.

    Raises:
        KafkaException: The broker does not answer, or not in time.
    """
    place = TopicPartition(topic, partition)
    until = time.monotonic() + _TIMEOUT_S
    while True:
        try:
            return consumer.get_watermark_offsets(place, timeout=_TIMEOUT_S)
        except KafkaException as error:
            if error.args[0].code() not in _MOVING or time.monotonic() > until:
                raise
            time.sleep(_WAIT_S)
