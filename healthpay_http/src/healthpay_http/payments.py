"""The bodies of payments and cards, and the order each stands for."""

from __future__ import annotations

from typing import ClassVar, Literal

import attrs
from attrs import field

from healthpay_core import (
    ActivateMedCard,
    AuthorizePayment,
    CancelMedCard,
    CapturePayment,
    CardControls,
    CardLimits,
    FailPayment,
    InitiatePayment,
    IssueMedCard,
    RefundPayment,
    SuspendMedCard,
    VoidPayment,
    derive_id,
)
from healthpay_core.medcard.events import (
    CardActivationMethod,
    CardCancellationReason,
    CardForm,
    CardSuspensionReason,
)
from healthpay_core.payment.events import CaptureMethod, PaymentMethod
from healthpay_http.checks import (
    CurrencyCode,
    FourDigits,
    Id,
    MinorUnits,
    Schema,
    Text,
    Texts,
    Whole,
    required_when,
)

_ID = Id()
_CURRENCY = CurrencyCode()
_AMOUNT = MinorUnits()
_CATEGORY = Text(64)
_CATEGORIES = Texts(64, most=50)
_REASON_CODE = Text(128)
_REFERENCE = Text(255)
_TOKEN = Text(128)
_LAST4 = FourDigits()
_LIMIT = Whole(0, 2**53 - 1)
_MONTH = Whole(1, 12)
_YEAR = Whole(2000, 2099)
_SECONDS = Whole(1, 30 * 86_400)


@attrs.frozen(kw_only=True)
class InitiatePaymentBody:
    """Agrees on a payment; no money moves (P1).

    A card's payment names the card and the merchant's category (D7).
    """

    constraint: ClassVar[Schema] = {
        **required_when("method", "medcard", "cardId", "merchantCategory"),
        "else": {"properties": {"cardId": {"type": "null"}}},
    }

    payer_wallet_id: str = field(validator=_ID)
    merchant_wallet_id: str = field(validator=_ID)
    amount: int = field(validator=_AMOUNT)
    currency: str = field(validator=_CURRENCY)
    method: PaymentMethod
    payment_id: str | None = field(default=None, validator=_ID)
    capture_method: CaptureMethod = "manual"
    card_id: str | None = field(default=None, validator=_ID)
    merchant_category: str | None = field(default=None, validator=_CATEGORY)
    reference: str | None = field(default=None, validator=_REFERENCE)

    def command(self, path_id: str, command_id: str) -> InitiatePayment:
        return InitiatePayment(
            payment_id=self.payment_id or derive_id(command_id + "/payment"),
            payer_wallet_id=self.payer_wallet_id,
            merchant_wallet_id=self.merchant_wallet_id,
            amount=self.amount,
            currency=self.currency,
            method=self.method,
            capture_method=self.capture_method,
            card_id=self.card_id,
            merchant_category=self.merchant_category,
            reference=self.reference,
        )


@attrs.frozen(kw_only=True)
class AuthorizePaymentBody:
    """Holds the payer's money, 7 days unless said otherwise (P2)."""

    expires_in_seconds: int | None = field(default=None, validator=_SECONDS)

    def command(self, path_id: str, command_id: str) -> AuthorizePayment:
        return AuthorizePayment(
            payment_id=path_id, expires_in_s=self.expires_in_seconds
        )


@attrs.frozen(kw_only=True)
class CapturePaymentBody:
    """Pays held money to the merchant; all of it without an amount (P4, P5)."""

    amount: int | None = field(default=None, validator=_AMOUNT)
    final: bool = True

    def command(self, path_id: str, command_id: str) -> CapturePayment:
        return CapturePayment(payment_id=path_id, amount=self.amount, final=self.final)


@attrs.frozen(kw_only=True)
class VoidPaymentBody:
    """Gives back what is held (P9)."""

    reason: Literal["merchant", "payer"] = "merchant"

    def command(self, path_id: str, command_id: str) -> VoidPayment:
        return VoidPayment(payment_id=path_id, reason=self.reason)


@attrs.frozen(kw_only=True)
class FailPaymentBody:
    """Ends a payment that cannot go on (P17)."""

    reason_code: str | None = field(default=None, validator=_REASON_CODE)

    def command(self, path_id: str, command_id: str) -> FailPayment:
        return FailPayment(
            payment_id=path_id, reason_code=self.reason_code or "declined"
        )


@attrs.frozen(kw_only=True)
class RefundPaymentBody:
    """Returns captured money; all that is left without an amount (P11)."""

    amount: int | None = field(default=None, validator=_AMOUNT)
    reason_code: str | None = field(default=None, validator=_REASON_CODE)

    def command(self, path_id: str, command_id: str) -> RefundPayment:
        return RefundPayment(
            payment_id=path_id,
            amount=self.amount,
            reason_code=self.reason_code or "requested",
        )


@attrs.frozen(kw_only=True)
class CardLimitsBody:
    """What a card may spend, in minor units (D8)."""

    per_authorization: int | None = field(default=None, validator=_LIMIT)
    daily: int | None = field(default=None, validator=_LIMIT)
    weekly: int | None = field(default=None, validator=_LIMIT)
    monthly: int | None = field(default=None, validator=_LIMIT)
    yearly: int | None = field(default=None, validator=_LIMIT)
    all_time: int | None = field(default=None, validator=_LIMIT)

    def limits(self) -> CardLimits:
        """As the core has them."""
        return CardLimits(
            per_authorization=self.per_authorization,
            daily=self.daily,
            weekly=self.weekly,
            monthly=self.monthly,
            yearly=self.yearly,
            all_time=self.all_time,
        )


@attrs.frozen(kw_only=True)
class CardControlsBody:
    """Where a card may be used, and for how much (D7, D8)."""

    constraint: ClassVar[Schema] = {
        "anyOf": [
            {"properties": {"allowedCategories": {"type": "null"}}},
            {"properties": {"blockedCategories": {"type": "null"}}},
        ]
    }

    allowed_categories: tuple[str, ...] | None = field(
        default=None, validator=_CATEGORIES
    )
    blocked_categories: tuple[str, ...] | None = field(
        default=None, validator=_CATEGORIES
    )
    limits: CardLimitsBody | None = field(
        default=None, metadata={"nested": CardLimitsBody}
    )

    def controls(self) -> CardControls:
        """As the core has them."""
        return CardControls(
            allowed_categories=self.allowed_categories,
            blocked_categories=self.blocked_categories,
            limits=self.limits.limits() if self.limits else CardLimits(),
        )


@attrs.frozen(kw_only=True)
class IssueMedCardBody:
    """Puts a card on an active wallet: a token, never a number (D1, D2)."""

    wallet_id: str = field(validator=_ID)
    card_token: str = field(validator=_TOKEN)
    last4: str = field(validator=_LAST4)
    exp_month: int = field(validator=_MONTH)
    exp_year: int = field(validator=_YEAR)
    form: CardForm
    card_id: str | None = field(default=None, validator=_ID)
    controls: CardControlsBody | None = field(
        default=None, metadata={"nested": CardControlsBody}
    )

    def command(self, path_id: str, command_id: str) -> IssueMedCard:
        return IssueMedCard(
            card_id=self.card_id or derive_id(command_id + "/medcard"),
            wallet_id=self.wallet_id,
            card_token=self.card_token,
            last4=self.last4,
            exp_month=self.exp_month,
            exp_year=self.exp_year,
            form=self.form,
            controls=self.controls.controls() if self.controls else CardControls(),
        )


@attrs.frozen(kw_only=True)
class ActivateMedCardBody:
    """Lets a card be used, or resumes it (D3, D4)."""

    method: CardActivationMethod = "app"

    def command(self, path_id: str, command_id: str) -> ActivateMedCard:
        return ActivateMedCard(card_id=path_id, method=self.method)


@attrs.frozen(kw_only=True)
class SuspendMedCardBody:
    """Stops a card for now (D4)."""

    reason_code: CardSuspensionReason

    def command(self, path_id: str, command_id: str) -> SuspendMedCard:
        return SuspendMedCard(card_id=path_id, reason_code=self.reason_code)


@attrs.frozen(kw_only=True)
class CancelMedCardBody:
    """Ends a card for good."""

    reason: CardCancellationReason

    def command(self, path_id: str, command_id: str) -> CancelMedCard:
        return CancelMedCard(card_id=path_id, reason=self.reason)
