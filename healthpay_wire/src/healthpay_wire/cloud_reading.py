"""CloudEvents from bytes, in structured and in binary mode (B1, A4)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final, TypeAlias

import orjson

from healthpay_core import (
    EVENT_TYPES,
    Actor,
    CommandMeta,
    Err,
    Event,
    EventEnvelope,
    Ok,
    OriginalForm,
    RecordedEvent,
    StreamCorrupted,
    StreamId,
)
from healthpay_core.refusals import ValidationFailed
from healthpay_wire.cloud_names import (
    ANY_CLOUDEVENT,
    CONTENT_TYPE,
    JSON,
    SOURCE,
    STRUCTURED,
    CloudEvent,
    source_of,
)
from healthpay_wire.codec import is_current, members_decoder
from healthpay_wire.instants import parse_instant

_Attributes: TypeAlias = Mapping[str, object]
_AGGREGATES: Final = {kind.name: kind.aggregate_type for kind in EVENT_TYPES.values()}
_TYPE: Final = re.compile(r"healthpay\.([a-z_]+\.[a-z_]+)\.v([1-9][0-9]{0,8})")
_NUMBER: Final = re.compile(r"[0-9]{20}")


def decode(
    headers: Iterable[tuple[str, bytes | str | None]] | None,
    value: bytes | None,
    *,
    position: int = 0,
) -> Ok[CloudEvent] | Err[ValidationFailed]:
    """An event in either mode; the beginning of the content type tells which (B1).

    A record that has lost its headers is taken for a structured one.

    Args:
        headers: As a Kafka client gives them.
        value: The record's value.
        position: What `RecordedEvent.position` shall be, such as an offset.
    """
    try:
        known = {name.lower(): _as_text(text) for name, text in headers or ()}
        content_type = known.get(CONTENT_TYPE, STRUCTURED).lower()
        if content_type.startswith(STRUCTURED):
            return decode_structured(value or b"", position=position)
        if content_type.startswith(ANY_CLOUDEVENT):
            return _refused(f"its format {content_type} is not JSON")
        members: dict[str, object] = {
            name[3:]: text for name, text in known.items() if name.startswith("ce_")
        }
        members["datacontenttype"] = content_type
        members["data"] = orjson.loads(value or b"")
        return Ok(_event(members, position))
    except Exception as error:
        return _refused(_reason(error))


def decode_structured(
    value: bytes, *, position: int = 0
) -> Ok[CloudEvent] | Err[ValidationFailed]:
    """An event in structured mode, of any readable version (A4).

    Args:
        value: A record's value.
        position: What `RecordedEvent.position` shall be, such as an offset.

    Returns:
        `ValidationFailed` when the bytes are no CloudEvent, or not one of ours,
        or its data are not what its version prescribes.
    """
    try:
        return Ok(_event(orjson.loads(value), position))
    except Exception as error:
        return _refused(_reason(error))


def _reason(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


def _refused(reason: str) -> Err[ValidationFailed]:
    return Err(ValidationFailed.at("", f"is not one of our CloudEvents: {reason}"))


def _event(members: _Attributes, position: int) -> CloudEvent:
    if members["specversion"] != "1.0":
        raise ValueError("specversion must be 1.0")
    if not str(members["datacontenttype"]).startswith(JSON):
        raise ValueError("datacontenttype must be application/json")
    name, version, source = _kind(_text(members, "type"))
    if members["source"] != source:
        raise ValueError(f"source must be {source}")
    data = members["data"]
    event: Event = members_decoder(name, version)(data)
    offset = _optional(members, "commandoffset")
    return CloudEvent(
        recorded=RecordedEvent(
            position=position,
            envelope=EventEnvelope(
                event_id=_text(members, "id"),
                stream=StreamId(f"{source[len(SOURCE) :]}/{_text(members, 'subject')}"),
                sequence=_number(_text(members, "sequence")),
                data=event,
                meta=_meta(members),
            ),
            prev_hash=bytes.fromhex(_optional(members, "prevhash") or ""),
            hash=bytes.fromhex(_optional(members, "hash") or ""),
            original=_original(name, version, data),
        ),
        command_offset=None if offset is None else _number(offset),
    )


@lru_cache(maxsize=256)
def _kind(type_name: str) -> tuple[str, int, str]:
    """Wire name, version and source of a CloudEvents type."""
    found = _TYPE.fullmatch(type_name)
    if found is None or found[1] not in _AGGREGATES:
        raise ValueError(f"its type {type_name[:80]!r} is not known")
    return found[1], int(found[2]), source_of(_AGGREGATES[found[1]])


def _original(name: str, version: int, data: object) -> OriginalForm | None:
    if is_current(name, version):
        return None
    stored = orjson.dumps(data, option=orjson.OPT_SORT_KEYS)
    return OriginalForm(event_version=version, data=stored)


def _meta(members: _Attributes) -> CommandMeta:
    return CommandMeta(
        command_id=_text(members, "commandid"),
        actor=Actor(type=_text(members, "actortype"), id=_text(members, "actorid")),
        correlation_id=_text(members, "correlationid"),
        causation_id=_text(members, "causationid"),
        occurred_at=_when(members, "time"),
        recorded_at=_when(members, "recordedtime"),
        tenant_id=_optional(members, "tenantid"),
        traceparent=_optional(members, "traceparent"),
    )


def _text(members: _Attributes, name: str) -> str:
    value = members[name]
    if type(value) is not str:
        raise TypeError(f"{name} must be a string")
    return value


def _optional(members: _Attributes, name: str) -> str | None:
    return _text(members, name) if name in members else None


def _number(text: str) -> int:
    if _NUMBER.fullmatch(text) is None:
        raise ValueError(f"{text[:80]!r} is not a number of 20 digits")
    return int(text)


@lru_cache(maxsize=64)
def _instant(text: str) -> int | None:
    return parse_instant(text)


def _when(members: _Attributes, name: str) -> int:
    instant = _instant(_text(members, name))
    if instant is None:
        raise StreamCorrupted(f"{name} must be an RFC 3339 time")
    return instant


def _as_text(header: bytes | str | None) -> str:
    return header.decode() if isinstance(header, bytes) else header or ""
