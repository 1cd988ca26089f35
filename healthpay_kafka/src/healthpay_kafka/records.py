"""Records as they come from and go to the broker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, cast

from confluent_kafka import Message

from healthpay_core import RecordedEvent
from healthpay_wire.cloudevents import cloud_type

CONTENT_TYPE: Final = "content-type"
STRUCTURED: Final = b"application/cloudevents+json"
WRITER: Final = "hp-writer"
TRACEPARENT: Final = "traceparent"
LARGEST_RECORD: Final = 950_000
"""Bytes of a record: below what clients and brokers accept if nobody says otherwise."""
_AROUND_A_HEADER: Final = 16

Headers: TypeAlias = Sequence[tuple[str, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A record of the commands topic.

    Attributes:
        offset: Its place in the log of its partition.
        recorded_at: The log's time, microseconds since 1970.
        key: The aggregate's id; None where there is none.
        value: What it says.
        headers: What it says beside.
    """

    offset: int
    recorded_at: int
    key: str | None
    value: bytes | None
    headers: Headers = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record to be produced.

    Attributes:
        topic: Where to.
        partition: Computed by us, never by the client library.
        key: Its key.
        value: None deletes the key on a compacted topic.
        headers: What is needed without parsing.
        journals: The command that this record of the journal is about.
    """

    topic: str
    partition: int
    key: str | None
    value: bytes | None
    headers: Headers = ()
    journals: str | None = None


def size_of(record: Arrived) -> int:
    """Bytes that a record takes at most: its key, value and headers."""
    around = [
        len(name.encode()) + len(value) + _AROUND_A_HEADER
        for name, value in record.headers
    ]
    return sum(around, len((record.key or "").encode()) + len(record.value or b""))


def event_headers(recorded: RecordedEvent, writer: str) -> Headers:
    """What a reader of an event's record needs without parsing its value.

    Args:
        recorded: The event, in structured mode.
        writer: Who produces it.
    """
    envelope = recorded.envelope
    kind, original = envelope.type, recorded.original
    version = kind.version if original is None else original.event_version
    headers = [
        (CONTENT_TYPE, STRUCTURED),
        ("ce_id", envelope.event_id.encode()),
        ("ce_type", cloud_type(kind.name, version).encode()),
        (WRITER, writer.encode()),
    ]
    if envelope.meta.traceparent is not None:
        headers.append((TRACEPARENT, envelope.meta.traceparent.encode()))
    return headers


def headers_in(message: Message) -> list[tuple[str, bytes]]:
    """The headers of a record that was read; those without a value are empty."""
    found = cast("list[tuple[str, bytes | str | None]] | None", message.headers())
    return [
        (name, value if isinstance(value, bytes) else (value or "").encode())
        for name, value in found or ()
    ]
