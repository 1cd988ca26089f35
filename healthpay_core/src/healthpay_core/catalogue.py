"""The one catalogue of error codes (rule E1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Code(StrEnum):
    """Every code that a caller can be answered with."""

    VALIDATION_ERROR = "VALIDATION_ERROR"
    UNSUPPORTED_CURRENCY = "UNSUPPORTED_CURRENCY"
    CURRENCY_MISMATCH = "CURRENCY_MISMATCH"
    INVALID_AMOUNT = "INVALID_AMOUNT"
    AMOUNT_OVERFLOW = "AMOUNT_OVERFLOW"
    WALLET_NOT_FOUND = "WALLET_NOT_FOUND"
    WALLET_ALREADY_EXISTS = "WALLET_ALREADY_EXISTS"
    INVALID_STATE_TRANSITION = "INVALID_STATE_TRANSITION"
    WALLET_NOT_ACTIVE = "WALLET_NOT_ACTIVE"
    WALLET_CLOSED = "WALLET_CLOSED"
    WALLET_HAS_BALANCE = "WALLET_HAS_BALANCE"
    WALLET_HAS_OPEN_HOLDS = "WALLET_HAS_OPEN_HOLDS"
    KYC_LEVEL_INSUFFICIENT = "KYC_LEVEL_INSUFFICIENT"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    INSUFFICIENT_FUNDS = "INSUFFICIENT_FUNDS"
    REASON_NOT_ALLOWED = "REASON_NOT_ALLOWED"
    DUPLICATE_REFERENCE = "DUPLICATE_REFERENCE"
    PAYMENT_NOT_AUTHORIZED = "PAYMENT_NOT_AUTHORIZED"
    SELF_TRANSFER_NOT_ALLOWED = "SELF_TRANSFER_NOT_ALLOWED"
    SOURCE_WALLET_NOT_FOUND = "SOURCE_WALLET_NOT_FOUND"
    DESTINATION_WALLET_NOT_FOUND = "DESTINATION_WALLET_NOT_FOUND"
    TRANSFER_NOT_FOUND = "TRANSFER_NOT_FOUND"
    TRANSFER_ALREADY_EXISTS = "TRANSFER_ALREADY_EXISTS"
    PAYMENT_NOT_FOUND = "PAYMENT_NOT_FOUND"
    PAYMENT_ALREADY_EXISTS = "PAYMENT_ALREADY_EXISTS"
    PAYEE_NOT_MERCHANT = "PAYEE_NOT_MERCHANT"
    PAYMENT_ALREADY_CAPTURED = "PAYMENT_ALREADY_CAPTURED"
    PAYMENT_ALREADY_VOIDED = "PAYMENT_ALREADY_VOIDED"
    PAYMENT_NOT_VOIDABLE = "PAYMENT_NOT_VOIDABLE"
    PAYMENT_NOT_CAPTURED = "PAYMENT_NOT_CAPTURED"
    PAYMENT_ALREADY_REFUNDED = "PAYMENT_ALREADY_REFUNDED"
    AUTHORIZATION_EXPIRED = "AUTHORIZATION_EXPIRED"
    CAPTURE_EXCEEDS_AUTHORIZED = "CAPTURE_EXCEEDS_AUTHORIZED"
    REFUND_EXCEEDS_CAPTURED = "REFUND_EXCEEDS_CAPTURED"
    AMOUNT_NOT_ELIGIBLE = "AMOUNT_NOT_ELIGIBLE"
    MEDCARD_NOT_FOUND = "MEDCARD_NOT_FOUND"
    MEDCARD_ALREADY_EXISTS = "MEDCARD_ALREADY_EXISTS"
    CARD_NOT_ACTIVE = "CARD_NOT_ACTIVE"
    CARD_EXPIRED = "CARD_EXPIRED"
    CARD_NOT_RESUMABLE = "CARD_NOT_RESUMABLE"
    MERCHANT_CATEGORY_NOT_ALLOWED = "MERCHANT_CATEGORY_NOT_ALLOWED"
    CARD_LIMIT_EXCEEDED = "CARD_LIMIT_EXCEEDED"
    TRANSFER_TIMEOUT = "TRANSFER_TIMEOUT"
    COMMAND_NOT_FOUND = "COMMAND_NOT_FOUND"
    IDEMPOTENCY_KEY_MISSING = "IDEMPOTENCY_KEY_MISSING"
    IDEMPOTENCY_KEY_INVALID = "IDEMPOTENCY_KEY_INVALID"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    IDEMPOTENCY_KEY_IN_USE = "IDEMPOTENCY_KEY_IN_USE"
    VERSION_MISMATCH = "VERSION_MISMATCH"
    PRECONDITION_REQUIRED = "PRECONDITION_REQUIRED"
    CONCURRENCY_CONFLICT = "CONCURRENCY_CONFLICT"
    STORE_UNAVAILABLE = "STORE_UNAVAILABLE"
    CORRUPT_STREAM = "CORRUPT_STREAM"
    INTERNAL_ERROR = "INTERNAL_ERROR"
    ROUTE_NOT_FOUND = "ROUTE_NOT_FOUND"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    BODY_TOO_LARGE = "BODY_TOO_LARGE"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """What is fixed about a code.

    Attributes:
        title: The short text that never changes per occurrence.
        meaning: One sentence for people: when it is answered and what to do.
        retryable: Whether the same request may succeed unchanged, later.
        pinned: Whether the outcome is stored under the idempotency key, so
            that a retry is answered with it again (rule I6).
    """

    title: str
    meaning: str
    retryable: bool = False
    pinned: bool = False


def _decided(title: str, meaning: str) -> CatalogueEntry:
    return CatalogueEntry(title, meaning, pinned=True)


CATALOGUE: Final[Mapping[Code, CatalogueEntry]] = MappingProxyType(
    {
        Code.VALIDATION_ERROR: CatalogueEntry(
            "Request is not valid",
            "The shape is wrong; `errors` names every fault and its place.",
        ),
        Code.UNSUPPORTED_CURRENCY: _decided(
            "Currency is not supported",
            "The code is not in ISO 4217 or has no minor unit; use one that has.",
        ),
        Code.CURRENCY_MISMATCH: _decided(
            "Currencies differ",
            "Money moves within one currency; `party` says which wallet differs.",
        ),
        Code.INVALID_AMOUNT: _decided(
            "Amount is not valid",
            "An amount is at least 1 minor unit; to mean all the rest, omit it.",
        ),
        Code.AMOUNT_OVERFLOW: _decided(
            "Amount is too large",
            "One operation, one balance, and what goes out in a month, or ever by one"
            " card, are at most 2^53-1 minor units.",
        ),
        Code.WALLET_NOT_FOUND: CatalogueEntry(
            "Wallet not found", "No wallet of yours has this id."
        ),
        Code.WALLET_ALREADY_EXISTS: _decided(
            "Wallet already exists", "The id is taken; wallets are created once."
        ),
        Code.INVALID_STATE_TRANSITION: _decided(
            "State does not allow this",
            "The resource is in `currentStatus`, from which this step is not allowed.",
        ),
        Code.WALLET_NOT_ACTIVE: _decided(
            "Wallet is not active",
            "Money moves only through active wallets; activate or resume it first.",
        ),
        Code.WALLET_CLOSED: _decided(
            "Wallet is closed", "Closed is final; nothing can be done with it."
        ),
        Code.WALLET_HAS_BALANCE: _decided(
            "Wallet still has a balance",
            "Only an empty wallet closes; move the rest, or close with `sweepTo`.",
        ),
        Code.WALLET_HAS_OPEN_HOLDS: _decided(
            "Wallet has open holds",
            "Held money belongs to open payments; capture or void them first.",
        ),
        Code.KYC_LEVEL_INSUFFICIENT: _decided(
            "KYC level is not sufficient",
            "The wallet's level allows none of this; raise the level first.",
        ),
        Code.LIMIT_EXCEEDED: _decided(
            "Limit exceeded",
            "`limitName` would be passed; it is free again at `resetsAt` where given.",
        ),
        Code.INSUFFICIENT_FUNDS: _decided(
            "Insufficient funds",
            "The balance less what is held does not cover the amount.",
        ),
        Code.REASON_NOT_ALLOWED: _decided(
            "Reason is not allowed",
            "Only the transfer process writes transfer_in and transfer_out.",
        ),
        Code.DUPLICATE_REFERENCE: _decided(
            "Reference was used before",
            "The policy wants each reference once per wallet and reason.",
        ),
        Code.PAYMENT_NOT_AUTHORIZED: _decided(
            "Payment is not authorized",
            "There is no open hold of this id to capture or to release.",
        ),
        Code.SELF_TRANSFER_NOT_ALLOWED: _decided(
            "Source and destination are the same",
            "A transfer moves money between two different wallets.",
        ),
        Code.SOURCE_WALLET_NOT_FOUND: CatalogueEntry(
            "Source wallet not found", "No wallet of yours has the source id."
        ),
        Code.DESTINATION_WALLET_NOT_FOUND: CatalogueEntry(
            "Destination wallet not found", "No wallet has the destination id."
        ),
        Code.TRANSFER_NOT_FOUND: CatalogueEntry(
            "Transfer not found", "No transfer of yours has this id."
        ),
        Code.TRANSFER_ALREADY_EXISTS: _decided(
            "Transfer already exists", "The id is taken; a transfer happens once."
        ),
        Code.PAYMENT_NOT_FOUND: CatalogueEntry(
            "Payment not found", "No payment of yours has this id."
        ),
        Code.PAYMENT_ALREADY_EXISTS: _decided(
            "Payment already exists", "The id is taken; a payment is initiated once."
        ),
        Code.PAYEE_NOT_MERCHANT: _decided(
            "Payee is not a merchant", "Only a wallet of the type merchant can be paid."
        ),
        Code.PAYMENT_ALREADY_CAPTURED: _decided(
            "Payment is already captured",
            "Nothing is held any more; refund it if it was too much.",
        ),
        Code.PAYMENT_ALREADY_VOIDED: _decided(
            "Payment is already voided",
            "What was held is the payer's again; make a new payment.",
        ),
        Code.PAYMENT_NOT_VOIDABLE: _decided(
            "Payment cannot be voided",
            "Only an authorized payment is voided; a captured one is refunded.",
        ),
        Code.PAYMENT_NOT_CAPTURED: _decided(
            "Payment is not captured",
            "There is nothing to refund; void it if it is authorized.",
        ),
        Code.PAYMENT_ALREADY_REFUNDED: _decided(
            "Payment is already refunded", "All that was captured has been returned."
        ),
        Code.AUTHORIZATION_EXPIRED: _decided(
            "Authorization has expired",
            "The time to capture is over; make a new payment.",
        ),
        Code.CAPTURE_EXCEEDS_AUTHORIZED: _decided(
            "Capture exceeds what is held",
            "At most `capturableAmount` can be captured.",
        ),
        Code.REFUND_EXCEEDS_CAPTURED: _decided(
            "Refund exceeds what was captured",
            "At most `refundableAmount` can be returned.",
        ),
        Code.AMOUNT_NOT_ELIGIBLE: _decided(
            "Amount is not eligible",
            "Not all of it is health care; `eligibleAmount` is.",
        ),
        Code.MEDCARD_NOT_FOUND: CatalogueEntry(
            "MedCard not found", "No card of yours has this id."
        ),
        Code.MEDCARD_ALREADY_EXISTS: _decided(
            "MedCard already exists", "The id is taken; a card is issued once."
        ),
        Code.CARD_NOT_ACTIVE: _decided(
            "Card is not active",
            "The card is not usable now; activate or resume it, or use another.",
        ),
        Code.CARD_EXPIRED: _decided(
            "Card has expired", "The card's month is over; use another."
        ),
        Code.CARD_NOT_RESUMABLE: _decided(
            "Card cannot be resumed",
            "A lost or stolen card stays off; cancel it and issue another.",
        ),
        Code.MERCHANT_CATEGORY_NOT_ALLOWED: _decided(
            "Merchant category is not allowed",
            "The card is not for merchants of this category.",
        ),
        Code.CARD_LIMIT_EXCEEDED: _decided(
            "Card limit exceeded", "`limitName` of the card would be passed."
        ),
        Code.TRANSFER_TIMEOUT: _decided(
            "Transfer timed out",
            "The transfer was not finished in time; nothing was moved.",
        ),
        Code.COMMAND_NOT_FOUND: CatalogueEntry(
            "Command not known",
            "No outcome is stored under this id; it may still be under way.",
        ),
        Code.IDEMPOTENCY_KEY_MISSING: CatalogueEntry(
            "Idempotency-Key is missing",
            "Every POST needs the header; a new key per intent, the same in retries.",
        ),
        Code.IDEMPOTENCY_KEY_INVALID: CatalogueEntry(
            "Idempotency-Key is not valid",
            "The key is 1 to 255 visible ASCII characters, bare or quoted.",
        ),
        Code.IDEMPOTENCY_KEY_REUSED: CatalogueEntry(
            "Idempotency-Key was used for another request",
            "The key belongs to a different body or path; use a new key.",
        ),
        Code.IDEMPOTENCY_KEY_IN_USE: CatalogueEntry(
            "Request with this key is still running",
            "Wait for `Retry-After` seconds and repeat the same request.",
            retryable=True,
        ),
        Code.VERSION_MISMATCH: CatalogueEntry(
            "Version does not match",
            "The resource has moved on to `currentVersion`; read it and decide anew.",
        ),
        Code.PRECONDITION_REQUIRED: CatalogueEntry(
            "If-Match is required",
            "This operation is configured as conditional; send the ETag you saw.",
        ),
        Code.CONCURRENCY_CONFLICT: CatalogueEntry(
            "Lost a race",
            "Others changed the same resources meanwhile; repeat the request.",
            retryable=True,
        ),
        Code.STORE_UNAVAILABLE: CatalogueEntry(
            "Store is not available",
            "Nothing was decided; repeat the request after `Retry-After` seconds.",
            retryable=True,
        ),
        Code.CORRUPT_STREAM: CatalogueEntry(
            "Stored history is damaged",
            "The stream does not add up; it is not used until an operator mends it.",
        ),
        Code.INTERNAL_ERROR: CatalogueEntry(
            "Internal error", "Something unexpected; quote `errorId` to the operator."
        ),
        Code.ROUTE_NOT_FOUND: CatalogueEntry(
            "No such path", "The path is not part of the API; see /docs."
        ),
        Code.METHOD_NOT_ALLOWED: CatalogueEntry(
            "Method is not allowed here", "`Allow` names the methods of this path."
        ),
        Code.BODY_TOO_LARGE: CatalogueEntry(
            "Body is too large", "The body is longer than `maxBytes`."
        ),
        Code.UNSUPPORTED_MEDIA_TYPE: CatalogueEntry(
            "Media type is not supported", "Send `Content-Type: application/json`."
        ),
    }
)
"""Each code exactly once; a test enumerates it both ways."""
