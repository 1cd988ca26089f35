"""What is said of a CloudEvent that is none of ours, and what a reader is told."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
import pytest

from healthpay_core import Err, Ok, OriginalForm, Problem, RecordedEvent
from healthpay_core.refusals import ValidationFailed
from healthpay_wire.cloudevents import (
    decode,
    decode_structured,
    encode_binary,
    encode_structured,
)


def _refused(reason: str) -> Err[ValidationFailed]:
    problem = Problem("", f"is not one of our CloudEvents: {reason}")
    return Err(ValidationFailed(errors=(problem,)))


@pytest.mark.parametrize(
    ("member", "value", "reason"),
    [
        ("specversion", "0.3", "specversion must be 1.0"),
        ("datacontenttype", "a/b", "datacontenttype must be application/json"),
        ("source", "/x", "source must be /healthpay/wallet"),
        ("type", "x" * 99, f"its type {'x' * 80!r} is not known"),
        ("subject", 7, "subject must be a string"),
        ("time", "yesterday", "time must be an RFC 3339 time"),
        ("sequence", "x" * 99, f"{'x' * 80!r} is not a number of 20 digits"),
    ],
)
def test_a_damaged_cloudevent_says_what_is_wrong_with_it(
    member: str, value: object, reason: str, cloud_lines: list[bytes]
) -> None:
    """B2, E6: in one sentence, with no more of the value than helps."""
    members = {**orjson.loads(cloud_lines[0]), member: value}
    text = orjson.dumps(members)
    assert decode_structured(text) == decode(None, text) == _refused(reason)


def test_another_format_is_named(cloud_lines: list[bytes]) -> None:
    """B1: whoever reads it knows what came."""
    came = [("Content-Type", "application/CloudEvents+avro")]
    reason = "its format application/cloudevents+avro is not JSON"
    assert decode(came, cloud_lines[0]) == _refused(reason)


def test_a_missing_header_is_named(story: Sequence[RecordedEvent]) -> None:
    """B2: also in binary mode."""
    headers, value = encode_binary(story[0])
    less = [(name, text) for name, text in headers if name != "ce_id"]
    assert decode(less, value) == _refused("'id' is missing")


def test_a_reader_says_which_position_it_is(story: Sequence[RecordedEvent]) -> None:
    """B1: in either mode, whether the client gives headers as bytes or as texts."""
    headers, value = encode_binary(story[0])
    texts = [*((name, text.decode()) for name, text in headers), ("x", None)]
    structured = encode_structured(story[0])
    for found in (
        decode(headers, value, position=77),
        decode(texts, value, position=77),
        decode(None, structured, position=77),
        decode_structured(structured, position=77),
    ):
        assert isinstance(found, Ok)
        assert found.value.recorded.position == 77
        assert found.value.recorded.envelope == story[0].envelope


def test_the_original_form_does_not_depend_on_the_order_of_its_members(
    old_lines: list[bytes], cloud_lines: list[bytes]
) -> None:
    """A3, A4: what was hashed had sorted members, however they have travelled."""
    members = orjson.loads(cloud_lines[-len(old_lines)])
    members["data"] = dict(reversed(members["data"].items()))
    found = decode_structured(orjson.dumps(members))
    assert isinstance(found, Ok)
    stored = orjson.dumps(members["data"], option=orjson.OPT_SORT_KEYS)
    assert found.value.recorded.original == OriginalForm(event_version=1, data=stored)
