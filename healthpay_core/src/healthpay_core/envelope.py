"""What every event carries besides its own facts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from healthpay_core.events import EVENT_TYPES, Event, EventType
from healthpay_core.ids import StreamId


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who gave the order; the id is opaque (A5)."""

    type: str
    id: str


SYSTEM: Final = Actor(type="system", id="system")


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandMeta:
    """What all events of one command share. Times are microseconds since 1970 UTC.

    Attributes:
        correlation_id: The conversation.
        causation_id: What caused it: an event's id, else the command's (B5).
        traceparent: W3C trace context, when there is one.
    """

    command_id: str
    actor: Actor
    correlation_id: str
    causation_id: str
    occurred_at: int
    recorded_at: int
    tenant_id: str | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventEnvelope:
    """One event in its stream; `sequence` runs 1..n without gaps (V1)."""

    event_id: str
    stream: StreamId
    sequence: int
    data: Event
    meta: CommandMeta

    @property
    def type(self) -> EventType:
        """Wire name and version."""
        return EVENT_TYPES[type(self.data)]

    @property
    def event_type(self) -> str:
        """Wire name, such as ``wallet.credited``."""
        return EVENT_TYPES[type(self.data)].name

    @property
    def aggregate_id(self) -> str:
        """The id behind the aggregate type in the stream's name."""
        return self.stream.partition("/")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginalForm:
    """An event as it was stored, when that was an older version (A4)."""

    event_version: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedEvent:
    """An event as a store holds it.

    Attributes:
        position: Place in the feed of the whole store, 1..n, rising.
        prev_hash, hash: Links of the stream's hash chain (A2), 32 bytes each;
            empty where the store was given no digest.
        original: Set when the stored form was upcast.
    """

    position: int
    envelope: EventEnvelope
    prev_hash: bytes = b""
    hash: bytes = b""
    original: OriginalForm | None = None
