"""Commands as clients send them: with an instant, a key and a fingerprint."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from typing import Final, Literal, TypeAlias

from examples.data.figures import Kind
from examples.data.intents import Intent
from healthpay_core import (
    ActivateMedCard,
    ActivateWallet,
    AuthorizePayment,
    CancelMedCard,
    CapturePayment,
    ChangeWalletKycLevel,
    CloseWallet,
    Command,
    CommandRequest,
    CreateWallet,
    CreditWallet,
    DebitWallet,
    FailPayment,
    InitiatePayment,
    IssueMedCard,
    RefundPayment,
    SuspendMedCard,
    SuspendWallet,
    TransferFunds,
    VoidPayment,
)
from healthpay_wire.instants import format_instant

Origin: TypeAlias = Literal["first", "retry", "double_click", "key_misuse"]
"""First sending, the network's repetition, a second click, a client's bug."""

_OPERATIONS: Final[dict[type[Command], str]] = {
    InitiatePayment: "InitiatePayment",
    AuthorizePayment: "AuthorizePayment",
    CapturePayment: "CapturePayment",
    VoidPayment: "VoidPayment",
    FailPayment: "FailPayment",
    RefundPayment: "RefundPayment",
    IssueMedCard: "IssueMedCard",
    ActivateMedCard: "ActivateMedCard",
    SuspendMedCard: "SuspendMedCard",
    CancelMedCard: "CancelMedCard",
    CreateWallet: "CreateWallet",
    ActivateWallet: "ActivateWallet",
    SuspendWallet: "SuspendWallet",
    CloseWallet: "CloseWallet",
    ChangeWalletKycLevel: "ChangeWalletKycLevel",
    CreditWallet: "CreditWallet",
    DebitWallet: "DebitWallet",
    TransferFunds: "TransferFunds",
}
_WITH_AMOUNT: Final = (
    CreditWallet,
    DebitWallet,
    TransferFunds,
    InitiatePayment,
    CapturePayment,
    RefundPayment,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedRequest:
    """A command as it arrives.

    Attributes:
        at: When, microseconds since 1970 UTC.
        kind: What it is for.
        origin: Why it is sent.
    """

    at: int
    kind: Kind
    origin: Origin
    request: CommandRequest


def first_sending(intent: Intent, at: int, command_id: str) -> TimedRequest:
    """An intent sent for the first time, under a new key."""
    request = CommandRequest(
        command=intent.command,
        command_id=command_id,
        fingerprint=fingerprint(intent.command),
        actor=intent.actor,
    )
    return TimedRequest(at=at, kind=intent.kind, origin="first", request=request)


def misused(sent: TimedRequest, at: int) -> TimedRequest | None:
    """The same key with another amount, which no client may do; None without one."""
    command = sent.request.command
    if not isinstance(command, _WITH_AMOUNT) or command.amount is None:
        return None
    other = replace(command, amount=command.amount + 100)
    request = replace(sent.request, command=other, fingerprint=fingerprint(other))
    return TimedRequest(at=at, kind=sent.kind, origin="key_misuse", request=request)


def fingerprint(command: Command) -> bytes:
    """SHA-256 of the canonical JSON of what is asked (I2)."""
    text = json.dumps(
        [_OPERATIONS[type(command)], members(command)],
        separators=(",", ":"),
        sort_keys=True,
    )
    return sha256(text.encode()).digest()


def members(command: Command) -> dict[str, object]:
    """The command's fields that are set."""
    return {name: value for name, value in asdict(command).items() if value is not None}


def json_line(sent: TimedRequest) -> bytes:
    """One line of JSON, the same bytes for the same request."""
    request = sent.request
    line = {
        "at": format_instant(sent.at),
        "kind": sent.kind,
        "origin": sent.origin,
        "command_id": request.command_id,
        "fingerprint": request.fingerprint.hex(),
        "actor": {"type": request.actor.type, "id": request.actor.id},
        "operation": _OPERATIONS[type(request.command)],
        "command": members(request.command),
    }
    return json.dumps(line, separators=(",", ":"), sort_keys=True).encode() + b"\n"
