"""Events on the bus: CloudEvents 1.0 in structured and in binary mode (B1 to B6).

Every attribute is a string, as the specification wants it: `sequence` and
`commandoffset` are decimal numbers of 20 digits, so that the order of the texts
is that of the numbers. What has no value is left out. A reader ignores
attributes that it does not know, for whatever lies between may add some.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias, cast

import orjson

from healthpay_core import (
    EVENT_TYPES,
    Actor,
    CommandMeta,
    Err,
    Event,
    EventEnvelope,
    EventType,
    Ok,
    OriginalForm,
    RecordedEvent,
    StreamCorrupted,
    StreamId,
)
from healthpay_core.refusals import ValidationFailed
from healthpay_wire.codec import encode_data, is_current, members_decoder
from healthpay_wire.instants import format_instant, parse_instant

STRUCTURED: Final = "application/cloudevents+json"
"""The content type of a whole event in one value."""
JSON: Final = "application/json"
"""The content type of `data`."""
ANY_CLOUDEVENT: Final = "application/cloudevents"
"""What the content type of structured mode begins with, in any format (B1)."""
CONTENT_TYPE: Final = "content-type"

Header: TypeAlias = tuple[str, bytes]
_Attributes: TypeAlias = Mapping[str, object]
_AGGREGATES: Final = {kind.name: kind.aggregate_type for kind in EVENT_TYPES.values()}
_TYPE: Final = re.compile(r"healthpay\.([a-z_]+\.[a-z_]+)\.v([1-9][0-9]{0,8})")
_NUMBER: Final = re.compile(r"[0-9]{20}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudEvent:
    """An event as a reader of the bus gets it.

    Attributes:
        recorded: The event; its position is what the reader was told.
        command_offset: Place of its command in the log of commands of its
            partition (R3, R4); None where no such log is, as with the relay.
    """

    recorded: RecordedEvent
    command_offset: int | None = None


def cloud_type(name: str, version: int) -> str:
    """The CloudEvents `type` of an event: ``healthpay.wallet.credited.v2``."""
    return f"healthpay.{name}.v{version}"


def encode_structured(
    recorded: RecordedEvent, *, command_offset: int | None = None
) -> bytes:
    """One JSON object with all of it: what stays whole where headers are lost.

    Args:
        recorded: The event; its position is not part of it.
        command_offset: See `CloudEvent`; at least 0.
    """
    members, data = _attributes(recorded, command_offset)
    members["data"] = orjson.Fragment(data)
    return orjson.dumps(members)


def encode_binary(
    recorded: RecordedEvent, *, command_offset: int | None = None
) -> tuple[list[Header], bytes]:
    """Attributes as `ce_` headers, and `data` alone as the value, never empty (B4).

    Args:
        recorded: The event; its position is not part of it.
        command_offset: See `CloudEvent`; at least 0.
    """
    members, data = _attributes(recorded, command_offset)
    del members["datacontenttype"]
    headers = [
        (f"ce_{name}", cast("str", value).encode()) for name, value in members.items()
    ]
    return [(CONTENT_TYPE, JSON.encode()), *headers], data


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


def _attributes(
    recorded: RecordedEvent, command_offset: int | None
) -> tuple[dict[str, object], bytes]:
    """Every attribute, and the bytes of `data`."""
    envelope, original = recorded.envelope, recorded.original
    kind = envelope.type
    version = kind.version if original is None else original.event_version
    data = encode_data(envelope.data) if original is None else original.data
    meta = envelope.meta
    source, _, aggregate_id = envelope.stream.partition("/")
    type_name, schema = _names(kind, version)
    members: dict[str, object] = {
        "specversion": "1.0",
        "id": envelope.event_id,
        "source": "/healthpay/" + source,
        "type": type_name,
        "subject": aggregate_id,
        "time": format_instant(meta.occurred_at),
        "datacontenttype": JSON,
        "dataschema": schema,
        "partitionkey": aggregate_id,
        "sequence": f"{envelope.sequence:020d}",
        "correlationid": meta.correlation_id,
        "causationid": meta.causation_id,
        "commandid": meta.command_id,
        "recordedtime": format_instant(meta.recorded_at),
        "actortype": meta.actor.type,
        "actorid": meta.actor.id,
    }
    if meta.tenant_id is not None:
        members["tenantid"] = meta.tenant_id
    if meta.traceparent is not None:
        members["traceparent"] = meta.traceparent
    if command_offset is not None:
        members["commandoffset"] = f"{command_offset:020d}"
    if recorded.prev_hash:
        members["prevhash"] = recorded.prev_hash.hex()
    if recorded.hash:
        members["hash"] = recorded.hash.hex()
    return members, data


@lru_cache(maxsize=256)
def _names(kind: EventType, version: int) -> tuple[str, str]:
    name = cloud_type(kind.name, version)
    return name, f"urn:healthpay:schema:{kind.name}.v{version}"


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
                stream=StreamId(f"{source[11:]}/{_text(members, 'subject')}"),
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
    return found[1], int(found[2]), f"/healthpay/{_AGGREGATES[found[1]]}"


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
