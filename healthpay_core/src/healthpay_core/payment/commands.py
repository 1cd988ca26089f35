"""The orders that a payment takes. Amounts are minor units of its currency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from healthpay_core.payment.events import (
    CaptureMethod,
    EligibleAmounts,
    PaymentMethod,
)

DEFAULT_AUTHORIZATION_S: Final = 7 * 86_400
MAX_AUTHORIZATION_S: Final = 30 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class InitiatePayment:
    """Agree on a payment; nothing is held yet (P1).

    Method medcard needs `card_id` and `merchant_category` (D6). With
    `eligible_amounts` only so much is authorised as is health care, the rest
    refused or, with `partial_approval`, left out (D9).
    Refused with `ValidationFailed`, `SelfTransferNotAllowed`, the amount's
    refusals, `PaymentAlreadyExists`, `WalletNotFound`, `MedCardNotFound`,
    `WalletNotActive`, `WalletClosed`, `CurrencyMismatch`, `PayeeNotMerchant`.
    """

    payment_id: str
    payer_wallet_id: str
    merchant_wallet_id: str
    amount: int
    currency: str
    method: PaymentMethod = "wallet"
    capture_method: CaptureMethod = "manual"
    card_id: str | None = None
    merchant_category: str | None = None
    eligible_amounts: EligibleAmounts | None = None
    partial_approval: bool = False
    reference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizePayment:
    """Hold the payer's money, and capture it at once when that is automatic (P2).

    `expires_in_s` is 1 to 2,592,000 seconds (30 days), 7 days when left out.
    Refused with `ValidationFailed`, `PaymentNotFound`, `InvalidStateTransition`
    (P3), `CardNotActive`, `CardExpired`, `WalletNotActive`, `WalletClosed`,
    `MerchantCategoryNotAllowed`, `AmountNotEligible`, `CurrencyMismatch` (M4),
    `CardLimitExceeded`, `KycLevelInsufficient`, `LimitExceeded`,
    `InsufficientFunds`.
    """

    payment_id: str
    expires_in_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturePayment:
    """Pay held money to the merchant (P4, P5, P10).

    `amount` omitted is all that is held; `final` releases the rest. `fee` is
    taken from the merchant in the same append, 1 to the captured amount.
    Refused with the amount's refusals, `PaymentNotFound`,
    `PaymentNotAuthorized` (P16), `PaymentAlreadyCaptured`,
    `PaymentAlreadyVoided`, `InvalidStateTransition` (P6),
    `AuthorizationExpired` (P7), `WalletClosed`, `CaptureExceedsAuthorized`,
    `AmountOverflow`.
    """

    payment_id: str
    amount: int | None = None
    final: bool = True
    fee: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VoidPayment:
    """Give back what is still held (P9).

    Refused with `PaymentNotFound`, `PaymentNotVoidable` unless authorized.
    """

    payment_id: str
    reason: Literal["merchant", "payer"] = "merchant"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireAuthorization:
    """Give back what is still held after its time: the sweep's command (P8).

    Refused with `PaymentNotFound`, `PaymentNotVoidable` unless authorized and
    past its time.
    """

    payment_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FailPayment:
    """End a payment that cannot go on, before any of it was captured (P17).

    Refused with `PaymentNotFound`, `InvalidStateTransition` from a final state
    or once something was captured.
    """

    payment_id: str
    reason_code: str = "declined"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundPayment:
    """Return captured money from the merchant to the payer (P11-P15).

    `amount` omitted is all that was captured and not refunded.
    Refused with the amount's refusals, `PaymentNotFound`, `PaymentNotCaptured`
    (P13), `PaymentAlreadyRefunded` (P12), `WalletClosed`,
    `RefundExceedsCaptured` (P11), `AmountOverflow`, `InsufficientFunds` with
    the party merchant (P14).
    """

    payment_id: str
    amount: int | None = None
    reason_code: str = "requested"


PaymentCommand: TypeAlias = (
    InitiatePayment
    | AuthorizePayment
    | CapturePayment
    | VoidPayment
    | ExpireAuthorization
    | FailPayment
    | RefundPayment
)
