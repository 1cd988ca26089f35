"""The orders that a card takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from healthpay_core.medcard.events import (
    HEALTH_CARE_ONLY,
    CardActivationMethod,
    CardCancellationReason,
    CardControls,
    CardForm,
    CardSuspensionReason,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueMedCard:
    """Put a card on an active wallet; it starts inactive (D1).

    `card_token` is opaque, `last4` four digits, `exp_month` 1 to 12,
    `exp_year` 2000 to 2099. No number, no CVV, no PIN (D2).
    Refused with `ValidationFailed` (also for both category lists, D7),
    `MedCardAlreadyExists`, `WalletNotFound`, `WalletNotActive`,
    `WalletClosed`, `CardExpired`.
    """

    card_id: str
    wallet_id: str
    card_token: str
    last4: str
    exp_month: int
    exp_year: int
    form: CardForm
    controls: CardControls = HEALTH_CARE_ONLY
    replaces_card_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivateMedCard:
    """Let a card be used, or resume a suspended one (D3, D4).

    Refused with `MedCardNotFound`, `CardExpired`, `CardNotResumable` for lost
    and stolen cards, `InvalidStateTransition` when active or cancelled.
    """

    card_id: str
    method: CardActivationMethod = "app"


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspendMedCard:
    """Stop an active card (D4).

    Refused with `MedCardNotFound`, `CardExpired`, `InvalidStateTransition`
    unless active.
    """

    card_id: str
    reason_code: CardSuspensionReason


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelMedCard:
    """End a card for good.

    Refused with `MedCardNotFound`, `InvalidStateTransition` when it has ended.
    """

    card_id: str
    reason: CardCancellationReason


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireMedCard:
    """Note that a card's month is over: the sweep's command (D5).

    Refused with `MedCardNotFound`, `InvalidStateTransition` when it has ended
    or its month is not over.
    """

    card_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmMedCard:
    """Ask whether a card may be used: internal, changes nothing (D6).

    Whether it is on the wallet is always asked; with `in_use` whether it is
    active, and with `merchant_category` whether it is for that, too.
    Refused with `MedCardNotFound` (also when it is another wallet's),
    `CardNotActive`, `CardExpired`, `MerchantCategoryNotAllowed`.
    """

    card_id: str
    wallet_id: str
    in_use: bool = False
    merchant_category: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordIssue:
    """Write a card whose wallet has been confirmed: internal, a saga's step (D1).

    Refused with `ValidationFailed`, `MedCardAlreadyExists`, `CardExpired`.
    """

    card_id: str
    order: IssueMedCard


MedCardCommand: TypeAlias = (
    IssueMedCard
    | ActivateMedCard
    | SuspendMedCard
    | CancelMedCard
    | ExpireMedCard
    | ConfirmMedCard
    | RecordIssue
)
