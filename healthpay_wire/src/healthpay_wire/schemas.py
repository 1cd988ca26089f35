"""JSON Schemas (2020-12) of every version of every event's `data`."""

from __future__ import annotations

from dataclasses import MISSING, fields, is_dataclass
from types import NoneType, UnionType
from typing import (
    Final,
    Literal,
    TypeAlias,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from healthpay_core import EVENT_TYPES, MAX_AMOUNT
from healthpay_core.wallet.events import WalletCredited
from healthpay_wire.names import member_name
from healthpay_wire.strict import INSTANT_FIELDS

Schema: TypeAlias = dict[str, object]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def event_schemas() -> dict[str, Schema]:
    """`<wire type>.v<version>` to the schema of its `data`, old versions too."""
    schemas = {
        f"{kind.name}.v{kind.version}": _titled(
            f"{kind.name}.v{kind.version}", record_schema(cls)
        )
        for cls, kind in EVENT_TYPES.items()
    }
    credited = record_schema(WalletCredited)
    schemas["wallet.credited.v1"] = _titled(
        "wallet.credited.v1", _without(credited, "counterAccount")
    )
    return dict(sorted(schemas.items()))


def record_schema(cls: type) -> Schema:
    """The schema of a dataclass as the strict converter reads it."""
    hints = get_type_hints(cls)
    properties: Schema = {}
    required: list[str] = []
    for field in fields(cls):
        name = member_name(cls.__name__, field.name)
        if field.name in INSTANT_FIELDS:
            properties[name] = {"type": "string", "format": "date-time"}
        else:
            properties[name] = type_schema(hints[field.name])
        if field.default is MISSING and field.default_factory is MISSING:
            required.append(name)
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def type_schema(kind: object) -> Schema:
    """The schema of a field's type; optional members are left out, never null.

    Raises:
        TypeError: The wire has no form for the type.
    """
    if get_origin(kind) in (Union, UnionType):
        (inner,) = (a for a in get_args(kind) if a is not NoneType)
        return type_schema(inner)
    if get_origin(kind) is Literal:
        return {"enum": list(get_args(kind))}
    if get_origin(kind) is tuple:
        return {"type": "array", "items": type_schema(get_args(kind)[0])}
    if kind is bool:
        return {"type": "boolean"}
    if kind is int:
        return {"type": "integer", "minimum": 0, "maximum": MAX_AMOUNT}
    if kind is str:
        return {"type": "string"}
    if isinstance(kind, type) and is_dataclass(kind):
        return record_schema(kind)
    raise TypeError(f"no wire form for {kind}")


def _titled(title: str, schema: Schema) -> Schema:
    return {"$schema": DIALECT, "title": title, **schema}


def _without(schema: Schema, name: str) -> Schema:
    properties, required = schema["properties"], schema["required"]
    assert isinstance(properties, dict)
    assert isinstance(required, list)
    return {
        **schema,
        "properties": {k: v for k, v in properties.items() if k != name},
        "required": [r for r in required if r != name],
    }
