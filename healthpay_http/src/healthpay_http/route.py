"""What a route is, and the codes that many of them share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from healthpay_core import Code
from healthpay_http.bodies import CommandBody

Resource: TypeAlias = Literal["wallet", "transfer", "payment", "medcard", "command"]
Answer: TypeAlias = Literal[
    "WalletCommitted",
    "TransferCommitted",
    "PaymentCommitted",
    "MedCardCommitted",
    "WalletAnswer",
    "TransferAnswer",
    "PaymentAnswer",
    "MedCardAnswer",
    "EventPage",
    "CommandAnswer",
    "Health",
    "text",
    "html",
    "OpenApi",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One operation of the interface.

    Attributes:
        operation: Its name; with the key, the scope of idempotency (I2).
        scope: The permission that it will need; None is open to everybody.
        success: The status when it went well.
        answer: The schema of the body then.
        codes: Every code it can be refused with.
        body: What a command's JSON is structured into; None for a query.
        query: Names of its query parameters.
        resource: What the id in the path names.
    """

    method: Literal["GET", "POST"]
    path: str
    operation: str
    summary: str
    success: int
    answer: Answer
    codes: frozenset[Code] = frozenset()
    scope: str | None = None
    body: type[CommandBody] | None = None
    query: tuple[str, ...] = ()
    resource: Resource | None = None


COMMAND: Final = frozenset(
    {
        Code.VALIDATION_ERROR,
        Code.IDEMPOTENCY_KEY_MISSING,
        Code.IDEMPOTENCY_KEY_INVALID,
        Code.IDEMPOTENCY_KEY_REUSED,
        Code.IDEMPOTENCY_KEY_IN_USE,
        Code.VERSION_MISMATCH,
        Code.CONCURRENCY_CONFLICT,
        Code.BODY_TOO_LARGE,
        Code.UNSUPPORTED_MEDIA_TYPE,
        Code.STORE_UNAVAILABLE,
        Code.CORRUPT_STREAM,
        Code.INTERNAL_ERROR,
    }
)
EXISTING: Final = COMMAND | {
    Code.PRECONDITION_REQUIRED,
    Code.WALLET_NOT_FOUND,
    Code.WALLET_CLOSED,
}
MONEY: Final = frozenset(
    {
        Code.UNSUPPORTED_CURRENCY,
        Code.INVALID_AMOUNT,
        Code.AMOUNT_OVERFLOW,
        Code.WALLET_NOT_ACTIVE,
        Code.CURRENCY_MISMATCH,
        Code.KYC_LEVEL_INSUFFICIENT,
        Code.LIMIT_EXCEEDED,
    }
)
ON_PAYMENT: Final = COMMAND | {Code.PRECONDITION_REQUIRED, Code.PAYMENT_NOT_FOUND}
ON_CARD: Final = COMMAND | {Code.PRECONDITION_REQUIRED, Code.MEDCARD_NOT_FOUND}
QUERY: Final = frozenset(
    {
        Code.VALIDATION_ERROR,
        Code.STORE_UNAVAILABLE,
        Code.CORRUPT_STREAM,
        Code.INTERNAL_ERROR,
    }
)
