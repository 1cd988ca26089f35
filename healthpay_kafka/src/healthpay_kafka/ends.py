"""What the topics of events end with: the published state, told by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from time import monotonic
from typing import Final, TypeAlias

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from healthpay_kafka.administration import TIMEOUT_S
from healthpay_kafka.checkpoint import Mark
from healthpay_kafka.records import WRITER
from healthpay_kafka.settings import ClientConfig, reader_config
from healthpay_kafka.topics import Topics

Ends: TypeAlias = Mapping[tuple[str, int], Mark]
"""The last event of each partition of each topic, where a relay wrote it."""

# librdkafka's `OFFSET_TAIL(1)`, for which its Python client has no name.
_LAST_RECORD: Final = -2001
_BY_RELAY: Final = re.compile(r"relay/([1-9][0-9]{0,18})")


def relay_writer(position: int) -> str:
    """What `hp-writer` says of an event that a relay took from that position."""
    return f"relay/{position}"


def read_ends(
    bootstrap_servers: str,
    topics: Topics,
    *,
    more: ClientConfig | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Ends:
    """The last event of each partition that has one.

    Args:
        bootstrap_servers: ``host:port``, or several with commas between.
        topics: Whose topics of events are looked at.
        more: Further settings of the client.
        timeout_s: How long it may take.

    Raises:
        KafkaException: The broker does not answer.
        TimeoutError: It does not in time.
    """
    config = {
        **reader_config(bootstrap_servers, more),
        "enable.partition.eof": True,
        # Most partitions are at their end already: the answer must not wait.
        "fetch.wait.max.ms": 10,
        "fetch.error.backoff.ms": 50,
        "log_level": 0,
    }
    last = [
        TopicPartition(name, partition, _LAST_RECORD)
        for name in topics.events
        for partition in range(topics.partitions)
    ]
    with Consumer(config) as consumer:
        # Else librdkafka waits half a second before it asks who leads a partition.
        consumer.list_topics(timeout=timeout_s)
        consumer.assign(last)
        asked = {(part.topic, part.partition) for part in last}
        return dict(_marks(consumer, asked, timeout_s))


def _marks(
    consumer: Consumer, waiting: set[tuple[str, int]], timeout_s: float
) -> Iterator[tuple[tuple[str, int], Mark]]:
    until = monotonic() + timeout_s
    while waiting:
        if monotonic() > until:
            raise TimeoutError(f"no answer about {min(waiting)} in {timeout_s} s")
        message = consumer.poll(0.2)
        if message is None:
            continue
        error = message.error()
        # An end without a record: nothing is there, or the marker of a transaction.
        if error is not None and error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001
            raise KafkaException(error)
        where = (message.topic() or "", message.partition() or 0)
        mark = None if error else _mark(message)
        if mark is not None and where in waiting:
            yield where, mark
        waiting.discard(where)


def _mark(message: Message) -> Mark | None:
    """The mark of a record that a relay wrote."""
    headers = dict(message.headers() or ())
    writer, event_id = headers.get(WRITER), headers.get("ce_id")
    if not isinstance(writer, bytes) or not isinstance(event_id, bytes):
        return None
    found = _BY_RELAY.fullmatch(writer.decode("ascii", "replace"))
    if found is None:
        return None
    return Mark(position=int(found[1]), event_id=event_id.decode())
