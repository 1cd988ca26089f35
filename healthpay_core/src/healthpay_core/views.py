"""What callers see of an aggregate: the resource of an answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from healthpay_core.making import maker
from healthpay_core.medcard.events import CardForm
from healthpay_core.medcard.state import MedCardState, card_status_of
from healthpay_core.payment.events import CaptureMethod, PaymentMethod
from healthpay_core.payment.state import (
    AuthorizedPayment,
    InitiatedPayment,
    PaymentState,
    SettledPayment,
    payment_status_of,
)
from healthpay_core.policy import KycLevel, WalletType
from healthpay_core.transfer.state import TransferState, transfer_status_of
from healthpay_core.wallet.state import OpenWallet, WalletState, status_of


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletView:
    """A wallet at a version; amounts in minor units, available = balance - held."""

    wallet_id: str
    owner_id: str
    wallet_type: WalletType
    currency: str
    kyc_level: KycLevel
    status: str
    balance: int
    held: int
    version: int

    @property
    def id(self) -> str:
        """The id, whatever the kind of resource."""
        return self.wallet_id

    @property
    def available(self) -> int:
        """What can be spent."""
        return self.balance - self.held


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferView:
    """A transfer at a version; the amount in minor units."""

    transfer_id: str
    source_wallet_id: str
    destination_wallet_id: str
    amount: int
    currency: str
    status: str
    reference: str | None
    version: int

    @property
    def id(self) -> str:
        """The id, whatever the kind of resource."""
        return self.transfer_id


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentView:
    """A payment at a version; amounts in minor units, times in microseconds."""

    payment_id: str
    payer_wallet_id: str
    merchant_wallet_id: str
    amount: int
    currency: str
    method: PaymentMethod
    capture_method: CaptureMethod
    status: str
    authorized_amount: int
    captured_amount: int
    refunded_amount: int
    expires_at: int | None
    version: int

    @property
    def id(self) -> str:
        """The id, whatever the kind of resource."""
        return self.payment_id


@dataclass(frozen=True, slots=True, kw_only=True)
class MedCardView:
    """A card at a version; never its number."""

    card_id: str
    wallet_id: str
    card_token: str
    last4: str
    exp_month: int
    exp_year: int
    form: CardForm
    status: str
    version: int

    @property
    def id(self) -> str:
        """The id, whatever the kind of resource."""
        return self.card_id


Resource: TypeAlias = WalletView | TransferView | PaymentView | MedCardView

_make_wallet_view = maker(WalletView)
_make_transfer_view = maker(TransferView)
_make_payment_view = maker(PaymentView)
_make_medcard_view = maker(MedCardView)


def wallet_view(wallet_id: str, state: WalletState, version: int) -> WalletView:
    """The view of a wallet's state."""
    profile = state.profile
    balance, held = (
        (state.balance, state.held) if isinstance(state, OpenWallet) else (0, 0)
    )
    return _make_wallet_view(
        wallet_id=wallet_id,
        owner_id=profile.owner_id,
        wallet_type=profile.wallet_type,
        currency=profile.currency,
        kyc_level=profile.kyc_level,
        status=status_of(state),
        balance=balance,
        held=held,
        version=version,
    )


def transfer_view(transfer_id: str, state: TransferState, version: int) -> TransferView:
    """The view of a transfer's state."""
    order = state.order
    return _make_transfer_view(
        transfer_id=transfer_id,
        source_wallet_id=order.source_wallet_id,
        destination_wallet_id=order.destination_wallet_id,
        amount=order.amount,
        currency=order.currency,
        status=transfer_status_of(state),
        reference=order.reference,
        version=version,
    )


def payment_view(payment_id: str, state: PaymentState, version: int) -> PaymentView:
    """The view of a payment's state."""
    order = state.order
    authorization = None
    if not isinstance(state, InitiatedPayment):
        authorization = state.authorization
    captured, refunded = 0, 0
    if isinstance(state, (AuthorizedPayment, SettledPayment)):
        captured, refunded = state.captured, state.refunded
    return _make_payment_view(
        payment_id=payment_id,
        payer_wallet_id=order.payer_wallet_id,
        merchant_wallet_id=order.merchant_wallet_id,
        amount=order.amount,
        currency=order.currency,
        method=order.method,
        capture_method=order.capture_method,
        status=payment_status_of(state),
        authorized_amount=authorization.amount if authorization else 0,
        captured_amount=captured,
        refunded_amount=refunded,
        expires_at=authorization.expires_at if authorization else None,
        version=version,
    )


def medcard_view(card_id: str, state: MedCardState, version: int) -> MedCardView:
    """The view of a card's state."""
    card = state.card
    return _make_medcard_view(
        card_id=card_id,
        wallet_id=card.wallet_id,
        card_token=card.card_token,
        last4=card.last4,
        exp_month=card.exp_month,
        exp_year=card.exp_year,
        form=card.form,
        status=card_status_of(state),
        version=version,
    )
