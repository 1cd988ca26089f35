"""The orders that a wallet takes. Amounts are minor units of `currency`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from healthpay_core.medcard.events import CardLimits
from healthpay_core.policy import KycLevel, WalletType
from healthpay_core.refusals import Party
from healthpay_core.wallet.events import (
    CreditReason,
    DebitReason,
    HoldPurpose,
    Related,
    ReleaseReason,
    SuspensionReason,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateWallet:
    """Open a wallet, pending and empty (W1).

    Refused with `UnsupportedCurrency` (M2) and `WalletAlreadyExists` (W2).
    `owner_id` is opaque: no name, no number of a person (A5).
    """

    wallet_id: str
    owner_id: str
    wallet_type: WalletType
    currency: str
    kyc_level: KycLevel


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivateWallet:
    """Let a pending wallet move money, or resume a suspended one (W4).

    Refused with `WalletNotFound`, `InvalidStateTransition` when it is active,
    `WalletClosed`, `KycLevelInsufficient` below basic.
    """

    wallet_id: str
    reason_code: str | None = None
    kyc_check_ref: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspendWallet:
    """Stop new obligations of an active wallet (W5).

    Refused with `WalletNotFound`, `InvalidStateTransition` unless it is
    active, `WalletClosed`.
    """

    wallet_id: str
    reason_code: SuspensionReason
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseWallet:
    """End an empty wallet, or move the rest to `sweep_to` and end it (W6, W7).

    The sweep is a transfer like any other: both wallets active, limits apply.
    Refused with `WalletNotFound`, `WalletClosed`, `WalletHasOpenHolds`,
    `WalletHasBalance` without `sweep_to`, and the refusals of a transfer.
    """

    wallet_id: str
    reason_code: str | None = None
    sweep_to: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeWalletKycLevel:
    """Give the wallet another level from the next command on (K9).

    Refused with `WalletNotFound`, `WalletClosed`, `InvalidStateTransition`
    when it has this level already.
    """

    wallet_id: str
    kyc_level: KycLevel
    evidence_ref: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditWallet:
    """Bring money in from an external counter-account (C1, C6).

    `reason` refund needs a `reference` (C2). Refused with `ValidationFailed`,
    the amount's refusals (M5, M6), `ReasonNotAllowed` for transfer_in,
    `WalletNotFound`, `WalletNotActive`, `WalletClosed`, `CurrencyMismatch`,
    `KycLevelInsufficient`, `LimitExceeded` (max_balance, K6),
    `AmountOverflow`, `DuplicateReference` (C7).
    """

    wallet_id: str
    amount: int
    currency: str
    reason: CreditReason
    reference: str | None = None
    counter_account: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DebitWallet:
    """Take money out to an external counter-account (C1, C3, C6).

    `reason` payment needs a `reference` (C2). Refused with `ValidationFailed`,
    the amount's refusals (M5, M6), `ReasonNotAllowed` for transfer_out,
    `WalletNotFound`, `WalletNotActive`, `WalletClosed`, `CurrencyMismatch`,
    `KycLevelInsufficient`, `LimitExceeded` (K3), `InsufficientFunds` (C3),
    `DuplicateReference` (C7).
    """

    wallet_id: str
    amount: int
    currency: str
    reason: DebitReason
    reference: str | None = None
    counter_account: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceHold:
    """Set money aside: internal to the processes, never public.

    Counts as outflow when placed (K3). `expires_at` is microseconds since 1970.
    Refused like a debit, of the party that is named (T3), where a source that is
    not there is `SourceWalletNotFound`; `InvalidStateTransition` while a hold of
    this id is open.
    With the purpose refund it is what was owed before: also while suspended
    (W5), no limit applies (K7), but funds do (P14).
    """

    wallet_id: str
    hold_id: str
    amount: int
    currency: str
    purpose: HoldPurpose
    expires_at: int
    related: Related | None = None
    card_id: str | None = None
    card_limits: CardLimits | None = None
    party: Party | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseHold:
    """Give back what is still held: internal; also while suspended (W5).

    Refused with `PaymentNotAuthorized` when no such hold is open.
    """

    wallet_id: str
    hold_id: str
    reason: ReleaseReason


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureHold:
    """Debit out of a hold: internal; also while suspended (W5), no limit (K5).

    Refused with `PaymentNotAuthorized` when no such hold is open or it holds
    less than `amount` (P16).
    """

    wallet_id: str
    hold_id: str
    amount: int
    currency: str
    reason: DebitReason
    counter_account: str
    reference: str | None = None
    related: Related | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveTransfer:
    """Take in a transfer's money: internal, a step of its saga (T5).

    `not_after` is the transfer's end, microseconds since 1970: later it is
    refused for good, so that a time-out happens once (T7).
    Refused with `TransferTimedOut`, `DestinationWalletNotFound`, and with the
    party destination `WalletNotActive`, `WalletClosed`, `CurrencyMismatch`,
    `KycLevelInsufficient`, `LimitExceeded`; `AmountOverflow`,
    `DuplicateReference` (C7).
    """

    wallet_id: str
    transfer_id: str
    source_wallet_id: str
    amount: int
    currency: str
    not_after: int
    reference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleCredit:
    """Bring in money that was owed before: internal; also while suspended (W5).

    No limit applies (K7). A `fee` is taken out again at once, 1 to the amount
    (P10), else `InvalidAmount` or `ValidationFailed`. Refused with
    `WalletNotFound`, `WalletNotActive` while pending, `WalletClosed`,
    `CurrencyMismatch`, `AmountOverflow`, `InvalidStateTransition` while it is
    being closed (W7).
    """

    wallet_id: str
    amount: int
    currency: str
    reason: CreditReason
    counter_account: str
    reference: str | None = None
    related: Related | None = None
    party: Party | None = None
    fee: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleDebit:
    """Take out money that was owed before: internal; also while suspended (W5).

    No limit applies (K7), but funds do (P14). Refused with `WalletNotFound`,
    `WalletNotActive` while pending, `WalletClosed`, `CurrencyMismatch`,
    `InsufficientFunds`.
    """

    wallet_id: str
    amount: int
    currency: str
    reason: DebitReason
    counter_account: str
    reference: str | None = None
    related: Related | None = None
    party: Party | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmWallet:
    """Ask whether a wallet may take part: internal, changes nothing.

    Refused of the party with `WalletNotFound`, `WalletNotActive`, `WalletClosed`,
    `CurrencyMismatch`; with `PayeeNotMerchant` where a merchant is wanted (W10).
    """

    wallet_id: str
    currency: str | None
    party: Party | None = None
    merchant: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginSweep:
    """Set the whole balance aside so as to close: internal, a saga's step (W7).

    An empty wallet is closed at once. Until the hold is gone no money comes in.
    Refused with `WalletNotFound`, `WalletHasOpenHolds`, and with the party source
    `WalletNotActive`, `WalletClosed`, `KycLevelInsufficient`, `LimitExceeded`.
    """

    wallet_id: str
    transfer_id: str
    reason_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndSweep:
    """Book what was set aside and close, in one append: internal (W7).

    Refused with `PaymentNotAuthorized` when nothing is set aside.
    """

    wallet_id: str
    transfer_id: str
    sweep_to: str
    reason_code: str | None = None


Obligation: TypeAlias = (
    PlaceHold
    | ReleaseHold
    | CaptureHold
    | ReceiveTransfer
    | SettleCredit
    | SettleDebit
    | ConfirmWallet
    | BeginSweep
    | EndSweep
)
"""What only the processes order, never the public."""

WalletCommand: TypeAlias = (
    DebitWallet
    | CreditWallet
    | CreateWallet
    | ActivateWallet
    | SuspendWallet
    | CloseWallet
    | ChangeWalletKycLevel
    | PlaceHold
    | ReleaseHold
    | CaptureHold
    | ReceiveTransfer
    | SettleCredit
    | SettleDebit
    | ConfirmWallet
    | BeginSweep
    | EndSweep
)
