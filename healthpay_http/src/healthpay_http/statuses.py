"""The one table from code to HTTP status (rule E1), and the names of types."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from healthpay_core import Code

STATUSES: Final[Mapping[Code, int]] = MappingProxyType(
    {
        Code.VALIDATION_ERROR: 400,
        Code.IDEMPOTENCY_KEY_MISSING: 400,
        Code.IDEMPOTENCY_KEY_INVALID: 400,
        Code.WALLET_NOT_FOUND: 404,
        Code.SOURCE_WALLET_NOT_FOUND: 404,
        Code.DESTINATION_WALLET_NOT_FOUND: 404,
        Code.TRANSFER_NOT_FOUND: 404,
        Code.PAYMENT_NOT_FOUND: 404,
        Code.MEDCARD_NOT_FOUND: 404,
        Code.COMMAND_NOT_FOUND: 404,
        Code.ROUTE_NOT_FOUND: 404,
        Code.METHOD_NOT_ALLOWED: 405,
        Code.WALLET_ALREADY_EXISTS: 409,
        Code.TRANSFER_ALREADY_EXISTS: 409,
        Code.INVALID_STATE_TRANSITION: 409,
        Code.WALLET_NOT_ACTIVE: 409,
        Code.WALLET_CLOSED: 409,
        Code.WALLET_HAS_BALANCE: 409,
        Code.WALLET_HAS_OPEN_HOLDS: 409,
        Code.DUPLICATE_REFERENCE: 409,
        Code.PAYMENT_NOT_AUTHORIZED: 409,
        Code.PAYMENT_ALREADY_EXISTS: 409,
        Code.PAYMENT_ALREADY_CAPTURED: 409,
        Code.PAYMENT_ALREADY_VOIDED: 409,
        Code.PAYMENT_NOT_VOIDABLE: 409,
        Code.PAYMENT_NOT_CAPTURED: 409,
        Code.PAYMENT_ALREADY_REFUNDED: 409,
        Code.AUTHORIZATION_EXPIRED: 409,
        Code.MEDCARD_ALREADY_EXISTS: 409,
        Code.CARD_NOT_ACTIVE: 409,
        Code.CARD_EXPIRED: 409,
        Code.CARD_NOT_RESUMABLE: 409,
        Code.TRANSFER_TIMEOUT: 409,
        Code.IDEMPOTENCY_KEY_IN_USE: 409,
        Code.CONCURRENCY_CONFLICT: 409,
        Code.VERSION_MISMATCH: 412,
        Code.BODY_TOO_LARGE: 413,
        Code.UNSUPPORTED_MEDIA_TYPE: 415,
        Code.UNSUPPORTED_CURRENCY: 422,
        Code.CURRENCY_MISMATCH: 422,
        Code.INVALID_AMOUNT: 422,
        Code.AMOUNT_OVERFLOW: 422,
        Code.KYC_LEVEL_INSUFFICIENT: 422,
        Code.LIMIT_EXCEEDED: 422,
        Code.INSUFFICIENT_FUNDS: 422,
        Code.REASON_NOT_ALLOWED: 422,
        Code.SELF_TRANSFER_NOT_ALLOWED: 422,
        Code.PAYEE_NOT_MERCHANT: 422,
        Code.CAPTURE_EXCEEDS_AUTHORIZED: 422,
        Code.REFUND_EXCEEDS_CAPTURED: 422,
        Code.AMOUNT_NOT_ELIGIBLE: 422,
        Code.MERCHANT_CATEGORY_NOT_ALLOWED: 422,
        Code.CARD_LIMIT_EXCEEDED: 422,
        Code.IDEMPOTENCY_KEY_REUSED: 422,
        Code.PRECONDITION_REQUIRED: 428,
        Code.CORRUPT_STREAM: 500,
        Code.INTERNAL_ERROR: 500,
        Code.STORE_UNAVAILABLE: 503,
    }
)
"""Each code of the catalogue exactly once; a test enumerates it both ways."""


def slug(code: Code) -> str:
    """``INSUFFICIENT_FUNDS`` to ``insufficient-funds``, the name in the path."""
    return code.value.lower().replace("_", "-")


def problem_type(code: Code) -> str:
    """Where a kind of problem is explained, below the mount."""
    return "/problems/" + slug(code)
