"""What must hold of any bytes: one function a target, which raises when it does not.

The first line of an input chooses what is read, the rest is what is read; a first
line that names nothing chooses too, so that every input does something.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeVar
from zlib import crc32

import attrs
import orjson

from healthpay_core import Err, NotDone, Ok, RecordedEvent, StreamCorrupted
from healthpay_http import headers as h
from healthpay_http.bodies import CommandBody
from healthpay_http.call import Call
from healthpay_http.card_data import holds_card_number
from healthpay_http.reading import Parsed, parse
from healthpay_http.refusals import IdempotencyKeyInvalid
from healthpay_http.replies import problem_members
from healthpay_http.routes import ROUTES
from healthpay_wire.codec import decode_data, encode_data
from healthpay_wire.envelopes import (
    GENESIS,
    decode_recorded,
    encode_recorded,
    hash_of,
)
from healthpay_wire.instants import format_instant, parse_instant
from healthpay_wire.names import camel
from healthpay_wire.strict import strict_converter

T = TypeVar("T")
Target = Callable[[bytes], None]

ID: Final = "ec338932-ce9b-5e24-b08d-b414ddc08785"
BODIES: Final[Mapping[str, type[CommandBody]]] = MappingProxyType(
    {route.operation: route.body for route in ROUTES if route.body is not None}
)
CONVERTER: Final = strict_converter(detailed=False)
TRACEPARENT: Final = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)
RFC_3339: Final = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)",
    re.ASCII | re.IGNORECASE,
)


def body(data: bytes) -> None:
    """A body is refused as invalid, or means exactly what was sent (E7, H7, M1, D2).

    Whatever is taken encodes to bytes that are read to the same again, holds no
    card number, and its command can be made; whatever is refused makes a document.
    """
    cls, sent = _chosen(BODIES, data)
    parsed = parse(sent, cls)
    if isinstance(parsed, Err):
        _assert_document(parsed.error)
        return
    taken: Parsed[CommandBody] = parsed.value
    assert taken.sent == json.loads(sent), "two readers, two meanings"
    assert _means(taken.body, taken.sent), "it is not what was sent"
    members = CONVERTER.unstructure(taken.body)
    encoded = orjson.dumps(members, option=orjson.OPT_SORT_KEYS)
    again = parse(encoded, cls)
    assert isinstance(again, Ok), "what was taken is refused when sent again"
    assert again.value.body == taken.body
    taken.body.command(ID, ID)


def envelope(data: bytes) -> None:
    """An envelope is refused as invalid, or encodes canonically (A2, A4).

    What is decoded has a hash, decodes from its own bytes to the same, whose bytes
    are the same; and its `data` alone does so too.
    """
    decoded = decode_recorded(data)
    if isinstance(decoded, Err):
        _assert_document(decoded.error)
        return
    recorded = decoded.value
    encoded = encode_recorded(recorded)
    again = decode_recorded(encoded)
    assert isinstance(again, Ok), "its own bytes are refused"
    assert again.value == recorded
    assert encode_recorded(again.value) == encoded
    assert len(hash_of(recorded, GENESIS)) == 32
    _assert_data(recorded)


def headers(data: bytes) -> None:
    """Headers and instants are read as their RFCs say, or not at all (I1, V4, H5)."""
    read, value = _chosen(HEADERS, data)
    read(value)


def _key(value: bytes) -> None:
    """I1: 1 to 255 visible characters or the refusal; bare or quoted, one key."""
    key = h.idempotency_key(value)
    if not isinstance(key, str):
        assert isinstance(key, IdempotencyKeyInvalid)
        return
    assert re.fullmatch(r"[!-~]{1,255}", key)
    quoted = '"' + key.replace("\\", r"\\").replace('"', r"\"") + '"'
    assert h.idempotency_key(quoted.encode()) == key
    if not key.startswith('"'):
        assert h.idempotency_key(b" " + key.encode() + b"\t") == key


def _if_match(value: bytes) -> None:
    """V4: the version of one strong tag, which has no other spelling."""
    version = h.expected_version(value)
    spelt = re.fullmatch(rb'[ \t]*"([1-9][0-9]{0,15})"[ \t]*', value)
    assert version == (int(spelt[1]) if spelt else None)


def _traceparent(value: bytes) -> None:
    """H5: a valid trace is continued in a span of its own, else one is begun."""
    trace_id, own = h.trace(value)
    assert TRACEPARENT.fullmatch(own.encode())
    assert own[3:35] == trace_id
    future = value[:2] != b"00" and value[55:56] == b"-"
    is_valid = bool(TRACEPARENT.fullmatch(value[:55])) and (len(value) == 55 or future)
    assert is_valid == (trace_id.encode() == value[3:35])
    assert own[36:52].encode() != value[36:52] or not is_valid
    assert own[53:55] == f"0{int(value[53:55], 16) & 1 if is_valid else 0}"


def _correlation(value: bytes) -> None:
    """H2, D2: 1 to 128 visible characters are kept, a card's are not."""
    is_kept = re.fullmatch(rb"[!-~]{1,128}", value) is not None
    is_kept = is_kept and not holds_card_number(value.decode())
    kept = h.correlation_id(value, "0" * 32)
    assert kept == (value.decode() if is_kept else f"{0:08}-0000-0000-0000-{0:012}")


def _at(value: bytes) -> None:
    """H5: an instant is read as RFC 3339 says, and written once is read the same."""
    text = value.decode("latin-1")
    instant = parse_instant(text)
    if instant is None:
        return
    assert RFC_3339.fullmatch(text)
    written = format_instant(instant)
    assert parse_instant(written) == instant
    seconds, _, rest = text[:-1].upper().partition(".")
    if text[-1:] in "zZ":
        assert written == f"{seconds}.{rest:0<6}Z"


HEADERS: Final[Mapping[str, Target]] = MappingProxyType(
    {
        "Idempotency-Key": _key,
        "If-Match": _if_match,
        "traceparent": _traceparent,
        "X-Correlation-Id": _correlation,
        "at": _at,
    }
)
TARGETS: Final[Mapping[str, Target]] = MappingProxyType(
    {"body": body, "envelope": envelope, "headers": headers}
)


def _chosen(choices: Mapping[str, T], data: bytes) -> tuple[T, bytes]:
    line, _, rest = data.partition(b"\n")
    by_name = choices.get(line.decode("ascii", "replace"))
    if by_name is not None:
        return by_name, rest
    return list(choices.values())[crc32(line) % len(choices)], rest


def _assert_document(error: NotDone) -> None:
    """A refusal has its faults and can be said in bytes."""
    call = Call({"method": "POST", "path": "/", "headers": []})
    members = problem_members(call, error, "c")
    assert members["errors"]
    assert orjson.loads(orjson.dumps(members)) == members


def _means(value: object, sent: object) -> bool:
    """Whether a value is exactly what was sent, its types included."""
    kind = type(value)
    if attrs.has(kind):
        fields = {camel(field.name): field for field in attrs.fields(kind)}
        return (
            isinstance(sent, dict)
            and all(name in fields for name in sent)
            and all(
                _means(getattr(value, field.name), sent.get(name, field.default))
                for name, field in fields.items()
            )
        )
    if isinstance(value, tuple):
        return (
            isinstance(sent, list)
            and len(value) == len(sent)
            and all(map(_means, value, sent))
        )
    return kind is type(sent) and value == sent


def _assert_data(recorded: RecordedEvent) -> None:
    event = recorded.envelope.data
    kind = recorded.envelope.type
    assert decode_data(kind.name, kind.version, encode_data(event)) == event
    for version in (0, kind.version + 1):
        try:
            decode_data(kind.name, version, encode_data(event))
        except StreamCorrupted:
            continue
        raise AssertionError("a version that nobody knows was decoded")
