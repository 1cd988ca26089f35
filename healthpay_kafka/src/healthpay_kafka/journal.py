"""The journal: of each partition, what was decided, in order; the record of all.

One record holds one decided command whole: its outcome, its events, what it sent
on. A transaction that the broker tears leaves a prefix of it, never half a command;
all else that a processor writes is made again from it.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import orjson

from healthpay_core import Decided, Err, Ok
from healthpay_core.refusals import ValidationFailed
from healthpay_kafka.orders import Reply
from healthpay_wire.answers import pack_outcome, unpack_outcome

Kind: TypeAlias = Literal["decided", "begun", "concluded"]

FORMAT: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """An order that was sent on: the key of its record, and its value."""

    key: str
    value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One command, decided.

    Attributes:
        kind: A direct command or a step was decided; a process has begun, its
            outcome still open; a process was concluded.
        offset: Place in the commands topic of the record that led to it.
        batch: The offset of the first record of its transaction.
        recorded_at: The log's time of that record, microseconds since 1970.
        command_id: The command.
        correlation_id: Its conversation.
        fingerprint: Of the request (I2).
        outcome: None while a process is under way.
        pinned: Whether the same command is answered with it for good (I6).
        events: Each as the value of its CloudEvent in structured mode.
        sent: The order that follows, if any.
        root: The value of the root command's record, where a process began.
        reply: Where its caller waits, where a process began.
    """

    kind: Kind
    offset: int
    batch: int
    recorded_at: int
    command_id: str
    correlation_id: str
    fingerprint: bytes
    outcome: Decided | None
    pinned: bool
    events: Sequence[bytes] = ()
    sent: Sent | None = None
    root: bytes | None = None
    reply: Reply | None = None


def encode_entry(entry: Entry) -> bytes:
    """The value of its record."""
    sent, reply, packed = entry.sent, entry.reply, None
    if entry.outcome is not None:
        packed = pack_outcome(entry.outcome, of_steps=entry.kind == "concluded")
    return orjson.dumps(
        [
            FORMAT,
            entry.kind,
            entry.offset,
            entry.batch,
            entry.recorded_at,
            entry.command_id,
            entry.correlation_id,
            base64.b64encode(entry.fingerprint).decode("ascii"),
            entry.pinned,
            None if packed is None else orjson.Fragment(packed),
            [orjson.Fragment(event) for event in entry.events],
            None if sent is None else [sent.key, orjson.Fragment(sent.value)],
            None if entry.root is None else orjson.Fragment(entry.root),
            None if reply is None else [reply.partition, reply.deadline],
        ]
    )


def decode_entry(value: bytes) -> Ok[Entry] | Err[ValidationFailed]:
    """The entry of a record; refused when the bytes are none."""
    try:
        return Ok(_entry(*orjson.loads(value)))
    except Exception as error:
        text = f"is not an entry of a journal: {type(error).__name__} {error}"
        return Err(ValidationFailed.at("", text[:300]))


def _entry(
    written_as: int,
    kind: Kind,
    offset: int,
    batch: int,
    recorded_at: int,
    command_id: str,
    correlation_id: str,
    fingerprint: str,
    pinned: bool,
    outcome: object,
    events: list[object],
    sent: tuple[str, object] | None,
    root: object,
    reply: tuple[int, int] | None = None,
) -> Entry:
    if written_as != FORMAT:
        raise ValueError(f"format {written_as} is not known")
    packed = None if outcome is None else orjson.dumps(outcome)
    return Entry(
        kind=kind,
        offset=offset,
        batch=batch,
        recorded_at=recorded_at,
        command_id=command_id,
        correlation_id=correlation_id,
        fingerprint=base64.b64decode(fingerprint),
        outcome=(
            None
            if packed is None
            else unpack_outcome(packed, command_id, correlation_id)
        ),
        pinned=pinned,
        events=tuple([orjson.dumps(event) for event in events]),
        sent=None if sent is None else Sent(key=sent[0], value=orjson.dumps(sent[1])),
        root=None if root is None else orjson.dumps(root),
        reply=None if reply is None else Reply(partition=reply[0], deadline=reply[1]),
    )
