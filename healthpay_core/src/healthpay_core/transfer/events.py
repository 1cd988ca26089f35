"""The facts of a transfer. Amounts are minor units, times microseconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from healthpay_core.refusals import Party

TransferMode: TypeAlias = Literal["atomic", "saga"]
TransferStage: TypeAlias = Literal["hold", "credit", "capture", "timeout"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferInitiated:
    """Money is to move between two wallets (T1)."""

    source_wallet_id: str
    destination_wallet_id: str
    amount: int
    currency: str
    mode: TransferMode
    reference: str | None = None
    expires_at: int | None = None
    reverses_transfer_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferCompleted:
    """Both legs are booked (T4, T7)."""

    source_event_id: str
    destination_event_id: str
    completed_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferFailed:
    """No leg is booked; what was held is released (T5, T7)."""

    stage: TransferStage
    failure_code: str
    hold_released: bool
    party: Party | None = None


TransferEvent: TypeAlias = TransferInitiated | TransferCompleted | TransferFailed
