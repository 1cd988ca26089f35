"""Answers in JSON: what HTTP sends, and what a store keeps of an outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Final

import orjson

from healthpay_core import (
    Committed,
    Decided,
    EventRef,
    MedCardView,
    PaymentView,
    Rejected,
    Resource,
    TransferView,
    WalletView,
    event_id,
)
from healthpay_wire.instants import format_instant
from healthpay_wire.names import camel
from healthpay_wire.refusals import pack_refusal, unpack_refusal
from healthpay_wire.upcasters import Members

_KINDS: Final[Mapping[str, type[Resource]]] = MappingProxyType(
    {"w": WalletView, "t": TransferView, "p": PaymentView, "c": MedCardView}
)
_SHORT: Final = MappingProxyType({cls: kind for kind, cls in _KINDS.items()})
_NAMES: Final = MappingProxyType(
    {
        WalletView: "wallet",
        TransferView: "transfer",
        PaymentView: "payment",
        MedCardView: "medcard",
    }
)
_FIELDS: Final = MappingProxyType(
    {cls: tuple(f.name for f in fields(cls)) for cls in _SHORT}
)
_MEMBERS: Final = MappingProxyType(
    {cls: tuple((camel(name), name) for name in _FIELDS[cls]) for cls in _SHORT}
)


def resource_members(resource: Resource) -> tuple[str, Members]:
    """The name of a resource on the wire, and its members."""
    if isinstance(resource, WalletView):
        return "wallet", {
            "walletId": resource.wallet_id,
            "ownerId": resource.owner_id,
            "walletType": resource.wallet_type,
            "currency": resource.currency,
            "kycLevel": resource.kyc_level,
            "status": resource.status,
            "balance": resource.balance,
            "held": resource.held,
            "available": resource.balance - resource.held,
            "version": resource.version,
        }
    kind = type(resource)
    members: Members = {m: getattr(resource, name) for m, name in _MEMBERS[kind]}
    if isinstance(resource, PaymentView) and resource.expires_at is not None:
        members["expiresAt"] = format_instant(resource.expires_at)
    return _NAMES[kind], members


def encode_committed(outcome: Committed) -> bytes:
    """The body of a success: resource, events, command id, correlation id."""
    name, members = resource_members(outcome.resource)
    body: Members = {
        name: members,
        "events": [
            {
                "eventId": event.event_id,
                "eventType": event.event_type,
                "aggregateId": event.aggregate_id,
                "sequence": event.sequence,
            }
            for event in outcome.events
        ],
        "commandId": outcome.command_id,
        "correlationId": outcome.correlation_id,
    }
    return orjson.dumps(body)


def pack_outcome(outcome: Decided, *, of_steps: bool = False) -> bytes:
    """An outcome as compact JSON, without what its command's record says anyway.

    Args:
        outcome: The outcome.
        of_steps: Whether its events are of other commands than its own, the steps
            of a process. Else event ids are not kept: they follow from the command
            id (I8).
    """
    if isinstance(outcome, Rejected):
        return orjson.dumps(["r", *pack_refusal(outcome.error)])
    resource = outcome.resource
    kind = type(resource)
    events: list[list[object]] = [
        [e.event_type, e.aggregate_id, e.sequence] for e in outcome.events
    ]
    if of_steps:
        for packed, event in zip(events, outcome.events, strict=True):
            packed.append(event.event_id)
    values = [getattr(resource, name) for name in _FIELDS[kind]]
    return orjson.dumps([_SHORT[kind], values, events])


def unpack_outcome(packed: bytes, command_id: str, correlation_id: str) -> Decided:
    """The outcome that was packed.

    Raises:
        ValueError: The bytes are not a packed outcome.
    """
    try:
        kind, first, second = orjson.loads(packed)
        if kind == "r":
            return Rejected(
                command_id=command_id,
                correlation_id=correlation_id,
                error=unpack_refusal([first, second]),
            )
        return Committed(
            command_id=command_id,
            correlation_id=correlation_id,
            resource=_resource(kind, first),
            events=tuple(
                EventRef(
                    event_id=kept[0] if kept else event_id(aggregate_id, command_id, n),
                    event_type=event_type,
                    aggregate_id=aggregate_id,
                    sequence=sequence,
                )
                for n, (event_type, aggregate_id, sequence, *kept) in enumerate(second)
            ),
        )
    except Exception as error:
        raise ValueError("not a packed outcome") from error


def _resource(kind: str, values: list[object]) -> Resource:
    """The view of a packed resource; the values are this package's own."""
    cls = _KINDS[kind]
    build: Callable[..., Resource] = cls
    return build(**dict(zip(_FIELDS[cls], values, strict=True)))
