"""What a hold writes, member by member: its release and capture rest on it (K4, D8)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from healthpay_core import (
    ActivateWallet,
    CaptureHold,
    CloseWallet,
    Code,
    Command,
    Err,
    LimitPolicy,
    PolicyRef,
    ReleaseHold,
    SuspendWallet,
    WalletHoldPlaced,
    wallet_stream,
)
from healthpay_core.medcard.events import CardLimits
from healthpay_core.policy import NO_LIMITS
from healthpay_core.refusals import PaymentNotAuthorized
from healthpay_core.testing import (
    after,
    create,
    deposit,
    funded,
    given,
    payment_id,
    wallet_id,
    withdrawal,
)
from healthpay_core.wallet.card_usage import CardUsage
from healthpay_core.wallet.commands import PlaceHold
from healthpay_core.wallet.events import LimitUsage, Related
from healthpay_core.wallet.state import (
    ActiveWallet,
    ClosedWallet,
    Hold,
    SuspendedWallet,
    WalletProfile,
)

A = wallet_id("a")
TODAY = "2026-03-02"
RELATED = Related(payment_id=payment_id("p"))
BY_CARD = PlaceHold(
    wallet_id=A,
    hold_id="h",
    amount=5,
    currency="EGP",
    purpose="payment",
    expires_at=77,
    related=RELATED,
    card_id="card",
    card_limits=CardLimits(daily=8),
)


def _card_usage(spent: int) -> CardUsage:
    return CardUsage(
        date=TODAY, day=spent, week=spent, month=spent, year=spent, all_time=spent
    )


def _usage(spent: int, count: int) -> LimitUsage:
    return LimitUsage(
        date=TODAY, day=spent, month=spent, day_count=count, month_count=count
    )


PLACED = WalletHoldPlaced(
    hold_id="h",
    amount=5,
    currency="EGP",
    purpose="payment",
    expires_at=77,
    balance_after=30,
    held_after=5,
    limit_usage=_usage(5, 1),
    limit_policy=NO_LIMITS.ref,
    related=RELATED,
    card_id="card",
    card_usage=_card_usage(5),
)


def test_a_hold_by_card_counts_for_wallet_and_card() -> None:
    """D8, K3: the hold names the card, and what both have spent with it."""
    given(*after(*funded(A, 30))).when(BY_CARD).then(PLACED)


def test_the_next_hold_of_a_card_counts_what_it_spent_before() -> None:
    """D8: a card's limit bounds the sum of its holds."""
    facts = after(*funded(A, 30), BY_CARD)
    again = replace(BY_CARD, hold_id="i", amount=4)
    given(*facts).when(again).refused(
        Code.CARD_LIMIT_EXCEEDED, used_amount=5, requested_amount=4
    )
    placed = given(*facts).when(replace(again, amount=3)).events[0]
    assert isinstance(placed, WalletHoldPlaced)
    assert placed.card_usage == _card_usage(8)


@pytest.mark.parametrize(
    "order",
    [
        replace(BY_CARD, card_limits=None),
        replace(BY_CARD, card_id=None),
        replace(BY_CARD, card_id=None, card_limits=None),
    ],
)
def test_a_hold_without_a_card_and_its_limits_counts_for_none(
    order: PlaceHold,
) -> None:
    """D8: a card and its limits come together; else the hold is the wallet's alone."""
    plain = replace(PLACED, card_id=None, card_usage=None)
    given(*after(*funded(A, 30))).when(order).then(plain)


def test_a_hold_for_a_refund_counts_nowhere() -> None:
    """K7, P14: what was counted before stays as it was, and nothing is added."""
    policy = LimitPolicy(ref=PolicyRef(id="p", version=3))
    order = replace(BY_CARD, purpose="refund", card_id=None, card_limits=None)
    facts = after(*funded(A, 30), withdrawal(A, 7))
    given(*facts).when(order, policy=policy).then(
        replace(
            PLACED,
            purpose="refund",
            balance_after=23,
            limit_usage=_usage(7, 1),
            limit_policy=policy.ref,
            card_id=None,
            card_usage=None,
        )
    )


def test_suspension_and_resumption_keep_what_was_counted() -> None:
    """W5, C7, D8: holds, usage, references and cards outlast a suspension."""
    policy = LimitPolicy(ref=PolicyRef(id="p", version=3), unique_references=True)
    facts: tuple[Command, ...] = (
        *funded(A, 30),
        deposit(A, 1, reference="r"),
        BY_CARD,
    )
    off = SuspendWallet(wallet_id=A, reason_code="fraud")
    before, during, again = (
        given(*after(*facts, *more, policy=policy)).states()[wallet_stream(A)]
        for more in ((), (off,), (off, ActivateWallet(wallet_id=A)))
    )
    assert isinstance(before, ActiveWallet)
    assert before.references
    assert before.card_usage == {"card": _card_usage(5)}
    assert again == before
    assert isinstance(during, SuspendedWallet)
    for member in ("balance", "held", "holds", "usage", "references", "card_usage"):
        assert getattr(during, member) == getattr(before, member)


def test_a_wallet_closed_before_it_was_opened_is_still_somebodys() -> None:
    """W8: whose it was stays known after the end."""
    facts = after(create(A, owner_id="o"), CloseWallet(wallet_id=A))
    assert given(*facts).states()[wallet_stream(A)] == ClosedWallet(
        profile=WalletProfile(
            owner_id="o", wallet_type="personal", currency="EGP", kyc_level="full"
        )
    )


@pytest.mark.parametrize("facts", [(create(A),), funded(A, 9)])
@pytest.mark.parametrize(
    "order",
    [
        ReleaseHold(wallet_id=A, hold_id="h", reason="voided"),
        CaptureHold(
            wallet_id=A,
            hold_id="h",
            amount=1,
            currency="EGP",
            reason="payment",
            counter_account="external:payment",
        ),
    ],
)
def test_a_hold_that_is_not_there_is_named(
    facts: tuple[Command, ...], order: Command
) -> None:
    """P16: what is not held can be neither captured nor released."""
    refusal = given(*after(*facts)).when(order).decision
    assert refusal == Err(PaymentNotAuthorized(hold_id="h"))


def _after(*orders: Command) -> ActiveWallet:
    state = given(*after(*funded(A, 30), *orders)).states()[wallet_stream(A)]
    assert isinstance(state, ActiveWallet)
    return state


CAPTURE = CaptureHold(
    wallet_id=A,
    hold_id="h",
    amount=2,
    currency="EGP",
    reason="payment",
    counter_account="external:payment",
)


def test_a_hold_is_remembered_until_nothing_of_it_is_left() -> None:
    """K4, D8: with its day, its card and its end; a part of it after a capture."""
    whole = Hold(amount=5, expires_at=77, counted_on=TODAY, card_id="card")
    assert _after(BY_CARD).holds == {"h": whole}
    assert _after(BY_CARD, CAPTURE).holds == {"h": replace(whole, amount=3)}
    assert _after(BY_CARD, replace(CAPTURE, amount=5)).holds == {}
    released = _after(
        BY_CARD, CAPTURE, ReleaseHold(wallet_id=A, hold_id="h", reason="voided")
    )
    assert released.holds == {}
    assert released.card_usage == {"card": _card_usage(2)}
    assert released.usage == _usage(2, 1)


def test_a_hold_for_a_refund_gives_nothing_back() -> None:
    """K7: it was counted on no day."""
    order = replace(BY_CARD, purpose="refund", card_id=None, card_limits=None)
    hold = Hold(amount=5, expires_at=77, counted_on="")
    assert _after(withdrawal(A, 7), order).holds == {"h": hold}
    back = ReleaseHold(wallet_id=A, hold_id="h", reason="failed")
    assert _after(withdrawal(A, 7), order, back).usage == _usage(7, 1)


def test_money_that_moves_leaves_what_cards_have_spent() -> None:
    """D8: a card's windows are counted by its holds alone."""
    for order in (deposit(A, 1), withdrawal(A, 1), CAPTURE):
        assert _after(BY_CARD, order).card_usage == {"card": _card_usage(5)}
