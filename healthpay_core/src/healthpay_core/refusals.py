"""Why something was not done: refusals and faults, as values.

```
NotDone ─┬─ Refusal   the domain says no; nothing changed
         └─ Fault     the machinery says no: a race, the store, damaged history
```
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import ClassVar, Literal, TypeAlias

from healthpay_core.catalogue import CATALOGUE, Code

Party: TypeAlias = Literal["source", "destination", "payer", "merchant"]
Detail: TypeAlias = str | int | tuple["Problem", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotDone:
    """What every refusal and fault has: a code of the catalogue."""

    code: ClassVar[Code]

    @property
    def message(self) -> str:
        """One sentence about this occurrence, without personal data."""
        return CATALOGUE[self.code].meaning

    @property
    def pinned(self) -> bool:
        """Whether a retry under the same key is answered with it (I6)."""
        return CATALOGUE[self.code].pinned

    def details(self) -> Iterator[tuple[str, Detail]]:
        """The typed facts of the occurrence, by field name, absent ones left out."""
        for field in fields(self):
            value: Detail | None = getattr(self, field.name)
            if value is not None:
                yield field.name, value


class Refusal(NotDone):
    """The domain says no; the aggregate is as it was (E3)."""

    __slots__ = ()


class Fault(NotDone):
    """The machinery says no; never mistaken for a refusal (E4)."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of a request: where (a JSON Pointer, "" is the whole) and what."""

    pointer: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationFailed(Refusal):
    """The request has the wrong shape (M1, C1, C2)."""

    code = Code.VALIDATION_ERROR
    errors: tuple[Problem, ...]

    @staticmethod
    def at(pointer: str, detail: str) -> ValidationFailed:
        """A single fault."""
        return ValidationFailed(errors=(Problem(pointer, detail),))

    @property
    def message(self) -> str:
        count = len(self.errors)
        return f"{count} fault{'s' if count > 1 else ''} in the request."


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsupportedCurrency(Refusal):
    """The currency has no minor unit in ISO 4217 (M2)."""

    code = Code.UNSUPPORTED_CURRENCY
    currency: str

    @property
    def message(self) -> str:
        return "The currency is not an ISO 4217 code with a minor unit."


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrencyMismatch(Refusal):
    """The currency is not that of the wallet (M4, T3)."""

    code = Code.CURRENCY_MISMATCH
    expected_currency: str
    requested_currency: str
    party: Party | None = None

    @staticmethod
    def between(expected: str, requested: str) -> CurrencyMismatch:
        """A mismatch outside of any wallet."""
        return CurrencyMismatch(
            expected_currency=expected, requested_currency=requested
        )

    @property
    def message(self) -> str:
        return f"The money is {self.expected_currency}, not {self.requested_currency}."


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidAmount(Refusal):
    """The amount is below 1, or no exact decimal of its currency (M6, M7)."""

    code = Code.INVALID_AMOUNT
    requested_amount: int | None = None
    requested_text: str | None = None

    @property
    def message(self) -> str:
        if self.requested_text is not None:
            return "The text is not an exact amount of this currency."
        return "The amount is below 1 minor unit."


@dataclass(frozen=True, slots=True, kw_only=True)
class AmountOverflow(Refusal):
    """The amount, or the balance or sum it would lead to, is above 2**53-1 (M5)."""

    code = Code.AMOUNT_OVERFLOW
    max_amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletNotFound(Refusal):
    """No wallet has this id."""

    code = Code.WALLET_NOT_FOUND
    wallet_id: str
    party: Party | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletAlreadyExists(Refusal):
    """The wallet id is taken (W2)."""

    code = Code.WALLET_ALREADY_EXISTS
    wallet_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidStateTransition(Refusal):
    """The life cycle has no such step from here (W4)."""

    code = Code.INVALID_STATE_TRANSITION
    current_status: str
    requested: str

    @property
    def message(self) -> str:
        return f"{self.requested} is not possible while {self.current_status}."


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletNotActive(Refusal):
    """The wallet is pending or suspended (W5, T3)."""

    code = Code.WALLET_NOT_ACTIVE
    current_status: str
    party: Party | None = None

    @property
    def message(self) -> str:
        return f"The {_party(self.party)}wallet is {self.current_status}, not active."


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletClosed(Refusal):
    """The wallet is closed for good (W8)."""

    code = Code.WALLET_CLOSED
    party: Party | None = None

    @property
    def message(self) -> str:
        return f"The {_party(self.party)}wallet is closed for good."


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletHasBalance(Refusal):
    """Only an empty wallet closes (W6)."""

    code = Code.WALLET_HAS_BALANCE
    balance: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletHasOpenHolds(Refusal):
    """Held money keeps a wallet open (W6)."""

    code = Code.WALLET_HAS_OPEN_HOLDS
    held_amount: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KycLevelInsufficient(Refusal):
    """The level's limit is zero (K10), or the level is below basic (W4)."""

    code = Code.KYC_LEVEL_INSUFFICIENT
    kyc_level: str
    party: Party | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitExceeded(Refusal):
    """A limit of the policy would be passed (K3, K6, E9).

    Amounts are minor units, or numbers of operations for the count limits;
    `resets_at` is an instant in microseconds since 1970 UTC.
    """

    code = Code.LIMIT_EXCEEDED
    limit_name: str
    limit_amount: int
    used_amount: int
    requested_amount: int
    resets_at: int | None = None
    party: Party | None = None

    @property
    def message(self) -> str:
        return (
            f"The {self.limit_name} limit is {self.limit_amount}; "
            f"{self.used_amount} is used, {self.requested_amount} was requested."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class InsufficientFunds(Refusal):
    """Balance less held does not cover the amount (C3, E9)."""

    code = Code.INSUFFICIENT_FUNDS
    requested_amount: int
    available_amount: int
    currency: str
    party: Party | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonNotAllowed(Refusal):
    """The reason belongs to the transfer process alone (C2)."""

    code = Code.REASON_NOT_ALLOWED
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicateReference(Refusal):
    """The policy wants the reference once per wallet and reason (C7)."""

    code = Code.DUPLICATE_REFERENCE
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentNotAuthorized(Refusal):
    """No open hold of this id (P16), or it holds less than is asked."""

    code = Code.PAYMENT_NOT_AUTHORIZED
    hold_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTransferNotAllowed(Refusal):
    """Source and destination are one wallet (T2)."""

    code = Code.SELF_TRANSFER_NOT_ALLOWED


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceWalletNotFound(Refusal):
    """No wallet has the source id (T3)."""

    code = Code.SOURCE_WALLET_NOT_FOUND
    wallet_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationWalletNotFound(Refusal):
    """No wallet has the destination id (T3)."""

    code = Code.DESTINATION_WALLET_NOT_FOUND
    wallet_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferAlreadyExists(Refusal):
    """The transfer id is taken (T1)."""

    code = Code.TRANSFER_ALREADY_EXISTS
    transfer_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferNotFound(Refusal):
    """No transfer has this id."""

    code = Code.TRANSFER_NOT_FOUND
    transfer_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferTimedOut(Refusal):
    """The transfer's time was over before this step (T7)."""

    code = Code.TRANSFER_TIMEOUT
    expired_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentNotFound(Refusal):
    """No payment has this id."""

    code = Code.PAYMENT_NOT_FOUND
    payment_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentAlreadyExists(Refusal):
    """The payment id is taken (P1)."""

    code = Code.PAYMENT_ALREADY_EXISTS
    payment_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PayeeNotMerchant(Refusal):
    """The payee's wallet is not of the type merchant (W10)."""

    code = Code.PAYEE_NOT_MERCHANT
    wallet_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentAlreadyCaptured(Refusal):
    """Nothing is held any more, all is captured (P6)."""

    code = Code.PAYMENT_ALREADY_CAPTURED


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentAlreadyVoided(Refusal):
    """Nothing is held any more, all was given back (P6)."""

    code = Code.PAYMENT_ALREADY_VOIDED


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentNotVoidable(Refusal):
    """Only an authorized payment is voided (P9)."""

    code = Code.PAYMENT_NOT_VOIDABLE
    current_status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentNotCaptured(Refusal):
    """There is nothing to refund; what is authorized is voided (P13)."""

    code = Code.PAYMENT_NOT_CAPTURED
    current_status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentAlreadyRefunded(Refusal):
    """All that was captured has been returned (P12)."""

    code = Code.PAYMENT_ALREADY_REFUNDED


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationExpired(Refusal):
    """It is no longer before `expired_at` (P7)."""

    code = Code.AUTHORIZATION_EXPIRED
    expired_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureExceedsAuthorized(Refusal):
    """More than is held (P4, P5)."""

    code = Code.CAPTURE_EXCEEDS_AUTHORIZED
    requested_amount: int
    capturable_amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundExceedsCaptured(Refusal):
    """More than was captured and not returned (P11)."""

    code = Code.REFUND_EXCEEDS_CAPTURED
    requested_amount: int
    refundable_amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AmountNotEligible(Refusal):
    """More than is health care (D9)."""

    code = Code.AMOUNT_NOT_ELIGIBLE
    requested_amount: int
    eligible_amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MedCardNotFound(Refusal):
    """No card has this id, or not on this wallet."""

    code = Code.MEDCARD_NOT_FOUND
    card_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MedCardAlreadyExists(Refusal):
    """The card id is taken (D1)."""

    code = Code.MEDCARD_ALREADY_EXISTS
    card_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CardNotActive(Refusal):
    """The card is issued, suspended or cancelled (D6)."""

    code = Code.CARD_NOT_ACTIVE
    current_status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CardExpired(Refusal):
    """The card's month is over (D3, D5)."""

    code = Code.CARD_EXPIRED


@dataclass(frozen=True, slots=True, kw_only=True)
class CardNotResumable(Refusal):
    """A lost or stolen card stays off (D4)."""

    code = Code.CARD_NOT_RESUMABLE
    reason_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MerchantCategoryNotAllowed(Refusal):
    """The card is not for this category (D7)."""

    code = Code.MERCHANT_CATEGORY_NOT_ALLOWED
    merchant_category: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CardLimitExceeded(Refusal):
    """A limit of the card would be passed (D8, E9)."""

    code = Code.CARD_LIMIT_EXCEEDED
    limit_name: str
    limit_amount: int
    used_amount: int
    requested_amount: int
    resets_at: int | None = None

    @property
    def message(self) -> str:
        return (
            f"The card's {self.limit_name} limit is {self.limit_amount}; "
            f"{self.used_amount} is used, {self.requested_amount} was requested."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionMismatch(Refusal):
    """The caller's expected version is not the current one (V3)."""

    code = Code.VERSION_MISMATCH
    expected_version: int
    current_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyKeyReused(Refusal):
    """The command id was used with another request (I3)."""

    code = Code.IDEMPOTENCY_KEY_REUSED
    command_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyKeyInUse(Fault):
    """The same command is still under way (I5)."""

    code = Code.IDEMPOTENCY_KEY_IN_USE
    command_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcurrencyConflict(Fault):
    """Others kept changing the same streams (V2)."""

    code = Code.CONCURRENCY_CONFLICT
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreUnavailable(Fault):
    """The store, or the queue before it, takes nothing now; nothing was stored."""

    code = Code.STORE_UNAVAILABLE
    retry_after_s: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CorruptStream(Fault):
    """A stored stream does not add up (C5)."""

    code = Code.CORRUPT_STREAM
    stream: str
    sequence: int

    @property
    def message(self) -> str:
        return f"Event {self.sequence} of {self.stream} does not add up."


@dataclass(frozen=True, slots=True, kw_only=True)
class InternalError(Fault):
    """Something unexpected, logged under the error id (E5)."""

    code = Code.INTERNAL_ERROR
    error_id: str


def _party(party: Party | None) -> str:
    return f"{party} " if party else ""
