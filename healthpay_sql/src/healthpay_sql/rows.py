"""Envelopes and outcomes as rows, and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias
from uuid import UUID

import orjson

from healthpay_core import (
    Actor,
    CommandMeta,
    Event,
    EventEnvelope,
    OriginalForm,
    OutcomeRecord,
    RecordedEvent,
    StreamCorrupted,
    StreamId,
    is_id,
)
from healthpay_wire.answers import pack_outcome, unpack_outcome
from healthpay_wire.codec import decode_data, is_current
from healthpay_wire.envelopes import GENESIS

Value: TypeAlias = int | str | bytes | None
Row: TypeAlias = tuple[Value, ...]
TypeKeys: TypeAlias = dict[int, tuple[str, int]]

_MONTH_US: Final = 28 * 86_400 * 1_000_000


def pack_id(text: str) -> bytes | str:
    """16 bytes for a canonical UUID; anything else stays as it is."""
    return bytes.fromhex(text.replace("-", "")) if is_id(text) else text


def unpack_id(value: bytes | str) -> str:
    """The id that was packed."""
    return str(UUID(bytes=value)) if isinstance(value, bytes) else value


def month_of(meta: CommandMeta) -> int:
    """The four-week period that a command's row is filed under."""
    return meta.recorded_at // _MONTH_US


def pack_meta(meta: CommandMeta) -> bytes:
    """What the events of a command share, as a compact JSON array."""
    own = meta.command_id
    return orjson.dumps(
        (
            meta.actor.type,
            meta.actor.id,
            None if meta.correlation_id == own else meta.correlation_id,
            None if meta.causation_id == own else meta.causation_id,
            meta.occurred_at,
            meta.recorded_at,
            meta.tenant_id,
            meta.traceparent,
        )
    )


def unpack_meta(command_id: str, packed: bytes) -> CommandMeta:
    """The meta that was packed."""
    kind, actor, correlation, causation, occurred, recorded, tenant, trace = (
        orjson.loads(packed)
    )
    return CommandMeta(
        command_id=command_id,
        actor=Actor(type=kind, id=actor),
        correlation_id=correlation or command_id,
        causation_id=causation or command_id,
        occurred_at=occurred,
        recorded_at=recorded,
        tenant_id=tenant,
        traceparent=trace,
    )


def command_row(key: int, record: OutcomeRecord) -> Row:
    """The row of a decided command."""
    meta = record.meta
    return (
        key,
        month_of(meta),
        pack_id(meta.command_id),
        record.fingerprint,
        pack_meta(meta),
        pack_outcome(record.outcome),
    )


def bare_command_row(key: int, meta: CommandMeta) -> Row:
    """The row of a command whose events were appended without an outcome."""
    return (key, month_of(meta), pack_id(meta.command_id), b"", pack_meta(meta), None)


def outcome_record(
    packed_id: bytes | str, fingerprint: bytes, meta: bytes, outcome: bytes
) -> OutcomeRecord:
    """The outcome of a row; raises ValueError when it cannot be read."""
    command_id = unpack_id(packed_id)
    shared = unpack_meta(command_id, meta)
    return OutcomeRecord(
        fingerprint=fingerprint,
        outcome=unpack_outcome(outcome, command_id, shared.correlation_id),
        meta=shared,
    )


def recorded_events(
    rows: Iterable[tuple[object, ...]], types: TypeKeys
) -> Sequence[RecordedEvent]:
    """Rows as events; one meta object per run of one command.

    A row is (position, stream, version, type, id, data, hash, previous hash,
    command id, meta).

    Raises:
        StreamCorrupted: A row cannot be understood.
    """
    events: list[RecordedEvent] = []
    last: tuple[object, CommandMeta] | None = None
    for row in rows:
        position, stream, version, kind, event_id, data, digest, prev, command, meta = (
            row
        )
        if last is None or last[0] != command:
            last = (command, unpack_meta(unpack_id(_id(command)), _bytes(meta)))
        events.append(
            _recorded(
                (_int(position), str(stream), _int(version)),
                types[_int(kind)],
                (unpack_id(_id(event_id)), _bytes(data)),
                (GENESIS if prev is None else _bytes(prev), _bytes(digest)),
                last[1],
            )
        )
    return events


def _recorded(
    place: tuple[int, str, int],
    kind: tuple[str, int],
    body: tuple[str, bytes],
    links: tuple[bytes, bytes],
    meta: CommandMeta,
) -> RecordedEvent:
    position, stream, version = place
    name, event_version = kind
    event_id, data = body
    envelope = EventEnvelope(
        event_id=event_id,
        stream=StreamId(stream),
        sequence=version,
        data=decoded(kind, data, stream, version),
        meta=meta,
    )
    current = is_current(name, event_version)
    return RecordedEvent(
        position=position,
        envelope=envelope,
        prev_hash=links[0],
        hash=links[1],
        original=None
        if current
        else OriginalForm(event_version=event_version, data=data),
    )


def decoded(kind: tuple[str, int], data: bytes, stream: str, version: int) -> Event:
    """The event of a row.

    Raises:
        StreamCorrupted: Its bytes are not what its type prescribes.
    """
    try:
        return decode_data(kind[0], kind[1], data)
    except StreamCorrupted as error:
        raise StreamCorrupted(error.reason, stream, version) from error


def _int(value: object) -> int:
    if not isinstance(value, int):
        raise StreamCorrupted("a row holds no number where one belongs")
    return value


def _bytes(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise StreamCorrupted("a row holds no bytes where they belong")
    return value


def _id(value: object) -> bytes | str:
    if not isinstance(value, (bytes, str)):
        raise StreamCorrupted("a row holds no id where one belongs")
    return value
