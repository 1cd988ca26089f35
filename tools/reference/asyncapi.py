"""`asyncapi.json`: the event topics, generated from the catalogue of events (B7)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final, TypeAlias

from healthpay_core import EVENT_TYPES, EventType
from healthpay_core.events import AggregateType
from healthpay_kafka import Topics, TopicSpec
from healthpay_wire.cloudevents import JSON, STRUCTURED, cloud_type
from healthpay_wire.schemas import Schema, event_schemas
from tools.reference import markdown as md

Members: TypeAlias = dict[str, object]

VERSION: Final = "3.0.0"
DESCRIPTION: Final = (
    "Every fact about wallets, transfers, payments and cards, as CloudEvents 1.0 in"
    " structured mode. Records of one aggregate are in one partition (murmur2 of the"
    " key, as Java's clients compute it), in the order of `sequence`, at least once:"
    " apply the one whose `sequence` is one more than the last of its `subject`, skip"
    " those that are not. Read with `isolation.level=read_committed`."
)
TEXT: Final[Members] = {"type": "string"}
NUMBER: Final[Members] = {"type": "string", "pattern": "^[0-9]{20}$"}
INSTANT: Final[Members] = {"type": "string", "format": "date-time"}
DIGEST: Final[Members] = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
TRACE: Final[Members] = {
    "type": "string",
    "pattern": "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
}
ATTRIBUTES: Final[Mapping[str, Members]] = {
    "id": TEXT,
    "subject": TEXT,
    "time": INSTANT,
    "partitionkey": TEXT,
    "sequence": NUMBER,
    "correlationid": TEXT,
    "causationid": TEXT,
    "commandid": TEXT,
    "recordedtime": INSTANT,
    "actortype": TEXT,
    "actorid": TEXT,
}
OPTIONAL: Final[Mapping[str, Members]] = {
    "tenantid": TEXT,
    "traceparent": TRACE,
    "commandoffset": NUMBER,
    "prevhash": DIGEST,
    "hash": DIGEST,
}


def text() -> str:
    """The document, as JSON."""
    return json.dumps(document(), indent=2) + "\n"


def document() -> Members:
    """The document: a channel a topic, a message a version of an event."""
    topics = Topics()
    schemas = event_schemas()
    kinds: tuple[AggregateType, ...] = ("wallet", "transfer", "payment", "medcard")
    specs = {spec.name: spec for spec in topics.specs()}
    return {
        "asyncapi": VERSION,
        "info": {
            "title": "HealthPay's events",
            "version": "1.0.0",
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": STRUCTURED,
        "channels": {
            kind: _channel(kind, specs[topics.events_of(kind)]) for kind in kinds
        },
        "operations": {f"publish.{kind}": _operation(kind) for kind in kinds},
        "components": {
            "messages": {
                f"{kind.name}.v{form}": _message(kind, form, md.summary(event))
                for event, kind in EVENT_TYPES.items()
                for form in range(1, kind.version + 1)
            },
            "schemas": {name: _plain(schema) for name, schema in schemas.items()},
            "correlationIds": {
                "conversation": {
                    "description": "What all events of one conversation share.",
                    "location": "$message.payload#/correlationid",
                }
            },
        },
    }


def _channel(aggregate: AggregateType, spec: TopicSpec) -> Members:
    return {
        "address": spec.name,
        "title": f"Events of the kind {aggregate}",
        "messages": {
            name: {"$ref": f"#/components/messages/{name}"}
            for name in _messages_of(aggregate)
        },
        "bindings": {
            "kafka": {
                "topic": spec.name,
                "partitions": spec.partitions,
                "replicas": Topics().replication,
                "topicConfiguration": {
                    "cleanup.policy": [spec.cleanup],
                    "retention.ms": spec.retention_ms,
                    "retention.bytes": -1,
                },
            }
        },
    }


def _operation(aggregate: AggregateType) -> Members:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{aggregate}"},
        "messages": [
            {"$ref": f"#/channels/{aggregate}/messages/{name}"}
            for name in _messages_of(aggregate)
        ],
    }


def _messages_of(aggregate: AggregateType) -> list[str]:
    return [
        f"{kind.name}.v{form}"
        for kind in EVENT_TYPES.values()
        if kind.aggregate_type == aggregate
        for form in range(1, kind.version + 1)
    ]


def _message(kind: EventType, form: int, summary: str) -> Members:
    name = f"{kind.name}.v{form}"
    older = "" if form == kind.version else " An older form, still read."
    return {
        "name": cloud_type(kind.name, form),
        "title": name,
        "summary": summary + older,
        "contentType": STRUCTURED,
        "correlationId": {"$ref": "#/components/correlationIds/conversation"},
        "headers": {
            "type": "object",
            "properties": {
                "content-type": {"const": STRUCTURED},
                "ce_id": TEXT,
                "ce_type": {"const": cloud_type(kind.name, form)},
                "traceparent": TRACE,
            },
            "required": ["content-type"],
        },
        "payload": _payload(kind, form),
        "bindings": {
            "kafka": {"key": {"type": "string", "description": "As `subject`."}}
        },
    }


def _payload(kind: EventType, form: int) -> Members:
    name = f"{kind.name}.v{form}"
    fixed: Members = {
        "specversion": {"const": "1.0"},
        "type": {"const": cloud_type(kind.name, form)},
        "source": {"const": f"/healthpay/{kind.aggregate_type}"},
        "datacontenttype": {"const": JSON},
        "dataschema": {"const": f"urn:healthpay:schema:{name}"},
    }
    data = {"$ref": f"#/components/schemas/{name}"}
    return {
        "type": "object",
        "properties": {**fixed, **ATTRIBUTES, **OPTIONAL, "data": data},
        "required": [*fixed, *ATTRIBUTES, "data"],
    }


def _plain(schema: Schema) -> Schema:
    """AsyncAPI's own dialect has all that these schemas use, under no name."""
    return {k: v for k, v in schema.items() if k != "$schema"}
