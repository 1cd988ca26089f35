"""What the request headers say, read without regular expressions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import getrandbits
from typing import Final

from healthpay_http.asgi import Header
from healthpay_http.card_data import holds_card_number, may_hold_card_number
from healthpay_http.refusals import IdempotencyKeyInvalid, IdempotencyKeyMissing

_VISIBLE: Final = bytes(range(0x21, 0x7F))
_HEX: Final = b"0123456789abcdef"
_SPECIAL: Final = b'"\\'
_QUOTE: Final = _SPECIAL[0]
_MAX_KEY: Final = 255
_MAX_CORRELATION: Final = 128


def by_name(headers: Sequence[Header]) -> Mapping[bytes, bytes]:
    """The headers as a mapping; repeated ones are joined as RFC 9110 says."""
    found = dict(headers)
    if len(found) != len(headers):
        found = {}
        for name, value in headers:
            found[name] = found[name] + b", " + value if name in found else value
    return found


def idempotency_key(
    value: bytes | None,
) -> str | IdempotencyKeyMissing | IdempotencyKeyInvalid:
    """The key, bare or as a quoted structured-field string (I1)."""
    if value is None:
        return IdempotencyKeyMissing()
    key = value.strip(b" \t")
    if key[:1] == b'"':
        unquoted = _unquoted(key)
        if unquoted is None:
            return IdempotencyKeyInvalid()
        key = unquoted
    if not 0 < len(key) <= _MAX_KEY or key.translate(None, _VISIBLE):
        return IdempotencyKeyInvalid()
    return key.decode("ascii")


def _unquoted(key: bytes) -> bytes | None:
    """What a structured-field string stands for (RFC 9651), or None."""
    if len(key) < 2 or key[-1:] != b'"':
        return None
    plain = bytearray()
    escaped = False
    for byte in key[1:-1]:
        if escaped or byte not in _SPECIAL:
            if escaped and byte not in _SPECIAL:
                return None
            plain.append(byte)
            escaped = False
        elif byte == _QUOTE:
            return None
        else:
            escaped = True
    return None if escaped else bytes(plain)


def expected_version(value: bytes) -> int | None:
    """The version of a strong entity tag such as ``"3"``; None for all else."""
    tag = value.strip(b" \t")
    digits = tag[1:-1]
    if tag[:1] != b'"' or tag[-1:] != b'"' or not digits.isdigit():
        return None
    return int(digits) if digits[:1] != b"0" and len(digits) < 17 else None


def is_plain_json(headers: Mapping[bytes, bytes]) -> bool:
    """Whether the body is declared as JSON in UTF-8, not compressed."""
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        return False
    media_type = headers.get(b"content-type")
    if media_type == b"application/json":
        return True
    if media_type is None:
        return False
    kind, *parameters = media_type.lower().split(b";")
    if kind.strip() != b"application/json":
        return False
    charsets = [p.strip() for p in parameters if p.strip().startswith(b"charset=")]
    return all(charset[8:].strip(b'"') == b"utf-8" for charset in charsets)


def correlation_id(value: bytes | None, trace_id: str) -> str:
    """The caller's id if it is 1 to 128 visible ASCII characters, else the trace's.

    An id that holds a card number is not kept: it would stand in the events (D2).
    """
    if (
        value is not None
        and 0 < len(value) <= _MAX_CORRELATION
        and not value.translate(None, _VISIBLE)
        and not (
            may_hold_card_number(value) and holds_card_number(value.decode("ascii"))
        )
    ):
        return value.decode("ascii")
    t = trace_id
    return f"{t[:8]}-{t[8:12]}-{t[12:16]}-{t[16:20]}-{t[20:]}"


def trace(value: bytes | None) -> tuple[str, str]:
    """The trace id and the `traceparent` of this request's own span (H5).

    A valid header is continued, an invalid one is as good as none.
    """
    # Ids of traces need to differ, not to be secret.
    span = getrandbits(64) or 1
    if value is not None and _is_traceparent(value):
        trace_id = value[3:35].decode("ascii")
        sampled = int(value[53:55], 16) & 1
        return trace_id, f"00-{trace_id}-{span:016x}-0{sampled}"
    trace_id = f"{getrandbits(128) or 1:032x}"
    return trace_id, f"00-{trace_id}-{span:016x}-00"


def _is_traceparent(value: bytes) -> bool:
    version = value[:2]
    if len(value) != 55 and (version == b"00" or value[55:56] != b"-"):
        return False
    parts = (version, value[3:35], value[36:52], value[53:55])
    return (
        value[2:3] == value[35:36] == value[52:53] == b"-"
        and version != b"ff"
        and not b"".join(parts).translate(None, _HEX)
        and parts[1] != b"0" * 32
        and parts[2] != b"0" * 16
    )
