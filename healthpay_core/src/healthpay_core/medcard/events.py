"""The facts of a card: a token and four digits, never its number (D2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

CardForm: TypeAlias = Literal["virtual", "physical"]
CardSuspensionReason: TypeAlias = Literal[
    "lost", "stolen", "fraud_suspected", "user_request", "admin"
]
CardCancellationReason: TypeAlias = Literal[
    "lost", "stolen", "damaged", "fraud", "user_request", "admin"
]
CardActivationMethod: TypeAlias = Literal["app", "pin", "biometric", "operator"]
MerchantCategory: TypeAlias = Literal[
    "pharmacies",
    "doctors",
    "dentists",
    "hospitals",
    "laboratories",
    "opticians",
    "ambulance",
    "medical_equipment",
    "clinics",
    "nursing",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class CardLimits:
    """What a card may spend; minor units, None is unlimited (D8)."""

    per_authorization: int | None = None
    daily: int | None = None
    weekly: int | None = None
    monthly: int | None = None
    yearly: int | None = None
    all_time: int | None = None


NO_CARD_LIMITS: Final = CardLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class CardControls:
    """Where a card may be used, and for how much (D7, D8).

    At most one list is given: only these categories, or health care without
    those. With neither, all of health care is allowed.
    """

    allowed_categories: tuple[str, ...] | None = None
    blocked_categories: tuple[str, ...] | None = None
    limits: CardLimits = NO_CARD_LIMITS


HEALTH_CARE_ONLY: Final = CardControls()
"""All of health care, without limits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MedCardIssued:
    """A card exists on a wallet, not yet active (D1)."""

    wallet_id: str
    card_token: str
    last4: str
    exp_month: int
    exp_year: int
    form: CardForm
    controls: CardControls
    replaces_card_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MedCardActivated:
    """The card may be used; from suspended, it was resumed (D3, D4)."""

    from_status: Literal["issued", "suspended"]
    method: CardActivationMethod


@dataclass(frozen=True, slots=True, kw_only=True)
class MedCardSuspended:
    """The card may not be used for now (D4)."""

    reason_code: CardSuspensionReason
    resumable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MedCardExpired:
    """The card's month is over; final (D5). `expired_on` is an ISO date."""

    expired_on: str
    trigger: Literal["sweep", "use"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MedCardCancelled:
    """The card is gone for good; final."""

    reason: CardCancellationReason


MedCardEvent: TypeAlias = (
    MedCardIssued
    | MedCardActivated
    | MedCardSuspended
    | MedCardExpired
    | MedCardCancelled
)
