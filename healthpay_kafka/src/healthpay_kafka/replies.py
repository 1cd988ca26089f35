"""Answers to gateways, in bytes."""

from __future__ import annotations

from typing import cast

import orjson

from healthpay_core import Committed, Decided, Err, Ok, Rejected
from healthpay_core.refusals import ValidationFailed
from healthpay_wire.answers import pack_outcome, unpack_outcome


def encode_reply(outcome: Decided) -> bytes:
    """The value of its record."""
    return orjson.dumps(
        [
            outcome.command_id,
            outcome.correlation_id,
            outcome.replayed,
            orjson.Fragment(pack_outcome(outcome, of_steps=True)),
        ]
    )


def decode_reply(value: bytes | None) -> Ok[Decided] | Err[ValidationFailed]:
    """The answer of a record; refused when the bytes are none."""
    try:
        command_id, correlation_id, replayed, packed = orjson.loads(value or b"")
        outcome = unpack_outcome(orjson.dumps(packed), command_id, correlation_id)
        return Ok(_marked(outcome, is_replay=cast("bool", replayed)))
    except Exception as error:
        return Err(ValidationFailed.at("", f"is not a reply: {error}"))


def _marked(outcome: Decided, *, is_replay: bool) -> Decided:
    if not is_replay:
        return outcome
    if isinstance(outcome, Committed):
        return Committed(
            command_id=outcome.command_id,
            correlation_id=outcome.correlation_id,
            resource=outcome.resource,
            events=outcome.events,
            replayed=True,
        )
    return Rejected(
        command_id=outcome.command_id,
        correlation_id=outcome.correlation_id,
        error=outcome.error,
        replayed=True,
    )
