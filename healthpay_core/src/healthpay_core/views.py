"""What callers see of an aggregate: the resource of an answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from healthpay_core.making import maker
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


Resource: TypeAlias = WalletView | TransferView

_make_wallet_view = maker(WalletView)
_make_transfer_view = maker(TransferView)


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
