"""`events.md` and `schemas/`: the facts that are stored, as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from healthpay_core import (
    EVENT_TYPES,
    CommandHandler,
    CommandRequest,
    CreateWallet,
    Event,
    EventType,
    InMemoryEventStore,
    new_id,
)
from healthpay_wire.envelopes import digest, encode_recorded
from healthpay_wire.schemas import Schema, event_schemas
from tools.reference import markdown as md

INTRODUCTION = """
An event is a fact that HealthPay stores and never changes. Events of one wallet or one
transfer form a *stream*, numbered 1, 2, 3 without gaps. Each event is an *envelope*,
which says what every event has, around its own `data`.
"""
CONVENTIONS = """
Members are camelCase. An amount is an integer in minor units of the `currency` beside
it. A time is RFC 3339 in UTC. A member that is not required is left out when there is
nothing to say; it is never null.
"""
ENVELOPE: Mapping[str, str] = {
    "eventId": "the event's own id, derived from aggregate, command and place",
    "eventType": "which fact it is; the headings below",
    "eventVersion": "the version of the form of `data`",
    "aggregateType": "`wallet` or `transfer`",
    "aggregateId": "whose fact it is",
    "sequence": "its place in the stream, from 1",
    "occurredAt": "when it was decided",
    "recordedAt": "when it was stored",
    "actor": "who gave the order: `type` and an opaque `id`",
    "tenantId": "whose programme it is; left out where there is one only",
    "commandId": "the command that caused it",
    "correlationId": "the conversation that the command belongs to",
    "causationId": "what caused the command: an event, or the command itself",
    "traceparent": "the W3C trace context; left out where there is none",
    "data": "the fact, in the form below",
    "prevHash": "the hash of the event before; 64 zeros for the first",
    "hash": "SHA-256 of `prevHash` and of the envelope without the two hashes",
}


def page() -> str:
    """The page's text."""
    return md.page("Events", list(_lines())[:-1])


def schema_files() -> dict[str, str]:
    """Name and text of the JSON Schema of every version of every event."""
    return {
        f"{name}.json": json.dumps(schema, indent=2) + "\n"
        for name, schema in event_schemas().items()
    }


def _lines() -> Iterator[str]:
    yield from md.paragraph(INTRODUCTION)
    yield from md.paragraph(CONVENTIONS)
    yield "## The envelope"
    yield ""
    _require_complete()
    yield from md.table(
        ("member", "what it says"), ((f"`{n}`", text) for n, text in ENVELOPE.items())
    )
    schemas = event_schemas()
    for event, kind in EVENT_TYPES.items():
        yield from _section(event, kind, schemas)


def _section(
    event: type[Event], kind: EventType, schemas: Mapping[str, Schema]
) -> Iterator[str]:
    current = f"{kind.name}.v{kind.version}"
    yield f"## {kind.name}"
    yield ""
    yield from md.paragraph(
        f"{md.summary(event)} In Python: `{event.__name__}`. Version {kind.version};"
        f" [schema](schemas/{current}.json)."
    )
    yield from _members(schemas[current])
    for version in range(kind.version - 1, 0, -1):
        old = f"{kind.name}.v{version}"
        yield from md.paragraph(
            f"Version {version}, still read ([schema](schemas/{old}.json)):"
            f" {_difference(schemas[old], schemas[current])}."
        )


def _members(schema: Schema) -> Iterator[str]:
    properties, required = _properties(schema), _required(schema)
    yield from md.table(
        ("member", "type", "required"),
        (
            (f"`{name}`", _type_text(part), md.yes(name in required))
            for name, part in properties.items()
        ),
    )


def _difference(old: Schema, new: Schema) -> str:
    before, now = _properties(old), _properties(new)
    said = [f"without `{name}`" for name in now if name not in before]
    said += [f"with `{name}`" for name in before if name not in now]
    said += [
        f"`{name}` is {_type_text(before[name])}"
        for name in before
        if name in now and before[name] != now[name]
    ]
    return ", ".join(said) or "the same members, with another meaning"


def _type_text(schema: Schema) -> str:
    choices = schema.get("enum")
    if isinstance(choices, list):
        return ", ".join(f"`{choice}`" for choice in choices)
    if schema.get("format") == "date-time":
        return "time"
    if schema["type"] == "object":
        required = _required(schema)
        names = (n if n in required else f"{n}?" for n in _properties(schema))
        return f"object: `{'`, `'.join(names)}`"
    return str(schema["type"])


def _properties(schema: Schema) -> dict[str, Schema]:
    properties = schema["properties"]
    assert isinstance(properties, dict)
    return properties


def _required(schema: Schema) -> list[str]:
    required = schema["required"]
    assert isinstance(required, list)
    return required


def _require_complete() -> None:
    """The table above names exactly what an envelope on the wire has."""
    store = InMemoryEventStore(digest=digest)
    create = CreateWallet(
        wallet_id=new_id(),
        owner_id="anybody",
        wallet_type="personal",
        currency="EGP",
        kyc_level="basic",
    )
    CommandHandler(store).handle(
        CommandRequest(command=create, tenant_id="any", traceparent="any")
    )
    members = json.loads(encode_recorded(store.feed()[0]))
    if set(members) != set(ENVELOPE):
        raise LookupError(f"envelope members differ: {set(members) ^ set(ENVELOPE)}")
