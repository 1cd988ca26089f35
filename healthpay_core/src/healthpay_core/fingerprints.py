"""What was asked under a command id, told from whatever else is asked under it."""

from __future__ import annotations

from dataclasses import is_dataclass
from functools import cache
from hashlib import sha256
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from healthpay_core.making import fields_of
from healthpay_core.medcard.commands import (
    ActivateMedCard,
    CancelMedCard,
    ExpireMedCard,
    IssueMedCard,
    SuspendMedCard,
)
from healthpay_core.payment.commands import (
    AuthorizePayment,
    CapturePayment,
    ExpireAuthorization,
    FailPayment,
    InitiatePayment,
    RefundPayment,
    VoidPayment,
)
from healthpay_core.transfer.commands import TransferFunds
from healthpay_core.wallet.commands import (
    ActivateWallet,
    ChangeWalletKycLevel,
    CloseWallet,
    CreateWallet,
    CreditWallet,
    DebitWallet,
    SuspendWallet,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from healthpay_core.domain import Command
    from healthpay_core.outcome import CommandRequest

PUBLIC_COMMANDS: Final[Mapping[str, type[Command]]] = MappingProxyType(
    {
        "wallet.create": CreateWallet,
        "wallet.activate": ActivateWallet,
        "wallet.suspend": SuspendWallet,
        "wallet.close": CloseWallet,
        "wallet.change_kyc_level": ChangeWalletKycLevel,
        "wallet.credit": CreditWallet,
        "wallet.debit": DebitWallet,
        "transfer.funds": TransferFunds,
        "payment.initiate": InitiatePayment,
        "payment.authorize": AuthorizePayment,
        "payment.capture": CapturePayment,
        "payment.void": VoidPayment,
        "payment.expire": ExpireAuthorization,
        "payment.fail": FailPayment,
        "payment.refund": RefundPayment,
        "medcard.issue": IssueMedCard,
        "medcard.activate": ActivateMedCard,
        "medcard.suspend": SuspendMedCard,
        "medcard.cancel": CancelMedCard,
        "medcard.expire": ExpireMedCard,
    }
)
"""The commands that callers send, by name; what only processes order is not here."""

_NAMES: Final = MappingProxyType({kind: name for name, kind in PUBLIC_COMMANDS.items()})


def fingerprint_of(request: CommandRequest) -> bytes:
    """The request's own fingerprint, else the digest of its command (I2)."""
    return request.fingerprint or digest_of(request.command)


def is_repetition(request: CommandRequest, stored: bytes) -> bool:
    """Whether a request is what was asked under its id before (I3, I4).

    Args:
        request: What is asked now.
        stored: The fingerprint in the outcome of the command id. An empty one
            is of a step, or of the time before commands had digests: there the
            id says it all.
    """
    return not stored or stored == fingerprint_of(request)


def digest_of(command: Command) -> bytes:
    """SHA-256 of a canonical text: equal commands have it in common, others not.

    It is stored, so it stays what it is in every process, on every Python and in
    every release. A field that has its default is no part of the text: to give a
    command another optional field changes no digest.

    Returns:
        Empty for the steps of processes, whose ids follow from what they are for
        (T6).
    """
    name = _NAMES.get(type(command))
    if name is None:
        return b""
    # Whatever callers put into a command, it is not for the digest to refuse.
    text = name + _members(command)
    return sha256(text.encode(errors="surrogatepass")).digest()


def _members(record: object) -> str:
    written = ""
    kind: object = type(record)
    for label, name, default in _plan(kind):
        value = getattr(record, name)
        # The type, too: 1 is not True, and what is odd is not even compared.
        if value is None or (type(value) is type(default) and value == default):
            continue
        # As `_text` writes it: nearly all of them are texts.
        if type(value) is str:
            written += f"{label}{len(value)}:{value};"
        else:
            written += label + _text(value)
    return f"({written})"


@cache
def _plan(kind: object) -> tuple[tuple[str, str, object], ...]:
    """Of each field the label, the name and the default, in the order of names.

    Not in the order of the class, which may be put in another one.
    """
    members = sorted(fields_of(kind), key=lambda member: member.name)
    # Of a field that has none, `MISSING`, which no value is.
    return tuple((f"{m.name}=", m.name, m.default) for m in members)


def _text(value: object) -> str:
    """A value as text that no other value has, nor two values one after the other."""
    if isinstance(value, str):
        return f"{len(value)}:{str.__str__(value)};"
    if isinstance(value, bool):
        return "true;" if value else "false;"
    if isinstance(value, int):
        # Decimal digits of very large integers are refused by Python.
        return f"{int(value):x};"
    if isinstance(value, (tuple, list)):
        return f"[{''.join(map(_text, value))}]"
    if value is None:
        return "none;"
    if is_dataclass(value) and not isinstance(value, type):
        return _members(value)
    # No command that is valid has such a value; its type is all that is stable.
    return f"<{type(value).__qualname__}>;"
