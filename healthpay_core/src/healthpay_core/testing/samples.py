"""One of everything that a store must keep, with members present and absent."""

from __future__ import annotations

from typing import Final

from healthpay_core.events import Event
from healthpay_core.ids import event_id
from healthpay_core.money import MAX_AMOUNT
from healthpay_core.outcome import Committed, Decided, EventRef, Rejected
from healthpay_core.policy import PolicyRef
from healthpay_core.refusals import (
    AuthorizationExpired,
    CardExpired,
    CardLimitExceeded,
    CurrencyMismatch,
    InsufficientFunds,
    LimitExceeded,
    NotDone,
    SelfTransferNotAllowed,
    WalletNotActive,
)
from healthpay_core.testing.builders import (
    NOW,
    card_id,
    command_id,
    payment_id,
    transfer_id,
    wallet_id,
)
from healthpay_core.testing.payment_samples import MEDCARD_EVENTS, PAYMENT_EVENTS
from healthpay_core.transfer.events import (
    TransferCompleted,
    TransferFailed,
    TransferInitiated,
)
from healthpay_core.views import (
    MedCardView,
    PaymentView,
    Resource,
    TransferView,
    WalletView,
)
from healthpay_core.wallet.card_usage import CardUsage
from healthpay_core.wallet.events import (
    LimitUsage,
    Related,
    WalletActivated,
    WalletClosed,
    WalletCreated,
    WalletCredited,
    WalletDebited,
    WalletHoldPlaced,
    WalletHoldReleased,
    WalletKycLevelChanged,
    WalletSuspended,
)

__all__ = [
    "EVENTS",
    "MEDCARD_EVENTS",
    "ODD_TEXTS",
    "PAYMENT_EVENTS",
    "REFUSALS",
    "RESOURCES",
    "TRANSFER_EVENTS",
    "outcomes",
]

ODD_TEXTS: Final = (
    "",
    " ",
    "NUL \x00 inside",
    "line\r\nend\tand \x1b[31mescape",
    "'; DROP TABLE events; --",
    '"quoted" \\ back',
    "<script>alert(1)</script>",
    "محفظة أحمد",
    "👩🏽‍⚕️ \u200f\u202e mixed \ufeff",
    "é is not e\u0301",
    "x" * 10_000,
)
"""Texts that have broken stores; each must come back as it went in."""

_POLICY: Final = PolicyRef(id="EG-2023-11", version=3)
_USAGE: Final = LimitUsage(
    date="2026-03-02", day=MAX_AMOUNT, month=MAX_AMOUNT, day_count=1, month_count=2
)
_CARD_USAGE: Final = CardUsage(
    date="2026-03-02", day=5, week=6, month=7, year=8, all_time=MAX_AMOUNT
)
_WALLET: Final = wallet_id("sample")
_OTHER: Final = wallet_id("other sample")

EVENTS: Final[tuple[Event, ...]] = (
    WalletCreated(
        owner_id="owner-1",
        wallet_type="merchant",
        currency="BHD",
        kyc_level="unverified",
        limit_policy=_POLICY,
    ),
    WalletActivated(from_status="pending", reason_code="activated"),
    WalletActivated(
        from_status="suspended", reason_code="resumed", kyc_check_ref="check-1"
    ),
    WalletSuspended(reason_code="court_order"),
    WalletSuspended(reason_code="fraud", note="note"),
    WalletClosed(reason_code="closed", final_balance=0),
    WalletClosed(reason_code="closed", final_balance=0, swept_to=_OTHER),
    WalletCredited(
        amount=1,
        currency="EGP",
        reason="cashback",
        balance_after=1,
        held_after=0,
        counter_account="external:cashback",
    ),
    WalletCredited(
        amount=MAX_AMOUNT,
        currency="EGP",
        reason="transfer_in",
        balance_after=MAX_AMOUNT,
        held_after=MAX_AMOUNT,
        counter_account="wallet:" + _OTHER,
        reference="ref",
        reference_claimed=True,
        related=Related(transfer_id=transfer_id("sample")),
        limit_policy=_POLICY,
    ),
    WalletDebited(
        amount=1,
        currency="EGP",
        reason="fee",
        balance_after=0,
        held_after=0,
        counter_account="external:fee",
    ),
    WalletDebited(
        amount=MAX_AMOUNT,
        currency="EGP",
        reason="payment",
        balance_after=0,
        held_after=0,
        counter_account="external:payment",
        reference="ref",
        reference_claimed=True,
        related=Related(payment_id=transfer_id("payment")),
        hold_id="hold-1",
        limit_usage=_USAGE,
        limit_policy=_POLICY,
    ),
    WalletHoldPlaced(
        hold_id="hold-1",
        amount=5,
        currency="EGP",
        purpose="payment",
        expires_at=NOW,
        balance_after=5,
        held_after=5,
        limit_usage=_USAGE,
        limit_policy=_POLICY,
    ),
    WalletHoldPlaced(
        hold_id="hold-2",
        amount=5,
        currency="EGP",
        purpose="payment",
        expires_at=NOW,
        balance_after=5,
        held_after=5,
        limit_usage=_USAGE,
        limit_policy=_POLICY,
        related=Related(payment_id=payment_id("sample")),
        card_id=card_id("sample"),
        card_usage=_CARD_USAGE,
    ),
    WalletHoldReleased(
        hold_id="hold-1",
        amount=5,
        currency="EGP",
        reason="voided",
        balance_after=5,
        held_after=0,
    ),
    WalletKycLevelChanged(
        from_level="basic", to_level="full", limit_policy=_POLICY, evidence_ref="e-1"
    ),
)
"""Every event of a wallet, with optional members and without."""

TRANSFER_EVENTS: Final[tuple[Event, ...]] = (
    TransferInitiated(
        source_wallet_id=_WALLET,
        destination_wallet_id=_OTHER,
        amount=5,
        currency="EGP",
        mode="atomic",
    ),
    TransferInitiated(
        source_wallet_id=_WALLET,
        destination_wallet_id=_OTHER,
        amount=5,
        currency="EGP",
        mode="saga",
        reference="ref",
        expires_at=NOW,
        reverses_transfer_id=transfer_id("earlier"),
    ),
    TransferCompleted(
        source_event_id=command_id("a"),
        destination_event_id=command_id("b"),
        completed_at=NOW,
    ),
    TransferFailed(
        stage="timeout", failure_code="TRANSFER_TIMEOUT", hold_released=True
    ),
    TransferFailed(
        stage="credit",
        failure_code="WALLET_CLOSED",
        hold_released=False,
        party="destination",
    ),
)
"""Every event of a transfer, with optional members and without."""

RESOURCES: Final[tuple[Resource, ...]] = (
    WalletView(
        wallet_id=_WALLET,
        owner_id="owner-1",
        wallet_type="business",
        currency="EGP",
        kyc_level="basic",
        status="suspended",
        balance=MAX_AMOUNT,
        held=1,
        version=7,
    ),
    TransferView(
        transfer_id=transfer_id("sample"),
        source_wallet_id=_WALLET,
        destination_wallet_id=_OTHER,
        amount=5,
        currency="EGP",
        status="completed",
        reference=None,
        version=2,
    ),
    PaymentView(
        payment_id=payment_id("sample"),
        payer_wallet_id=_WALLET,
        merchant_wallet_id=_OTHER,
        amount=5,
        currency="EGP",
        method="medcard",
        capture_method="manual",
        status="authorized",
        authorized_amount=5,
        captured_amount=2,
        refunded_amount=1,
        expires_at=NOW,
        version=4,
    ),
    PaymentView(
        payment_id=payment_id("sample"),
        payer_wallet_id=_WALLET,
        merchant_wallet_id=_OTHER,
        amount=5,
        currency="EGP",
        method="wallet",
        capture_method="automatic",
        status="initiated",
        authorized_amount=0,
        captured_amount=0,
        refunded_amount=0,
        expires_at=None,
        version=1,
    ),
    MedCardView(
        card_id=card_id("sample"),
        wallet_id=_WALLET,
        card_token="token-1",  # noqa: S106 (opaque, and of no card)
        last4="4242",
        exp_month=12,
        exp_year=2027,
        form="virtual",
        status="issued",
        version=1,
    ),
)
"""Every kind of resource, with what may be absent and without."""

REFUSALS: Final[tuple[NotDone, ...]] = (
    SelfTransferNotAllowed(),
    WalletNotActive(current_status="pending"),
    CurrencyMismatch(
        expected_currency="EGP", requested_currency="USD", party="destination"
    ),
    InsufficientFunds(requested_amount=MAX_AMOUNT, available_amount=0, currency="EGP"),
    LimitExceeded(
        limit_name="daily",
        limit_amount=10,
        used_amount=9,
        requested_amount=2,
        resets_at=NOW,
        party="source",
    ),
    AuthorizationExpired(expired_at=NOW),
    CardExpired(),
    CardLimitExceeded(
        limit_name="all_time", limit_amount=10, used_amount=9, requested_amount=2
    ),
)
"""Refusals of every shape that is stored (I6)."""


def outcomes() -> dict[str, Decided]:
    """Outcomes of every shape, by the name of their command."""
    committed: dict[str, Decided] = {
        f"committed {number}": Committed(
            command_id=command_id(f"committed {number}"),
            correlation_id=command_id(f"correlation of committed {number}"),
            resource=resource,
            events=tuple(
                EventRef(
                    event_id=event_id(
                        _WALLET, command_id(f"committed {number}"), index
                    ),
                    event_type="wallet.credited",
                    aggregate_id=_WALLET,
                    sequence=7 + index,
                )
                for index in range(number + 1)
            ),
        )
        for number, resource in enumerate(RESOURCES)
    }
    return committed | {
        f"rejected {number}": Rejected(
            command_id=command_id(f"rejected {number}"),
            correlation_id=command_id(f"correlation of rejected {number}"),
            error=error,
        )
        for number, error in enumerate(REFUSALS)
    }
