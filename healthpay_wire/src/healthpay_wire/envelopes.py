"""The envelope on the wire, and the hash chain over its canonical bytes (A2).

    hash = SHA-256(hash of the previous event of the stream ‖ canonical bytes)

The canonical bytes are the envelope without `prevHash` and `hash`: JSON, members
in the order of `_members`, absent ones left out, no spaces. The first event
follows 32 zero bytes.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

import orjson
from returns.result import Failure, Result, Success, safe

from healthpay_core import (
    Actor,
    CommandMeta,
    Err,
    EventEnvelope,
    Ok,
    OriginalForm,
    RecordedEvent,
    StreamCorrupted,
    StreamId,
)
from healthpay_core.refusals import ValidationFailed
from healthpay_wire.codec import decode_data, encode_data, is_current, parse_members
from healthpay_wire.instants import format_instant, parse_instant
from healthpay_wire.upcasters import Members

GENESIS: Final = bytes(32)
"""What the first event of a stream follows."""


def canonical(envelope: EventEnvelope, original: OriginalForm | None = None) -> bytes:
    """The bytes that are hashed; with `original`, those that were stored."""
    if original is None:
        data, version = encode_data(envelope.data), envelope.type.version
    else:
        data, version = original.data, original.event_version
    return orjson.dumps(_members(envelope, data, version))


def digest(prev_hash: bytes, envelope: EventEnvelope) -> bytes:
    """The hash of an event after another; pass it to `InMemoryEventStore`."""
    return sha256((prev_hash or GENESIS) + canonical(envelope)).digest()


def seal(prev_hash: bytes, envelope: EventEnvelope) -> tuple[bytes, bytes]:
    """The canonical `data` and the hash, for a store that keeps them apart."""
    data = encode_data(envelope.data)
    members = _members(envelope, data, envelope.type.version)
    return data, sha256(prev_hash + orjson.dumps(members)).digest()


def hash_of(recorded: RecordedEvent, prev_hash: bytes) -> bytes:
    """What the hash of a recorded event must be after `prev_hash`."""
    body = canonical(recorded.envelope, recorded.original)
    return sha256((prev_hash or GENESIS) + body).digest()


def encode_recorded(recorded: RecordedEvent) -> bytes:
    """The full envelope with its links, as the HTTP contract shows it."""
    original = recorded.original
    envelope = recorded.envelope
    data = encode_data(envelope.data) if original is None else original.data
    version = envelope.type.version if original is None else original.event_version
    members = _members(envelope, data, version)
    members["prevHash"] = (recorded.prev_hash or GENESIS).hex()
    members["hash"] = recorded.hash.hex()
    return orjson.dumps(members)


def decode_recorded(
    text: bytes, position: int = 0
) -> Ok[RecordedEvent] | Err[ValidationFailed]:
    """A full envelope from bytes, of any readable version (A4)."""
    result = parse_members(text).bind(safe(lambda m: _recorded(m, position)))
    return _bridge(result)


def _bridge(
    result: Result[RecordedEvent, Exception],
) -> Ok[RecordedEvent] | Err[ValidationFailed]:
    """The one place where the railway becomes the core's own result."""
    if isinstance(result, Success):
        return Ok(result.unwrap())
    error = result.failure() if isinstance(result, Failure) else None
    return Err(ValidationFailed.at("", f"is not an envelope: {error}"))


def _members(envelope: EventEnvelope, data: bytes, version: int) -> Members:
    meta = envelope.meta
    aggregate_type, _, aggregate_id = envelope.stream.partition("/")
    members: Members = {
        "actor": {"id": meta.actor.id, "type": meta.actor.type},
        "aggregateId": aggregate_id,
        "aggregateType": aggregate_type,
        "causationId": meta.causation_id,
        "commandId": meta.command_id,
        "correlationId": meta.correlation_id,
        "data": orjson.Fragment(data),
        "eventId": envelope.event_id,
        "eventType": envelope.event_type,
        "eventVersion": version,
        "occurredAt": format_instant(meta.occurred_at),
        "recordedAt": format_instant(meta.recorded_at),
        "sequence": envelope.sequence,
    }
    if meta.tenant_id is not None:
        members["tenantId"] = meta.tenant_id
    if meta.traceparent is not None:
        members["traceparent"] = meta.traceparent
    return members


def _recorded(members: Members, position: int) -> RecordedEvent:
    name, version = _text(members, "eventType"), members["eventVersion"]
    if type(version) is not int:
        raise StreamCorrupted("eventVersion must be an integer")
    data = orjson.dumps(members["data"], option=orjson.OPT_SORT_KEYS)
    envelope = EventEnvelope(
        event_id=_text(members, "eventId"),
        stream=StreamId(
            f"{_text(members, 'aggregateType')}/{_text(members, 'aggregateId')}"
        ),
        sequence=_whole(members, "sequence"),
        data=decode_data(name, version, data),
        meta=_meta(members),
    )
    current = is_current(name, version)
    return RecordedEvent(
        position=position,
        envelope=envelope,
        prev_hash=_link(members, "prevHash"),
        hash=_link(members, "hash"),
        original=None if current else OriginalForm(event_version=version, data=data),
    )


def _meta(members: Members) -> CommandMeta:
    actor = members["actor"]
    if not isinstance(actor, dict):
        raise StreamCorrupted("actor must be an object")
    return CommandMeta(
        command_id=_text(members, "commandId"),
        actor=Actor(type=_text(actor, "type"), id=_text(actor, "id")),
        correlation_id=_text(members, "correlationId"),
        causation_id=_text(members, "causationId"),
        occurred_at=_when(members, "occurredAt"),
        recorded_at=_when(members, "recordedAt"),
        tenant_id=_text(members, "tenantId") if "tenantId" in members else None,
        traceparent=_text(members, "traceparent") if "traceparent" in members else None,
    )


def _text(members: Members, name: str) -> str:
    value = members[name]
    if type(value) is not str:
        raise StreamCorrupted(f"{name} must be a string")
    return value


def _whole(members: Members, name: str) -> int:
    value = members[name]
    if type(value) is not int:
        raise StreamCorrupted(f"{name} must be an integer")
    return value


def _link(members: Members, name: str) -> bytes:
    text = _text(members, name)
    # `fromhex` alone also reads capitals, spaces, and whatever length.
    if len(text) != 2 * len(GENESIS) or bytes.fromhex(text).hex() != text:
        raise StreamCorrupted(f"{name} must be 64 lower-case hexadecimal digits")
    return bytes.fromhex(text)


def _when(members: Members, name: str) -> int:
    instant = parse_instant(_text(members, name))
    if instant is None:
        raise StreamCorrupted(f"{name} must be an RFC 3339 time")
    return instant
