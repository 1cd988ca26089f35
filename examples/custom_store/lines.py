"""One append as one line of the log: a checksum, a space, JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias
from zlib import crc32

from healthpay_core import (
    Actor,
    CommandMeta,
    Ok,
    OutcomeRecord,
    RecordedEvent,
    StreamCorrupted,
)
from healthpay_wire.answers import pack_outcome, unpack_outcome
from healthpay_wire.envelopes import decode_recorded, encode_recorded

_Packed: TypeAlias = tuple[
    str,
    str,
    tuple[str, str, str],
    tuple[int, int],
    tuple[str, str, str | None, str | None],
]
"""Fingerprint, outcome, ids, times, and who: the checksum vouches for the types."""


@dataclass(frozen=True, slots=True)
class Line:
    """What one append has stored."""

    events: Sequence[RecordedEvent]
    outcomes: Sequence[OutcomeRecord]


def write(line: Line) -> bytes:
    """The bytes of a line, its end included."""
    events = b",".join(map(encode_recorded, line.events))
    outcomes = json.dumps([_record(record) for record in line.outcomes]).encode()
    body = b'{"events": [%s], "outcomes": %s}' % (events, outcomes)
    return b"%08x %s\n" % (crc32(body), body)


def read(text: bytes, position: int) -> Line | None:
    """The line of these bytes, its first event at `position`; None when torn.

    Raises:
        StreamCorrupted: The line is whole, but says what nobody understands.
    """
    checksum, _, body = text.removesuffix(b"\n").partition(b" ")
    if not text.endswith(b"\n") or checksum != b"%08x" % crc32(body):
        return None
    members = json.loads(body)
    return Line(
        events=[
            _event(json.dumps(event).encode(), place)
            for place, event in enumerate(members["events"], position)
        ],
        outcomes=[_outcome(record) for record in members["outcomes"]],
    )


def _event(text: bytes, position: int) -> RecordedEvent:
    result = decode_recorded(text, position)
    if isinstance(result, Ok):
        return result.value
    raise StreamCorrupted(result.error.message)


def _record(record: OutcomeRecord) -> _Packed:
    meta = record.meta
    return (
        record.fingerprint.hex(),
        pack_outcome(record.outcome).decode(),
        (meta.command_id, meta.correlation_id, meta.causation_id),
        (meta.occurred_at, meta.recorded_at),
        (meta.actor.type, meta.actor.id, meta.tenant_id, meta.traceparent),
    )


def _outcome(packed: _Packed) -> OutcomeRecord:
    fingerprint, outcome, ids, times, who = packed
    command_id, correlation_id, causation_id = ids
    occurred_at, recorded_at = times
    actor_type, actor_id, tenant_id, traceparent = who
    return OutcomeRecord(
        fingerprint=bytes.fromhex(fingerprint),
        outcome=unpack_outcome(outcome.encode(), command_id, correlation_id),
        meta=CommandMeta(
            command_id=command_id,
            actor=Actor(type=actor_type, id=actor_id),
            correlation_id=correlation_id,
            causation_id=causation_id,
            occurred_at=occurred_at,
            recorded_at=recorded_at,
            tenant_id=tenant_id,
            traceparent=traceparent,
        ),
    )
