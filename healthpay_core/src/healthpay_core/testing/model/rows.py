"""The rows of the model: words and numbers in plain dicts, changed in place."""

from __future__ import annotations

from dataclasses import dataclass, field

from healthpay_core.clock import BusinessDay
from healthpay_core.medcard.commands import IssueMedCard
from healthpay_core.payment.commands import InitiatePayment
from healthpay_core.policy import KycLevel, LimitPolicy, WalletType


@dataclass(slots=True)
class Outflow:
    """One debit or hold, for ever in the list of its wallet (K3).

    `amount` is what still counts: the released part of a hold is taken off (K4).
    """

    date: str
    amount: int
    card_id: str | None = None


@dataclass(slots=True)
class HoldRow:
    """What is still held, and the outflow that counted it."""

    amount: int
    outflow: Outflow


@dataclass(slots=True)
class WalletRow:
    """A wallet: pending, active, suspended or closed."""

    wallet_id: str
    owner_id: str
    wallet_type: WalletType
    currency: str
    kyc_level: KycLevel
    status: str = "pending"
    balance: int = 0
    holds: dict[str, HoldRow] = field(default_factory=dict)
    outflows: list[Outflow] = field(default_factory=list)
    references: set[tuple[str, str]] = field(default_factory=set)
    version: int = 1

    @property
    def held(self) -> int:
        """The sum of the holds."""
        return sum([hold.amount for hold in self.holds.values()])

    def view(self) -> dict[str, object]:
        """The members that a `WalletView` must show."""
        return {
            "wallet_id": self.wallet_id,
            "owner_id": self.owner_id,
            "wallet_type": self.wallet_type,
            "currency": self.currency,
            "kyc_level": self.kyc_level,
            "status": self.status,
            "balance": self.balance,
            "held": self.held,
            "version": self.version,
        }


@dataclass(slots=True)
class TransferRow:
    """A transfer: initiated, completed or failed."""

    transfer_id: str
    source_wallet_id: str
    destination_wallet_id: str
    amount: int
    currency: str
    reference: str | None
    status: str
    version: int
    mode: str

    def view(self) -> dict[str, object]:
        """The members that a `TransferView` must show."""
        return {
            "transfer_id": self.transfer_id,
            "source_wallet_id": self.source_wallet_id,
            "destination_wallet_id": self.destination_wallet_id,
            "amount": self.amount,
            "currency": self.currency,
            "status": self.status,
            "reference": self.reference,
            "version": self.version,
        }


@dataclass(slots=True)
class Operation:
    """A saga that is under way on a payment."""

    operation_id: str
    kind: str
    amount: int
    expires_at: int = 0
    final: bool = True


@dataclass(slots=True)
class PaymentRow:
    """A payment; `status` is the word on the wire."""

    order: InitiatePayment
    status: str = "initiated"
    authorized: int = 0
    captured: int = 0
    refunded: int = 0
    expires_at: int | None = None
    operation: Operation | None = None
    version: int = 1

    @property
    def held(self) -> int:
        """What is held of an authorised payment (P18)."""
        return self.authorized - self.captured

    def view(self) -> dict[str, object]:
        """The members that a `PaymentView` must show."""
        order = self.order
        return {
            "payment_id": order.payment_id,
            "payer_wallet_id": order.payer_wallet_id,
            "merchant_wallet_id": order.merchant_wallet_id,
            "amount": order.amount,
            "currency": order.currency,
            "method": order.method,
            "capture_method": order.capture_method,
            "status": self.status,
            "authorized_amount": self.authorized,
            "captured_amount": self.captured,
            "refunded_amount": self.refunded,
            "expires_at": self.expires_at,
            "version": self.version,
        }


@dataclass(slots=True)
class CardRow:
    """A card: issued, active, suspended, expired or cancelled."""

    order: IssueMedCard
    status: str = "issued"
    suspended_for: str = ""
    version: int = 1

    @property
    def last_month(self) -> str:
        """The last month in which it is valid, as in ``2026-11`` (D5)."""
        return f"{self.order.exp_year:04}-{self.order.exp_month:02}"

    def view(self) -> dict[str, object]:
        """The members that a `MedCardView` must show."""
        order = self.order
        return {
            "card_id": order.card_id,
            "wallet_id": order.wallet_id,
            "card_token": order.card_token,
            "last4": order.last4,
            "exp_month": order.exp_month,
            "exp_year": order.exp_year,
            "form": order.form,
            "status": self.status,
            "version": self.version,
        }


@dataclass(slots=True)
class Rows:
    """All that the model knows, and what it is asked with."""

    policy: LimitPolicy
    now: int = 0
    today: BusinessDay = field(
        default_factory=lambda: BusinessDay(
            date="",
            starts_at=0,
            ends_at=0,
            week_ends_at=0,
            month_ends_at=0,
            year_ends_at=0,
        )
    )
    wallets: dict[str, WalletRow] = field(default_factory=dict)
    transfers: dict[str, TransferRow] = field(default_factory=dict)
    payments: dict[str, PaymentRow] = field(default_factory=dict)
    cards: dict[str, CardRow] = field(default_factory=dict)
