"""The facts of a payment. Amounts are minor units, times microseconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

PaymentMethod: TypeAlias = Literal["wallet", "medcard"]
CaptureMethod: TypeAlias = Literal["automatic", "manual"]
VoidReason: TypeAlias = Literal["merchant", "payer", "expired"]
OperationKind: TypeAlias = Literal[
    "authorize", "capture", "refund", "void", "expire", "fail"
]
PaymentStage: TypeAlias = Literal["authorize", "capture"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EligibleAmounts:
    """What of an amount is health care (D9); minor units, each 0 or more."""

    clinic: int = 0
    dental: int = 0
    prescription: int = 0
    vision: int = 0
    total_healthcare: int | None = None

    @property
    def total(self) -> int:
        """The stated total, else the sum of the parts."""
        if self.total_healthcare is not None:
            return self.total_healthcare
        return self.clinic + self.dental + self.prescription + self.vision


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentInitiated:
    """A payment is agreed on; no money moves (P1)."""

    payer_wallet_id: str
    merchant_wallet_id: str
    amount: int
    currency: str
    method: PaymentMethod
    capture_method: CaptureMethod
    card_id: str | None = None
    merchant_category: str | None = None
    eligible_amounts: EligibleAmounts | None = None
    partial_approval: bool = False
    reference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentAuthorized:
    """The payer's money is held until `expires_at` (P2)."""

    hold_id: str
    amount: int
    currency: str
    expires_at: int
    authorization_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentCaptured:
    """Held money was paid to the merchant (P4, P5, P10)."""

    capture_id: str
    amount: int
    currency: str
    captured_total: int
    final: bool
    released: int
    fee: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentVoided:
    """What was still held is the payer's again (P8, P9)."""

    reason: VoidReason
    released: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFailed:
    """The payment ended without money for the merchant (P17)."""

    stage: PaymentStage
    failure_code: str
    decline_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRefunded:
    """Captured money went back to the payer (P11)."""

    refund_id: str
    amount: int
    currency: str
    refunded_total: int
    reason_code: str
    full: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentOperationBegun:
    """A saga has begun on the payment, which takes no other order until it ends.

    Only the saga form writes it; in atomic form an operation begins and ends in
    one append. `amount` is what is to be held, captured, refunded or given back,
    `released` what a final capture gives back.
    """

    operation_id: str
    kind: OperationKind
    amount: int
    currency: str
    expires_at: int | None = None
    final: bool | None = None
    released: int | None = None
    fee: int | None = None
    reason_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentOperationRefused:
    """The saga was refused by a wallet or the card; nothing is left of it."""

    operation_id: str
    failure_code: str


PaymentEvent: TypeAlias = (
    PaymentInitiated
    | PaymentAuthorized
    | PaymentCaptured
    | PaymentVoided
    | PaymentFailed
    | PaymentRefunded
    | PaymentOperationBegun
    | PaymentOperationRefused
)
