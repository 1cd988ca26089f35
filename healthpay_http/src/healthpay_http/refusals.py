"""What HTTP itself refuses, before the domain is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from healthpay_core import Code, NotDone, Refusal
from healthpay_core.refusals import (
    MedCardNotFound,
    PaymentNotFound,
    TransferNotFound,
    WalletNotFound,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyKeyMissing(Refusal):
    """A POST without `Idempotency-Key` (I1)."""

    code = Code.IDEMPOTENCY_KEY_MISSING


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyKeyInvalid(Refusal):
    """The key is not 1 to 255 visible ASCII characters (I1)."""

    code = Code.IDEMPOTENCY_KEY_INVALID


@dataclass(frozen=True, slots=True, kw_only=True)
class PreconditionRequired(Refusal):
    """A conditional operation without `If-Match` (V4)."""

    code = Code.PRECONDITION_REQUIRED
    current_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandNotFound(Refusal):
    """No outcome is stored under this command id."""

    code = Code.COMMAND_NOT_FOUND
    command_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteNotFound(Refusal):
    """The path is not in the route table."""

    code = Code.ROUTE_NOT_FOUND


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodNotAllowed(Refusal):
    """The path is known, the method is not."""

    code = Code.METHOD_NOT_ALLOWED
    allowed_methods: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyTooLarge(Refusal):
    """The body is longer than the limit (H7)."""

    code = Code.BODY_TOO_LARGE
    max_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsupportedMediaType(Refusal):
    """The body is not declared to be plain JSON in UTF-8."""

    code = Code.UNSUPPORTED_MEDIA_TYPE


NOT_FOUND: Final[Mapping[str, Callable[[str], NotDone]]] = MappingProxyType(
    {
        "wallet": lambda shown: WalletNotFound(wallet_id=shown),
        "transfer": lambda shown: TransferNotFound(transfer_id=shown),
        "payment": lambda shown: PaymentNotFound(payment_id=shown),
        "medcard": lambda shown: MedCardNotFound(card_id=shown),
        "command": lambda shown: CommandNotFound(command_id=shown),
    }
)
"""The refusal when the id in a path names nothing, by what it should name."""
