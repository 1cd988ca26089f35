"""What the topics of events hold, and whether it is what the store holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from healthpay_core import Ok, RecordedEvent
from healthpay_kafka import Feed, Topics, event_record, partition_of, reader_config
from healthpay_wire.cloudevents import decode, encode_structured
from healthpay_wire.envelopes import encode_recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One record of a topic of events."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    headers: dict[str, bytes]
    event: RecordedEvent


def read_events(bootstrap_servers: str, topics: Topics) -> list[Found]:
    """Every record of the four topics, those of a partition in order."""
    config = {
        **reader_config(bootstrap_servers),
        "enable.partition.eof": True,
        "fetch.wait.max.ms": 10,
    }
    found: list[Found] = []
    with Consumer(config) as consumer:
        parts = [
            TopicPartition(name, partition, 0)
            for name in topics.events
            for partition in range(topics.partitions)
        ]
        consumer.assign(parts)
        # Where somebody still writes, the end of a partition is reached several times.
        left = {(part.topic, part.partition) for part in parts}
        while left:
            message = consumer.poll(60)
            assert message is not None, f"they do not answer: {left}"
            error = message.error()
            if error is None:
                found.append(_found(message))
            else:
                assert error.code() == KafkaError._PARTITION_EOF, error
                left.discard((message.topic() or "", message.partition() or 0))
    return found


def _found(message: Message) -> Found:
    headers = dict(message.headers() or ())
    value, topic = message.value(), message.topic()
    partition, offset = message.partition(), message.offset()
    assert value is not None
    assert topic is not None
    assert partition is not None
    assert offset is not None
    decoded = decode([*headers.items()], value, position=offset)
    assert isinstance(decoded, Ok), (topic, offset, decoded)
    return Found(
        topic=topic,
        partition=partition,
        offset=offset,
        key=message.key() or b"",
        value=value,
        headers={n: t for n, t in headers.items() if isinstance(t, bytes)},
        event=decoded.value.recorded,
    )


def all_of(store: Feed) -> Sequence[RecordedEvent]:
    """Every event of a store."""
    return store.feed(0, 1_000_000)


def audit(store: Feed, found: Sequence[Found], topics: Topics) -> int:
    """How many records are repeated; everything else about them is right.

    Raises:
        AssertionError: An event is missing, or is not the store's, byte for byte,
            or the first occurrences of an aggregate are out of order, or a record
            is in a partition that is not its key's.
    """
    stored = {event.envelope.event_id: event for event in all_of(store)}
    versions: dict[str, list[int]] = defaultdict(list)
    seen: set[str] = set()
    for record in found:
        envelope = record.event.envelope
        assert envelope.event_id in stored, "published, and never stored"
        its = stored[envelope.event_id]
        assert record.value == encode_structured(its)
        assert encode_recorded(record.event) == encode_recorded(its)
        assert record.partition == partition_of(
            envelope.aggregate_id, topics.partitions
        )
        assert record.headers["ce_id"] == envelope.event_id.encode()
        writer = event_record(its, topics, writer=f"relay/{its.position}")
        assert (record.topic, record.key.decode()) == (writer.topic, writer.key)
        assert record.headers == dict(writer.headers)
        if envelope.event_id not in seen:
            seen.add(envelope.event_id)
            versions[envelope.stream].append(envelope.sequence)
    for stream, found_versions in versions.items():
        assert found_versions == list(range(1, len(found_versions) + 1)), stream
    assert not stored.keys() - seen, "stored, and never published"
    return len(found) - len(seen)
