"""The facts of a wallet. Amounts are minor units of `currency`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from healthpay_core.policy import KycLevel, PolicyRef, WalletType
from healthpay_core.wallet.card_usage import CardUsage

CreditReason: TypeAlias = Literal[
    "deposit", "refund", "transfer_in", "cashback", "reversal", "adjustment"
]
DebitReason: TypeAlias = Literal[
    "payment", "withdrawal", "transfer_out", "fee", "reversal", "adjustment"
]
SuspensionReason: TypeAlias = Literal[
    "fraud", "compliance", "user_request", "court_order", "other"
]
HoldPurpose: TypeAlias = Literal["payment", "transfer", "refund"]
ReleaseReason: TypeAlias = Literal["captured_remainder", "voided", "expired", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitUsage:
    """Gross outflow counted in a business day and its month (K3).

    Attributes:
        date: ISO date of the day; the month is the date's.
        day, month: Minor units.
        day_count, month_count: Numbers of outflows.
    """

    date: str
    day: int
    month: int
    day_count: int
    month_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Related:
    """What a movement belongs to; one member is set."""

    transfer_id: str | None = None
    payment_id: str | None = None
    reverses_event_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletCreated:
    """A wallet exists, pending, with nothing in it (W1, W3)."""

    owner_id: str
    wallet_type: WalletType
    currency: str
    kyc_level: KycLevel
    limit_policy: PolicyRef


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletActivated:
    """The wallet may move money; from suspended, it was resumed (W4)."""

    from_status: Literal["pending", "suspended"]
    reason_code: str
    kyc_check_ref: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletSuspended:
    """New obligations stop, old ones settle (W5)."""

    reason_code: SuspensionReason
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletClosed:
    """The end; `swept_to` names the wallet that got the rest (W6, W7)."""

    reason_code: str
    final_balance: int
    swept_to: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletCredited:
    """Money came in, from `counter_account` (C6)."""

    amount: int
    currency: str
    reason: CreditReason
    balance_after: int
    held_after: int
    counter_account: str
    reference: str | None = None
    reference_claimed: bool | None = None
    related: Related | None = None
    limit_policy: PolicyRef | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletDebited:
    """Money went out, to `counter_account`; with `hold_id`, out of that hold."""

    amount: int
    currency: str
    reason: DebitReason
    balance_after: int
    held_after: int
    counter_account: str
    reference: str | None = None
    reference_claimed: bool | None = None
    related: Related | None = None
    hold_id: str | None = None
    limit_usage: LimitUsage | None = None
    limit_policy: PolicyRef | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletHoldPlaced:
    """Money is set aside: balance stays, available shrinks.

    `expires_at` is microseconds since 1970 UTC. With `card_id` the hold counts
    towards that card's limits, and `card_usage` is what it has spent then (D8).
    With the purpose refund it counts towards no limit (K7), and `limit_usage` is
    what was counted before.
    """

    hold_id: str
    amount: int
    currency: str
    purpose: HoldPurpose
    expires_at: int
    balance_after: int
    held_after: int
    limit_usage: LimitUsage
    limit_policy: PolicyRef
    related: Related | None = None
    card_id: str | None = None
    card_usage: CardUsage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletHoldReleased:
    """What was still held of a hold is available again."""

    hold_id: str
    amount: int
    currency: str
    reason: ReleaseReason
    balance_after: int
    held_after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletKycLevelChanged:
    """From the next command on, other limits hold (K9)."""

    from_level: KycLevel
    to_level: KycLevel
    limit_policy: PolicyRef
    evidence_ref: str | None = None


WalletEvent: TypeAlias = (
    WalletCredited
    | WalletDebited
    | WalletHoldPlaced
    | WalletHoldReleased
    | WalletCreated
    | WalletActivated
    | WalletSuspended
    | WalletClosed
    | WalletKycLevelChanged
)
