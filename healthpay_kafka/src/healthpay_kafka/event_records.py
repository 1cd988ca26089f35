"""Events as records of their topics, in either mode of CloudEvents."""

from __future__ import annotations

from typing import Literal, TypeAlias

from healthpay_core import RecordedEvent
from healthpay_kafka.partitions import partition_of
from healthpay_kafka.records import TRACEPARENT, WRITER, Headers, Record, event_headers
from healthpay_kafka.topics import Topics
from healthpay_wire.cloudevents import encode_binary, encode_structured

Mode: TypeAlias = Literal["structured", "binary"]


def event_record(
    recorded: RecordedEvent, topics: Topics, *, writer: str, mode: Mode = "structured"
) -> Record:
    """The record of an event; its key is the aggregate's id (B3).

    In structured mode the value has all of it. The headers hold only what is
    needed without reading the value: content type, `ce_id`, `ce_type`,
    `traceparent` where there is one, and `hp-writer`.

    Args:
        recorded: The event.
        topics: Names, and the number of partitions.
        writer: Who writes it, for `hp-writer`.
        mode: How CloudEvents puts it into a record (B1).
    """
    envelope = recorded.envelope
    headers: Headers
    if mode == "structured":
        value, headers = encode_structured(recorded), event_headers(recorded, writer)
    else:
        attributes, value = encode_binary(recorded)
        headers = [*attributes, (WRITER, writer.encode())]
        if envelope.meta.traceparent is not None:
            headers.append((TRACEPARENT, envelope.meta.traceparent.encode()))
    return Record(
        topic=topics.events_of(envelope.type.aggregate_type),
        partition=partition_of(envelope.aggregate_id, topics.partitions),
        key=envelope.aggregate_id,
        value=value,
        headers=headers,
    )
