"""What is no envelope is said to be none, and why (A2, A4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import orjson
import pytest

from healthpay_core import Err, Ok, Problem, RecordedEvent
from healthpay_wire.codec import parse_members
from healthpay_wire.envelopes import decode_recorded
from healthpay_wire.verify import ChainBroken, verify_chain


@pytest.mark.parametrize(
    ("member", "value", "reason"),
    [
        ("eventVersion", "1", "eventVersion must be an integer"),
        ("eventVersion", True, "eventVersion must be an integer"),
        ("eventVersion", 99, "wallet.created version 99 is not known"),
        ("eventType", 7, "eventType must be a string"),
        ("sequence", "1", "sequence must be an integer"),
        ("actor", "me", "actor must be an object"),
        ("actor", {"id": 1, "type": "user"}, "id must be a string"),
        ("occurredAt", "yesterday", "occurredAt must be an RFC 3339 time"),
        ("recordedAt", 5, "recordedAt must be a string"),
        ("tenantId", 4, "tenantId must be a string"),
        ("traceparent", 4, "traceparent must be a string"),
        ("data", {}, "wallet.created version 1 cannot be read"),
        ("data", [], "wallet.created version 1 cannot be read"),
    ],
)
def test_a_damaged_envelope_says_what_is_wrong(
    member: str, value: object, reason: str, golden_lines: list[bytes]
) -> None:
    """A4: the member that is not what it must be is named."""
    members = {**orjson.loads(golden_lines[0]), member: value}
    refused = decode_recorded(orjson.dumps(members))
    assert isinstance(refused, Err)
    assert refused.error.errors == (Problem("", f"is not an envelope: {reason}"),)


@pytest.mark.parametrize("text", [b"[]", b"1", b"null", b'"x"'])
def test_only_an_object_has_members(text: bytes) -> None:
    """A4: other JSON is no envelope, and no exception."""
    failed = parse_members(text).failure()
    assert isinstance(failed, TypeError)
    assert str(failed) == "must be a JSON object"
    refused = decode_recorded(text)
    assert isinstance(refused, Err)
    assert refused.error.errors[0].detail == "is not an envelope: must be a JSON object"


def _position(decoded: Ok[RecordedEvent] | object) -> int:
    assert isinstance(decoded, Ok)
    assert isinstance(decoded.value, RecordedEvent)
    return decoded.value.position


def test_the_place_in_the_feed_is_the_callers(golden_lines: list[bytes]) -> None:
    """A4: it is no part of the envelope; who does not know it has none."""
    assert _position(decode_recorded(golden_lines[3], 17)) == 17
    assert _position(decode_recorded(golden_lines[3])) == 0


def test_current_events_have_no_older_form(golden_lines: list[bytes]) -> None:
    """A4: only what was upcast keeps the form that it was stored in."""
    for line in golden_lines:
        decoded = decode_recorded(line)
        assert isinstance(decoded, Ok)
        assert decoded.value.original is None


def test_an_older_form_is_kept_in_canonical_order(old_lines: list[bytes]) -> None:
    """A2, A4: in whatever order its members arrive, its hash is that of the chain."""
    members = orjson.loads(old_lines[0])
    turned = dict(reversed(members["data"].items()))
    assert list(turned) != list(members["data"])
    decoded = decode_recorded(orjson.dumps({**members, "data": turned}))
    assert isinstance(decoded, Ok)
    original = decoded.value.original
    assert original is not None
    assert (original.event_version, original.data) == (
        1,
        orjson.dumps(members["data"]),
    )
    assert verify_chain([decoded.value]) is None


def test_a_broken_chain_says_where_and_why(story: Sequence[RecordedEvent]) -> None:
    """A2: the stream, the sequence that was due, and what does not fit."""
    name = story[0].envelope.stream
    stream = [event for event in story if event.envelope.stream == name]
    assert verify_chain(stream[1:]) == ChainBroken(
        stream=name, sequence=1, reason="sequence is 2, expected 1"
    )
    bare = [replace(stream[0], hash=b"")]
    assert verify_chain(bare) == ChainBroken(
        stream=name, sequence=1, reason="hash does not match the content"
    )
    unlinked = [stream[0], replace(stream[1], prev_hash=b"")]
    assert verify_chain(unlinked) == ChainBroken(
        stream=name,
        sequence=2,
        reason="prevHash is not the hash of the event before",
    )
