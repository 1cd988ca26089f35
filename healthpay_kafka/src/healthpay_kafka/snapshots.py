"""Snapshots of aggregates and checkpoints of partitions, in bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import orjson

from healthpay_core import Err, Ok, State, StreamCorrupted, StreamId
from healthpay_core.refusals import ValidationFailed
from healthpay_wire.snapshots import FORMAT, decode_state, encode_state

CHECKPOINT_KEY: Final = "_checkpoint"


class Held(NamedTuple):
    """An aggregate as it is: a bare tuple, because there are a million of them."""

    state: State | None
    version: int
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """From where a partition is restored, once the snapshots are read.

    Attributes:
        journal: The first offset of the journal that the snapshots may lack.
        commands: The first offset of the commands that is not decided before it.
        begun: Where in the journal the processes began that were under way then.
        format: Of the snapshots; those of another format are not read.
    """

    journal: int
    commands: int
    begun: Sequence[int] = ()
    format: int = FORMAT


def encode_held(held: Held) -> bytes:
    """The value of a snapshot's record."""
    assert held.state is not None
    state = orjson.Fragment(encode_state(held.state))
    return orjson.dumps([held.version, held.hash.hex(), state])


def decode_held(stream: StreamId, value: bytes) -> Held:
    """The aggregate of a snapshot.

    Raises:
        StreamCorrupted: The bytes are no snapshot of this format.
    """
    version, link, packed = orjson.loads(value)
    state = decode_state(orjson.dumps(packed))
    if state is None:
        raise StreamCorrupted("the snapshot cannot be read", stream, version)
    return Held(state, version, bytes.fromhex(link))


def encode_checkpoint(checkpoint: Checkpoint) -> bytes:
    """The value of its record."""
    begun = list(checkpoint.begun)
    return orjson.dumps(
        [checkpoint.format, checkpoint.journal, checkpoint.commands, begun]
    )


def decode_checkpoint(value: bytes) -> Ok[Checkpoint] | Err[ValidationFailed]:
    """The checkpoint of a record; refused when the bytes are none."""
    try:
        written_as, journal, commands, begun = orjson.loads(value)
        return Ok(
            Checkpoint(
                format=written_as,
                journal=journal,
                commands=commands,
                begun=tuple(begun),
            )
        )
    except Exception as error:
        return Err(ValidationFailed.at("", f"is not a checkpoint: {error}"))
