"""The order to move money between wallets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from healthpay_core.refusals import Party
from healthpay_core.transfer.events import TransferStage


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferFunds:
    """Move `amount` minor units from one wallet to another (T1-T8).

    `reverses_transfer_id` names the transfer whose money this one returns (T8).
    Refused with `SelfTransferNotAllowed`, the amount's refusals,
    `TransferAlreadyExists`, `SourceWalletNotFound`,
    `DestinationWalletNotFound`, and with the `party` at fault `WalletNotActive`,
    `WalletClosed`, `CurrencyMismatch`, `KycLevelInsufficient`,
    `LimitExceeded`; `AmountOverflow`, `InsufficientFunds`,
    `DuplicateReference` (C7).
    """

    transfer_id: str
    source_wallet_id: str
    destination_wallet_id: str
    amount: int
    currency: str
    reference: str | None = None
    reverses_transfer_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginTransfer:
    """Note that a transfer is under way: internal, the saga's first step (T5).

    `time_limit_s` is 1 or more seconds, after which no money moves any more.
    Refused with `SelfTransferNotAllowed`, the amount's refusals,
    `TransferAlreadyExists`.
    """

    transfer_id: str
    source_wallet_id: str
    destination_wallet_id: str
    amount: int
    currency: str
    time_limit_s: int = 60
    reference: str | None = None
    reverses_transfer_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteTransfer:
    """Note that both legs are booked: internal, the saga's last step (T7).

    Refused with `TransferNotFound`, `InvalidStateTransition` when it has ended.
    """

    transfer_id: str
    source_event_id: str
    destination_event_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FailTransfer:
    """Note that no leg is booked: internal, the saga's other last step (T7).

    Refused with `TransferNotFound`, `InvalidStateTransition` when it has ended.
    """

    transfer_id: str
    stage: TransferStage
    failure_code: str
    hold_released: bool
    party: Party | None = None


TransferStep: TypeAlias = BeginTransfer | CompleteTransfer | FailTransfer
"""What only the saga orders, on the transfer's own stream."""
