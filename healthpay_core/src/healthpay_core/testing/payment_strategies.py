"""Hypothesis strategies of payments and cards; they need the extra ``testing``.

Few wallets, cards, payments and amounts, so that orders meet each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hypothesis import strategies as st

from healthpay_core.domain import Command
from healthpay_core.medcard.commands import (
    ActivateMedCard,
    CancelMedCard,
    ExpireMedCard,
    SuspendMedCard,
)
from healthpay_core.medcard.events import CardControls, CardLimits
from healthpay_core.payment.commands import (
    AuthorizePayment,
    CapturePayment,
    ExpireAuthorization,
    FailPayment,
    InitiatePayment,
    RefundPayment,
    VoidPayment,
)
from healthpay_core.payment.events import EligibleAmounts
from healthpay_core.policy import KycLevel, LimitPolicy, Limits, PolicyRef, WalletType
from healthpay_core.testing.builders import (
    card_id,
    deposit,
    funded,
    issued,
    opened,
    payment_id,
    wallet_id,
    withdrawal,
)
from healthpay_core.wallet.commands import (
    ActivateWallet,
    ChangeWalletKycLevel,
    CloseWallet,
    SuspendWallet,
)

PAYERS: Final = (wallet_id("payer 1"), wallet_id("payer 2"))
MERCHANTS: Final = (wallet_id("merchant 1"), wallet_id("merchant 2"))
CARDS: Final = (card_id("card 1"), card_id("card 2"))
PAYMENTS: Final = tuple(payment_id(str(number)) for number in range(24))
"""What the histories are about; each card is on the payer of its number."""

_CATEGORIES: Final = (*("pharmacies", "doctors") * 4, "casinos")


def opening(limits: CardLimits) -> tuple[Command, ...]:
    """Payers with 1,000 and a card each, and merchants."""
    orders: list[Command] = []
    for payer, card in zip(PAYERS, CARDS, strict=True):
        controls = CardControls(limits=limits)
        orders += funded(payer, 1000)
        orders += issued(card, payer, exp_month=6, exp_year=2026, controls=controls)
    for merchant in MERCHANTS:
        orders += opened(merchant, wallet_type="merchant")
    return tuple(orders)


def card_limits() -> st.SearchStrategy[CardLimits]:
    """Limits that are met now and then, or none."""
    few = st.none() | st.none() | st.integers(100, 2000)
    return st.builds(
        CardLimits,
        per_authorization=few,
        daily=few,
        weekly=few,
        monthly=few,
        yearly=few,
        all_time=few,
    )


def payment_policies() -> st.SearchStrategy[LimitPolicy]:
    """Limits of payers that are met now and then, or none."""
    few = st.none() | st.none() | st.integers(100, 3000)
    limits = st.builds(Limits, per_transaction=few, per_day=few, per_month=few)
    keys = st.just(("personal", "full", "EGP"))
    return st.builds(
        LimitPolicy,
        ref=st.just(PolicyRef(id="drawn", version=1)),
        rows=st.dictionaries(keys, limits, max_size=1),
        unique_references=st.booleans(),
    )


def tight_policies() -> st.SearchStrategy[LimitPolicy]:
    """Limits of payers and merchants that are met often, of every kind, or none."""
    limits = st.builds(
        Limits,
        per_transaction=st.none() | st.integers(150, 500),
        per_day=st.none() | st.integers(200, 900),
        per_month=st.none() | st.integers(400, 2000),
        daily_count=st.none() | st.integers(3, 12),
        monthly_count=st.none() | st.integers(5, 20),
        max_balance=st.none() | st.integers(1000, 3000),
    )
    kinds: tuple[tuple[WalletType, KycLevel], ...] = (
        ("personal", "full"),
        ("personal", "basic"),
        ("merchant", "full"),
    )
    row = st.none() | limits | limits
    return st.builds(
        lambda rows, unique: LimitPolicy(
            ref=PolicyRef(id="drawn", version=1),
            rows={
                (*kind, "EGP"): row
                for kind, row in zip(kinds, rows, strict=True)
                if row is not None
            },
            unique_references=unique,
        ),
        st.tuples(row, row, row),
        st.booleans(),
    )


def initiations() -> st.SearchStrategy[InitiatePayment]:
    """Orders to agree on a payment, with a card or without."""
    return st.builds(
        _initiation,
        payment=st.sampled_from(PAYMENTS),
        payer=st.sampled_from((0, 1)),
        merchant=st.sampled_from(MERCHANTS),
        amount=st.integers(1, 300),
        card=st.none() | st.sampled_from(CARDS),
        automatic=st.sampled_from((False, False, True)),
        category=st.sampled_from(_CATEGORIES),
        eligible=st.none() | st.none() | st.integers(0, 600),
        partial=st.booleans(),
        reference=st.none() | st.sampled_from(("r", "s")),
    )


def payment_orders(
    payments: Sequence[str] = PAYMENTS,
) -> st.SearchStrategy[Command]:
    """Orders on one of these payments, possible or not."""
    payment = st.sampled_from(payments)
    part = st.none() | st.integers(1, 300)
    authorize = st.builds(
        AuthorizePayment,
        payment_id=payment,
        expires_in_s=st.none() | st.integers(1, 40 * 3600),
    )
    capture = st.builds(
        CapturePayment,
        payment_id=payment,
        amount=part,
        final=st.booleans(),
        fee=st.none() | st.integers(1, 30),
    )
    refund = st.builds(RefundPayment, payment_id=payment, amount=part)
    return _weighted(
        (6, capture),
        (5, refund),
        (2, authorize),
        (2, st.builds(VoidPayment, payment_id=payment)),
        (2, st.builds(ExpireAuthorization, payment_id=payment)),
        (1, st.builds(FailPayment, payment_id=payment)),
    )


def card_orders() -> st.SearchStrategy[Command]:
    """Orders on one of `CARDS`."""
    card = st.sampled_from(CARDS)
    reasons = st.sampled_from(("lost", "user_request", "admin"))
    return _weighted(
        (6, st.builds(ActivateMedCard, card_id=card)),
        (3, st.builds(SuspendMedCard, card_id=card, reason_code=reasons)),
        (1, st.builds(CancelMedCard, card_id=card, reason=st.just("damaged"))),
        (1, st.builds(ExpireMedCard, card_id=card)),
    )


def wallet_orders() -> st.SearchStrategy[Command]:
    """Orders on the wallets of payments: money, and what they may do."""
    wallet = st.sampled_from(PAYERS + MERCHANTS)
    amount = st.integers(1, 500)
    levels = st.sampled_from(("unverified", "basic", "full", "full"))
    return _weighted(
        (6, st.builds(deposit, wallet, amount)),
        (3, st.builds(withdrawal, wallet, amount)),
        (6, st.builds(ActivateWallet, wallet_id=wallet)),
        (2, st.builds(SuspendWallet, wallet_id=wallet, reason_code=st.just("other"))),
        (2, st.builds(ChangeWalletKycLevel, wallet_id=wallet, kyc_level=levels)),
        (1, st.builds(CloseWallet, wallet_id=wallet, sweep_to=st.none() | wallet)),
    )


def orders() -> st.SearchStrategy[Command]:
    """Any of these; those on payments more often."""
    return _weighted(
        (2, initiations()),
        (5, payment_orders()),
        (2, card_orders()),
        (2, wallet_orders()),
    )


def agreements() -> st.SearchStrategy[tuple[Command, ...]]:
    """A payment agreed on and authorised, sometimes for a short time."""
    return st.builds(
        lambda order, seconds: (
            order,
            AuthorizePayment(payment_id=order.payment_id, expires_in_s=seconds),
        ),
        initiations(),
        st.none() | st.integers(1, 40 * 3600),
    )


def _weighted(
    *choices: tuple[int, st.SearchStrategy[Command]],
) -> st.SearchStrategy[Command]:
    """One of these, the heavy ones more often; `one_of` takes each but once."""
    each = [choice for weight, choice in choices for _ in range(weight)]
    # A lambda: the list itself would be shown, at length, with every draw.
    return st.integers(0, len(each) - 1).flatmap(lambda place: each[place])


def _initiation(
    *,
    payment: str,
    payer: int,
    merchant: str,
    amount: int,
    card: str | None,
    automatic: bool,
    category: str,
    eligible: int | None,
    partial: bool,
    reference: str | None,
) -> InitiatePayment:
    return InitiatePayment(
        payment_id=payment,
        # With a card it is its own wallet that pays, as everywhere.
        payer_wallet_id=PAYERS[payer if card is None else CARDS.index(card)],
        merchant_wallet_id=merchant,
        amount=amount,
        currency="EGP",
        method="wallet" if card is None else "medcard",
        capture_method="automatic" if automatic else "manual",
        card_id=card,
        merchant_category=None if card is None else category,
        eligible_amounts=None if eligible is None else EligibleAmounts(clinic=eligible),
        partial_approval=partial,
        reference=reference,
    )
