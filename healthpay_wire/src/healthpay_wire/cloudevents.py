"""Events on the bus: CloudEvents 1.0 in structured and in binary mode (B1 to B6).

Every attribute is a string, as the specification wants it: `sequence` and
`commandoffset` are decimal numbers of 20 digits, so that the order of the texts
is that of the numbers. What has no value is left out. A reader ignores
attributes that it does not know, for whatever lies between may add some.
"""

from __future__ import annotations

from functools import lru_cache
from typing import cast

import orjson

from healthpay_core import EventType, RecordedEvent
from healthpay_wire.cloud_names import (
    ANY_CLOUDEVENT,
    CONTENT_TYPE,
    JSON,
    STRUCTURED,
    CloudEvent,
    Header,
    cloud_type,
    source_of,
)
from healthpay_wire.cloud_reading import decode, decode_structured
from healthpay_wire.codec import encode_data
from healthpay_wire.instants import format_instant

__all__ = [
    "ANY_CLOUDEVENT",
    "CONTENT_TYPE",
    "JSON",
    "STRUCTURED",
    "CloudEvent",
    "Header",
    "cloud_type",
    "decode",
    "decode_structured",
    "encode_binary",
    "encode_structured",
]


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
        "source": source_of(source),
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
