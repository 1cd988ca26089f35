"""Command requests and slips in bytes: what travels through a log of commands.

Read strictly: unknown members, wrong types and unknown commands are refused.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final, TypeVar, cast, get_args

import orjson
from cattrs import Converter

from healthpay_core import (
    EVENT_TYPES,
    Actor,
    Command,
    CommandRequest,
    Decided,
    Err,
    Event,
    Ok,
)
from healthpay_core.fingerprints import PUBLIC_COMMANDS
from healthpay_core.medcard.commands import ConfirmMedCard, RecordIssue
from healthpay_core.payment.steps import (
    BeginOperation,
    EndOperation,
    Operation,
    RecordInitiation,
    RefuseOperation,
)
from healthpay_core.refusals import ValidationFailed
from healthpay_core.slips import Slip
from healthpay_core.transfer.commands import (
    BeginTransfer,
    CompleteTransfer,
    FailTransfer,
)
from healthpay_core.wallet.commands import (
    BeginSweep,
    CaptureHold,
    ConfirmWallet,
    EndSweep,
    PlaceHold,
    ReceiveTransfer,
    ReleaseHold,
    SettleCredit,
    SettleDebit,
)
from healthpay_wire.answers import pack_outcome, unpack_outcome
from healthpay_wire.codec import decode_data, encode_data
from healthpay_wire.strict import strict_converter

COMMAND_TYPES: Final[Mapping[str, type[Command]]] = MappingProxyType(
    {
        **PUBLIC_COMMANDS,
        "wallet.place_hold": PlaceHold,
        "wallet.release_hold": ReleaseHold,
        "wallet.capture_hold": CaptureHold,
        "wallet.receive_transfer": ReceiveTransfer,
        "wallet.settle_credit": SettleCredit,
        "wallet.settle_debit": SettleDebit,
        "wallet.confirm": ConfirmWallet,
        "wallet.begin_sweep": BeginSweep,
        "wallet.end_sweep": EndSweep,
        "transfer.begin": BeginTransfer,
        "transfer.complete": CompleteTransfer,
        "transfer.fail": FailTransfer,
        "payment.record_initiation": RecordInitiation,
        "payment.begin_operation": BeginOperation,
        "payment.end_operation": EndOperation,
        "payment.refuse_operation": RefuseOperation,
        "medcard.confirm": ConfirmMedCard,
        "medcard.record_issue": RecordIssue,
    }
)
"""The name of every command on the wire."""

_T = TypeVar("_T")
_NAMES: Final = MappingProxyType({cls: name for name, cls in COMMAND_TYPES.items()})
_OPERATIONS: Final = frozenset(get_args(Operation))
_EVENTS: Final = MappingProxyType({kind.name: kind for kind in EVENT_TYPES.values()})


@lru_cache(maxsize=1)
def _converter() -> Converter:
    return _naming_operations(strict_converter(detailed=False))


def _naming_operations(converter: Converter) -> Converter:
    # Of a union the name says which; strict classes know nothing of names.
    converter.register_structure_hook_func(
        lambda kind: kind == Operation,
        lambda value, _: _structured(converter, value, _OPERATIONS),
    )
    converter.register_unstructure_hook_func(
        lambda kind: kind == Operation, lambda value: _named(converter, value)
    )
    return converter


def _named(converter: Converter, command: Command) -> list[object]:
    return [_NAMES[type(command)], converter.unstructure(command, type(command))]


def _structured(
    converter: Converter, value: object, allowed: frozenset[type] | None = None
) -> Command:
    if type(value) is not list:
        raise TypeError("must be a name and members")
    name, members = cast("list[object]", value)
    cls = COMMAND_TYPES[cast("str", name)]
    if allowed is not None and cls not in allowed:
        raise TypeError(f"{name} has no place here")
    return converter.structure(members, cls)


def command_name(command: Command) -> str:
    """The name of a command on the wire, such as ``wallet.credit``."""
    return _NAMES[type(command)]


def encode_request(request: CommandRequest) -> bytes:
    """A command and who sends it, as compact JSON; what is not set is left out."""
    members: dict[str, object] = {
        "command": _named(_converter(), request.command),
        "commandId": request.command_id,
        "actor": [request.actor.type, request.actor.id],
    }
    if request.fingerprint:
        members["fingerprint"] = base64.b64encode(request.fingerprint).decode("ascii")
    members |= {
        member: value
        for member, value in (
            ("expectedVersion", request.expected_version),
            ("correlationId", request.correlation_id),
            ("causationId", request.causation_id),
            ("tenantId", request.tenant_id),
            ("traceparent", request.traceparent),
        )
        if value is not None
    }
    return orjson.dumps(members)


def decode_request(value: bytes) -> Ok[CommandRequest] | Err[ValidationFailed]:
    """The request that was encoded; refused when the bytes are none."""
    return _read("a command request", lambda: _request(orjson.loads(value)))


def parse_request(members: object) -> Ok[CommandRequest] | Err[ValidationFailed]:
    """As `decode_request`, of JSON that has been parsed."""
    return _read(
        "a command request", lambda: _request(cast("dict[str, object]", members))
    )


def encode_slip(slip: Slip) -> bytes:
    """A slip as compact JSON; the root request is a member of it."""
    return orjson.dumps(
        {
            "root": orjson.Fragment(encode_request(slip.root)),
            "step": slip.step,
            "results": [
                [name, *_packed(outcome)] for name, outcome in slip.results.items()
            ],
            "facts": [
                [EVENT_TYPES[type(f)].name, orjson.Fragment(encode_data(f))]
                for f in slip.facts
            ],
            "timeLimitS": slip.time_limit_s,
        }
    )


def decode_slip(value: bytes) -> Ok[Slip] | Err[ValidationFailed]:
    """The slip that was encoded; refused when the bytes are none."""
    return _read("a slip", lambda: _slip(orjson.loads(value)))


def parse_slip(members: object) -> Ok[Slip] | Err[ValidationFailed]:
    """As `decode_slip`, of JSON that has been parsed."""
    return _read("a slip", lambda: _slip(cast("dict[str, object]", members)))


def _read(what: str, build: Callable[[], _T]) -> Ok[_T] | Err[ValidationFailed]:
    try:
        return Ok(build())
    except Exception as error:
        text = f"is not {what}: {type(error).__name__} {error}"
        return Err(ValidationFailed.at("", text[:300]))


def _request(members: dict[str, object]) -> CommandRequest:
    unknown = members.keys() - _MEMBERS
    if unknown:
        raise TypeError(f"unknown members {sorted(unknown)}")
    actor_type, actor_id = cast("list[str]", members["actor"])
    expected = members.get("expectedVersion")
    if expected is not None and type(expected) is not int:
        raise TypeError("expectedVersion must be an integer")
    return CommandRequest(
        command=_structured(_converter(), members["command"]),
        command_id=_exact(members["commandId"]),
        fingerprint=base64.b64decode(_exact(members.get("fingerprint", ""))),
        actor=Actor(type=_exact(actor_type), id=_exact(actor_id)),
        expected_version=expected,
        correlation_id=_text(members, "correlationId"),
        causation_id=_text(members, "causationId"),
        tenant_id=_text(members, "tenantId"),
        traceparent=_text(members, "traceparent"),
    )


def _slip(members: dict[str, object]) -> Slip:
    time_limit_s = members["timeLimitS"]
    if type(time_limit_s) is not int:
        raise TypeError("timeLimitS must be an integer")
    results = cast("list[tuple[str, str, str, object]]", members["results"])
    facts = cast("list[tuple[str, object]]", members["facts"])
    return Slip(
        root=_request(cast("dict[str, object]", members["root"])),
        step=_exact(members["step"]),
        results={name: _unpacked(a, b, packed) for name, a, b, packed in results},
        facts=tuple([_fact(name, data) for name, data in facts]),
        time_limit_s=time_limit_s,
    )


def _packed(outcome: Decided) -> tuple[str, str, orjson.Fragment]:
    packed = orjson.Fragment(pack_outcome(outcome))
    return outcome.command_id, outcome.correlation_id, packed


def _unpacked(command_id: str, correlation_id: str, packed: object) -> Decided:
    return unpack_outcome(orjson.dumps(packed), command_id, correlation_id)


def _fact(name: str, data: object) -> Event:
    return decode_data(name, _EVENTS[name].version, orjson.dumps(data))


def _text(members: dict[str, object], name: str) -> str | None:
    return _exact(members[name]) if name in members else None


def _exact(value: object) -> str:
    if type(value) is not str:
        raise TypeError("must be a string")
    return value


_MEMBERS: Final = frozenset(
    {
        "command",
        "commandId",
        "actor",
        "fingerprint",
        "expectedVersion",
        "correlationId",
        "causationId",
        "tenantId",
        "traceparent",
    }
)
