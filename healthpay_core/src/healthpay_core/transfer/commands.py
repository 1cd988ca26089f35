"""The order to move money between wallets."""

from __future__ import annotations

from dataclasses import dataclass


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
