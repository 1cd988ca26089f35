"""Tampering is found, and where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from healthpay_core import RecordedEvent, WalletCredited
from healthpay_wire.verify import verify_chain


@pytest.fixture
def stream(story: Sequence[RecordedEvent]) -> list[RecordedEvent]:
    """One whole stream of the story."""
    name = story[0].envelope.stream
    return [event for event in story if event.envelope.stream == name]


def test_a_whole_stream_verifies(stream: list[RecordedEvent]) -> None:
    """A2: nothing is reported of a stream that was not touched."""
    assert len(stream) > 5
    assert verify_chain(stream) is None


def test_an_altered_amount_is_found(stream: list[RecordedEvent]) -> None:
    """A2: the first altered event is named."""
    index = next(
        i for i, e in enumerate(stream) if isinstance(e.envelope.data, WalletCredited)
    )
    event = stream[index]
    data = event.envelope.data
    assert isinstance(data, WalletCredited)
    envelope = replace(event.envelope, data=replace(data, amount=data.amount + 1))
    stream[index] = replace(event, envelope=envelope)
    broken = verify_chain(stream)
    assert broken is not None
    assert (broken.sequence, broken.reason) == (
        index + 1,
        "hash does not match the content",
    )


def test_a_dropped_event_is_found(stream: list[RecordedEvent]) -> None:
    """A2: a gap is named."""
    broken = verify_chain(stream[:2] + stream[3:])
    assert broken is not None
    assert broken.sequence == 3


def test_reordered_events_are_found(stream: list[RecordedEvent]) -> None:
    """A2: two events in each other's place are named, even if renumbered."""
    second = replace(stream[2], envelope=replace(stream[2].envelope, sequence=2))
    third = replace(stream[1], envelope=replace(stream[1].envelope, sequence=3))
    broken = verify_chain([stream[0], second, third, *stream[3:]])
    assert broken is not None
    assert (broken.sequence, broken.reason) == (
        2,
        "prevHash is not the hash of the event before",
    )


def test_a_changed_actor_is_found(stream: list[RecordedEvent]) -> None:
    """A2, W9: who did it is part of what is hashed."""
    event = stream[1]
    meta = replace(
        event.envelope.meta, actor=replace(event.envelope.meta.actor, id="x")
    )
    stream[1] = replace(event, envelope=replace(event.envelope, meta=meta))
    broken = verify_chain(stream)
    assert broken is not None
    assert broken.sequence == 2
