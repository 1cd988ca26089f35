"""CloudEvents: nothing is lost on the way, and the pinned bytes stay readable."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from healthpay_core import (
    Actor,
    CommandMeta,
    Err,
    Ok,
    OriginalForm,
    RecordedEvent,
    StreamId,
)
from healthpay_wire.cloudevents import (
    CloudEvent,
    decode,
    decode_structured,
    encode_binary,
    encode_structured,
)
from healthpay_wire.envelopes import decode_recorded, encode_recorded
from healthpay_wire.upcasters import build_chains

TEXTS = st.text(max_size=12)
INSTANTS = st.integers(-62_000_000_000_000_000, 250_000_000_000_000_000)
METAS = st.builds(
    CommandMeta,
    command_id=TEXTS,
    actor=st.builds(Actor, type=TEXTS, id=TEXTS),
    correlation_id=TEXTS,
    causation_id=TEXTS,
    occurred_at=INSTANTS,
    recorded_at=INSTANTS,
    tenant_id=st.none() | TEXTS,
    traceparent=st.none() | TEXTS,
)
HASHES = st.just(b"") | st.binary(min_size=32, max_size=32)
OFFSETS = st.none() | st.integers(0, 2**63 - 1)


def pinned(lines: list[bytes]) -> list[RecordedEvent]:
    """Pinned envelopes as events."""
    decoded = [decode_recorded(line) for line in lines]
    events = [found.value for found in decoded if isinstance(found, Ok)]
    assert len(events) == len(lines)
    return events


def offset_of(index: int) -> int | None:
    """The command offsets of the pinned lines: each its own, the first none."""
    return index or None


def test_structured_bytes_are_what_was_pinned(
    golden_lines: list[bytes], old_lines: list[bytes], cloud_lines: list[bytes]
) -> None:
    """A3, B1: every event of every version makes the bytes that it always made."""
    events = pinned(golden_lines + old_lines)
    written = [
        encode_structured(event, command_offset=offset_of(index))
        for index, event in enumerate(events)
    ]
    assert written == cloud_lines


def test_binary_records_are_what_was_pinned(
    golden_lines: list[bytes], old_lines: list[bytes], binary_lines: list[bytes]
) -> None:
    """A3, B1: the same for headers and value of binary mode."""
    for index, event in enumerate(pinned(golden_lines + old_lines)):
        headers, value = encode_binary(event, command_offset=offset_of(index))
        texts = [[name, text.decode()] for name, text in headers]
        assert orjson.dumps([texts, value.decode()]) == binary_lines[index]


def test_every_version_that_can_be_read_is_pinned(cloud_lines: list[bytes]) -> None:
    """A3, A4: no event type and no version is without pinned CloudEvents."""
    types = {orjson.loads(line)["type"] for line in cloud_lines}
    assert types == {f"healthpay.{name}.v{n}" for name, n in build_chains()}


def test_pinned_cloudevents_give_back_the_pinned_envelopes(
    golden_lines: list[bytes],
    old_lines: list[bytes],
    cloud_lines: list[bytes],
    binary_lines: list[bytes],
) -> None:
    """A4: in both modes the reader gets the store's own envelope, byte for byte."""
    envelopes = golden_lines + old_lines
    for index, line in enumerate(cloud_lines):
        headers, value = orjson.loads(binary_lines[index])
        binary = decode([(n, t.encode()) for n, t in headers], value.encode())
        assert isinstance(binary, Ok)
        assert decode_structured(line) == binary
        assert binary.value.command_offset == offset_of(index)
        assert encode_recorded(binary.value.recorded) == envelopes[index]


@given(
    meta=METAS,
    subject=st.text(min_size=1, max_size=40),
    sequence=st.integers(1, 10**20 - 1),
    links=st.tuples(HASHES, HASHES),
    offset=OFFSETS,
    pick=st.integers(0, 10**6),
)
def test_nothing_is_lost_on_the_way(
    meta: CommandMeta,
    subject: str,
    sequence: int,
    links: tuple[bytes, bytes],
    offset: int | None,
    pick: int,
    story: Sequence[RecordedEvent],
) -> None:
    """B1, B2: decoding gives back the very event, in both modes."""
    told = story[pick % len(story)]
    stream = StreamId(f"{told.envelope.type.aggregate_type}/{subject}")
    event = replace(
        told,
        envelope=replace(told.envelope, stream=stream, sequence=sequence, meta=meta),
        prev_hash=links[0],
        hash=links[1],
    )
    same = Ok(CloudEvent(recorded=event, command_offset=offset))
    value = encode_structured(event, command_offset=offset)
    assert decode_structured(value, position=event.position) == same
    headers, data = encode_binary(event, command_offset=offset)
    assert decode(headers, data, position=event.position) == same
    assert data


def test_old_versions_arrive_upcast_with_their_original_form(
    old_lines: list[bytes],
) -> None:
    """A4: a reader sees today's event, and can still verify the stored one."""
    (event,) = pinned(old_lines)
    decoded = decode_structured(encode_structured(event))
    assert isinstance(decoded, Ok)
    assert decoded.value.recorded == event
    assert isinstance(decoded.value.recorded.original, OriginalForm)


def test_attributes_are_named_and_written_as_the_specification_wants(
    cloud_lines: list[bytes],
) -> None:
    """B2: names of lower-case letters and digits, up to 20; values are texts."""
    required = {"specversion", "id", "source", "type", "subject", "time"}
    for line in cloud_lines:
        members = orjson.loads(line)
        data = members.pop("data")
        assert isinstance(data, dict)
        assert required <= members.keys()
        assert members["partitionkey"] == members["subject"]
        for name, value in members.items():
            assert re.fullmatch(r"[a-z0-9]{1,20}", name)
            assert isinstance(value, str)
            assert value


@given(st.lists(st.integers(1, 10**19), min_size=2, max_size=2, unique=True))
def test_the_order_of_sequences_is_that_of_their_texts(numbers: list[int]) -> None:
    """B2: readers may compare `sequence` as text."""
    texts = [f"{number:020d}" for number in numbers]
    assert (texts[0] < texts[1]) == (numbers[0] < numbers[1])


def test_the_content_type_tells_the_mode(story: Sequence[RecordedEvent]) -> None:
    """B1: by its beginning, in any case, with parameters; headers may be lost."""
    value = encode_structured(story[0])
    same = decode_structured(value)
    assert isinstance(same, Ok)
    for text in (b"application/cloudevents+json", b"Application/CloudEvents+JSON; q=1"):
        assert decode([("content-type", text)], value) == same
        assert decode([("Content-Type", text)], value) == same
    assert decode(None, value) == same
    assert decode([("other", None)], value) == same
    headers, data = encode_binary(story[0])
    found = dict(headers)
    assert found["content-type"] == b"application/json"
    assert "ce_datacontenttype" not in found
    assert decode(
        {**found, "content-type": b"application/json; x=y"}.items(), data
    ) == (same)


def test_what_intermediaries_add_is_ignored(story: Sequence[RecordedEvent]) -> None:
    """B1: attributes that are not known do not make an event unreadable."""
    members = {**orjson.loads(encode_structured(story[0])), "region": "eg-1"}
    assert decode_structured(orjson.dumps(members)) == decode_structured(
        encode_structured(story[0])
    )


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("specversion", "0.3"),
        ("datacontenttype", "text/xml"),
        ("type", "healthpay.wallet.minted.v1"),
        ("type", "healthpay.wallet.created.v2"),
        ("type", "healthpay.wallet.created.v0"),
        ("type", "wallet.created.v1"),
        ("type", 7),
        ("source", "/healthpay/payment"),
        ("sequence", "7"),
        ("sequence", 7),
        ("sequence", "0000000000000000000\N{ARABIC-INDIC DIGIT SEVEN}"),
        ("commandoffset", "-0000000000000000001"),
        ("id", None),
        ("time", "yesterday"),
        ("recordedtime", 5),
        ("actorid", []),
        ("tenantid", 4),
        ("hash", "zz"),
        ("data", {}),
        ("data", "text"),
        ("data", None),
    ],
)
def test_a_damaged_cloudevent_is_refused(
    member: str, value: object, cloud_lines: list[bytes]
) -> None:
    """A4, B2: each attribute has its type, and none is guessed."""
    members = {**orjson.loads(cloud_lines[0]), member: value}
    assert isinstance(decode_structured(orjson.dumps(members)), Err)


@pytest.mark.parametrize("member", ["specversion", "id", "sequence", "data", "time"])
def test_a_missing_attribute_is_named(member: str, cloud_lines: list[bytes]) -> None:
    """B2: what must be there and is not is said by its name."""
    members = orjson.loads(cloud_lines[0])
    del members[member]
    refused = decode_structured(orjson.dumps(members))
    assert isinstance(refused, Err)
    assert f"'{member}' is missing" in refused.error.errors[0].detail


@pytest.mark.parametrize("value", [None, b"", b"[]", b"7", b"\xff", b"{", b"null"])
def test_what_is_no_cloudevent_is_a_value_not_an_exception(value: bytes | None) -> None:
    """B1, B4: poison, and an empty value, are refused in both modes."""
    headers = [("content-type", b"application/json"), ("ce_specversion", b"1.0")]
    assert isinstance(decode(headers, value), Err)
    assert isinstance(decode(None, value), Err)


@pytest.mark.parametrize(
    "content_type",
    [b"application/cloudevents+avro", b"application/cloudevents-batch+json", b"\xff"],
)
def test_other_formats_are_refused(
    content_type: bytes, story: Sequence[RecordedEvent]
) -> None:
    """B1: an event in a format that is not ours is never taken for one that is."""
    value = encode_structured(story[0])
    assert isinstance(decode([("content-type", content_type)], value), Err)
