"""One of every event of payments and cards, as `samples` has of the others."""

from __future__ import annotations

from typing import Final

from healthpay_core.events import Event
from healthpay_core.medcard.events import (
    HEALTH_CARE_ONLY,
    CardControls,
    CardLimits,
    MedCardActivated,
    MedCardCancelled,
    MedCardExpired,
    MedCardIssued,
    MedCardSuspended,
)
from healthpay_core.money import MAX_AMOUNT
from healthpay_core.payment.events import (
    EligibleAmounts,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentFailed,
    PaymentInitiated,
    PaymentRefunded,
    PaymentVoided,
)
from healthpay_core.testing.builders import (
    NOW,
    card_id,
    command_id,
    wallet_id,
)

_WALLET: Final = wallet_id("sample")
_OTHER: Final = wallet_id("other sample")

PAYMENT_EVENTS: Final[tuple[Event, ...]] = (
    PaymentInitiated(
        payer_wallet_id=_WALLET,
        merchant_wallet_id=_OTHER,
        amount=5,
        currency="EGP",
        method="wallet",
        capture_method="automatic",
    ),
    PaymentInitiated(
        payer_wallet_id=_WALLET,
        merchant_wallet_id=_OTHER,
        amount=MAX_AMOUNT,
        currency="EGP",
        method="medcard",
        capture_method="manual",
        card_id=card_id("sample"),
        merchant_category="pharmacies",
        eligible_amounts=EligibleAmounts(
            clinic=1, dental=2, prescription=3, vision=4, total_healthcare=10
        ),
        partial_approval=True,
        reference="ref",
    ),
    PaymentAuthorized(
        hold_id="hold-1",
        amount=5,
        currency="EGP",
        expires_at=NOW,
        authorization_code="A1B2C3D4",
    ),
    PaymentCaptured(
        capture_id=command_id("capture"),
        amount=5,
        currency="EGP",
        captured_total=5,
        final=True,
        released=0,
    ),
    PaymentCaptured(
        capture_id=command_id("capture"),
        amount=5,
        currency="EGP",
        captured_total=6,
        final=False,
        released=0,
        fee=1,
    ),
    PaymentVoided(reason="expired", released=5, currency="EGP"),
    PaymentFailed(stage="authorize", failure_code="declined"),
    PaymentFailed(stage="capture", failure_code="declined", decline_reason="closed"),
    PaymentRefunded(
        refund_id=command_id("refund"),
        amount=5,
        currency="EGP",
        refunded_total=5,
        reason_code="requested",
        full=True,
    ),
)
"""Every event of a payment, with optional members and without."""

MEDCARD_EVENTS: Final[tuple[Event, ...]] = (
    MedCardIssued(
        wallet_id=_WALLET,
        card_token="token-1",  # noqa: S106 (opaque, and of no card)
        last4="4242",
        exp_month=12,
        exp_year=2027,
        form="virtual",
        controls=HEALTH_CARE_ONLY,
    ),
    MedCardIssued(
        wallet_id=_WALLET,
        card_token="token-2",  # noqa: S106 (opaque, and of no card)
        last4="0000",
        exp_month=1,
        exp_year=2099,
        form="physical",
        controls=CardControls(
            allowed_categories=("pharmacies", "doctors"),
            limits=CardLimits(
                per_authorization=1,
                daily=2,
                weekly=3,
                monthly=4,
                yearly=5,
                all_time=MAX_AMOUNT,
            ),
        ),
        replaces_card_id=card_id("sample"),
    ),
    MedCardActivated(from_status="issued", method="pin"),
    MedCardSuspended(reason_code="lost", resumable=False),
    MedCardExpired(expired_on="2028-01-01", trigger="sweep"),
    MedCardCancelled(reason="damaged"),
)
"""Every event of a card, with optional members and without."""
