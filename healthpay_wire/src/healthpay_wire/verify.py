"""Proof that a stream was not touched since it was written (rule A2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from healthpay_core import RecordedEvent
from healthpay_wire.envelopes import GENESIS, hash_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainBroken:
    """The first event of a stream that is altered, dropped or out of place."""

    stream: str
    sequence: int
    reason: str


def verify_chain(events: Iterable[RecordedEvent]) -> ChainBroken | None:
    """Check one whole stream from its first event on; None when it is whole."""
    prev_hash, expected = GENESIS, 1
    for recorded in events:
        envelope = recorded.envelope
        reason = None
        if envelope.sequence != expected:
            reason = f"sequence is {envelope.sequence}, expected {expected}"
        elif (recorded.prev_hash or GENESIS) != prev_hash:
            reason = "prevHash is not the hash of the event before"
        elif hash_of(recorded, prev_hash) != recorded.hash:
            reason = "hash does not match the content"
        if reason is not None:
            return ChainBroken(stream=envelope.stream, sequence=expected, reason=reason)
        prev_hash, expected = recorded.hash, expected + 1
    return None
