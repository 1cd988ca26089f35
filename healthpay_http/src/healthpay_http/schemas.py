"""The component schemas of the OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType, UnionType
from typing import Final, Literal, Union, get_args, get_origin, get_type_hints

import attrs

from healthpay_core import CATALOGUE
from healthpay_http.checks import Schema
from healthpay_wire.names import camel

_UUID: Final[Schema] = {"type": "string", "format": "uuid"}
_AMOUNT: Final[Schema] = {"type": "integer", "description": "Minor units"}
_TEXT: Final[Schema] = {"type": "string"}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 1}


def ref(name: str) -> Schema:
    """A reference to a component schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def _record(members: Mapping[str, Schema], optional: tuple[str, ...] = ()) -> Schema:
    return {
        "type": "object",
        "properties": dict(members),
        "required": [name for name in members if name not in optional],
    }


def _committed(resource: str, schema: str) -> Schema:
    return _record(
        {
            resource: ref(schema),
            "events": {"type": "array", "items": ref("EventRef")},
            "commandId": _UUID,
            "correlationId": _TEXT,
        }
    )


ANSWERS: Final[Mapping[str, Schema]] = MappingProxyType(
    {
        "Wallet": _record(
            {
                "walletId": _UUID,
                "ownerId": _TEXT,
                "walletType": {"enum": ["personal", "business", "merchant"]},
                "currency": _TEXT,
                "kycLevel": {"enum": ["unverified", "basic", "enhanced", "full"]},
                "status": {"enum": ["pending", "active", "suspended", "closed"]},
                "balance": _AMOUNT,
                "held": _AMOUNT,
                "available": _AMOUNT,
                "version": _COUNT,
            }
        ),
        "Transfer": _record(
            {
                "transferId": _UUID,
                "sourceWalletId": _UUID,
                "destinationWalletId": _UUID,
                "amount": _AMOUNT,
                "currency": _TEXT,
                "status": {"enum": ["initiated", "completed", "failed"]},
                "reference": {"type": ["string", "null"]},
                "version": _COUNT,
            }
        ),
        "Payment": _record(
            {
                "paymentId": _UUID,
                "payerWalletId": _UUID,
                "merchantWalletId": _UUID,
                "amount": _AMOUNT,
                "currency": _TEXT,
                "method": {"enum": ["wallet", "medcard"]},
                "captureMethod": {"enum": ["automatic", "manual"]},
                "status": {
                    "enum": [
                        "initiated",
                        "authorized",
                        "captured",
                        "partially_refunded",
                        "refunded",
                        "voided",
                        "failed",
                    ]
                },
                "authorizedAmount": _AMOUNT,
                "capturedAmount": _AMOUNT,
                "refundedAmount": _AMOUNT,
                "expiresAt": {"type": ["string", "null"], "format": "date-time"},
                "version": _COUNT,
            }
        ),
        "MedCard": _record(
            {
                "cardId": _UUID,
                "walletId": _UUID,
                "cardToken": _TEXT,
                "last4": _TEXT,
                "expMonth": _COUNT,
                "expYear": _COUNT,
                "form": {"enum": ["virtual", "physical"]},
                "status": {
                    "enum": ["issued", "active", "suspended", "expired", "cancelled"]
                },
                "version": _COUNT,
            }
        ),
        "EventRef": _record(
            {
                "eventId": _UUID,
                "eventType": _TEXT,
                "aggregateId": _UUID,
                "sequence": _COUNT,
            }
        ),
        "Event": _record(
            {
                "eventId": _UUID,
                "eventType": _TEXT,
                "eventVersion": _COUNT,
                "aggregateType": {"enum": ["wallet", "transfer", "payment", "medcard"]},
                "aggregateId": _UUID,
                "sequence": _COUNT,
                "occurredAt": {"type": "string", "format": "date-time"},
                "recordedAt": {"type": "string", "format": "date-time"},
                "actor": _record({"type": _TEXT, "id": _TEXT}),
                "tenantId": _TEXT,
                "commandId": _UUID,
                "correlationId": _TEXT,
                "causationId": _TEXT,
                "traceparent": _TEXT,
                "prevHash": _TEXT,
                "hash": _TEXT,
                "data": {"type": "object"},
            },
            optional=("tenantId", "traceparent"),
        ),
        "WalletCommitted": _committed("wallet", "Wallet"),
        "TransferCommitted": _committed("transfer", "Transfer"),
        "PaymentCommitted": _committed("payment", "Payment"),
        "MedCardCommitted": _committed("medcard", "MedCard"),
        "WalletAnswer": _record({"wallet": ref("Wallet")}),
        "TransferAnswer": _record({"transfer": ref("Transfer")}),
        "PaymentAnswer": _record({"payment": ref("Payment")}),
        "MedCardAnswer": _record({"medcard": ref("MedCard")}),
        "EventPage": _record(
            {
                "events": {"type": "array", "items": ref("Event")},
                "next": {"type": ["integer", "null"]},
            }
        ),
        "CommandAnswer": _record(
            {
                "commandId": _UUID,
                "outcome": {"enum": ["committed", "rejected"]},
                "status": {"type": "integer"},
                "correlationId": _TEXT,
            }
        ),
        "CommandUnknown": _record(
            {
                "commandId": _UUID,
                "correlationId": _TEXT,
                "outcome": {"const": "unknown"},
            }
        ),
        "Health": _record(
            {"status": _TEXT, "checks": {"type": "object"}}, optional=("checks",)
        ),
        "OpenApi": {"type": "object"},
        "Problem": _record(
            {
                "type": {"type": "string", "format": "uri-reference"},
                "title": _TEXT,
                "status": {"type": "integer"},
                "code": {"enum": [code.value for code in CATALOGUE]},
                "detail": _TEXT,
                "instance": {"type": "string", "format": "uri-reference"},
                "retryable": {"type": "boolean"},
                "correlationId": _TEXT,
                "errors": {
                    "type": "array",
                    "items": _record({"pointer": _TEXT, "detail": _TEXT}),
                },
            },
            optional=("errors",),
        ),
    }
)
"""What is answered, by the name in the route table."""


def body_schema(cls: type) -> Schema:
    """A body class as JSON Schema: types, checks, constraints, nothing unknown."""
    hints = get_type_hints(cls)
    properties: dict[str, Schema] = {}
    required: list[str] = []
    for attribute in attrs.fields(cls):
        name = camel(attribute.name)
        check: Schema | None = getattr(attribute.validator, "schema", None)
        nested: type | None = attribute.metadata.get("nested")
        if nested is not None:
            check = body_schema(nested)
        properties[name] = _member(hints[attribute.name], check)
        if attribute.default is attrs.NOTHING:
            required.append(name)
    return {
        "type": "object",
        "description": cls.__doc__,
        "properties": properties,
        "required": required,
        "additionalProperties": False,
        **getattr(cls, "constraint", {}),
    }


def _member(kind: object, check: Schema | None) -> Schema:
    if get_origin(kind) is Literal:
        return {"type": "string", "enum": list(get_args(kind))}
    if check is None and kind is bool:
        return {"type": "boolean"}
    if check is None:
        raise TypeError(f"a member of type {kind} needs a check")
    if get_origin(kind) in (Union, UnionType):
        return {**check, "type": [check["type"], "null"]}
    return check
