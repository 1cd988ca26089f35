"""What goes out adds up; the sums stay what every client can hold (M5)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from healthpay_core import (
    MAX_AMOUNT,
    AuthorizePayment,
    Code,
    Err,
    ManualClock,
    Ok,
    SystemClock,
    wallet_stream,
)
from healthpay_core.medcard.events import CardLimits
from healthpay_core.medcard.limits import card_limits_after
from healthpay_core.policy import NO_LIMITS
from healthpay_core.refusals import AmountOverflow
from healthpay_core.testing import (
    NOW,
    Workbench,
    card_id,
    deposit,
    funded,
    instant,
    issued,
    opened,
    payment,
    payment_id,
    request,
    transfer,
    wallet_id,
    withdrawal,
)
from healthpay_core.testing.model import ReferenceModel
from healthpay_core.testing.model.rows import Outflow
from healthpay_core.wallet.card_usage import CardUsage
from healthpay_core.wallet.guards import sum_refusal
from healthpay_core.wallet.state import ActiveWallet

A, B, CARD = wallet_id("a"), wallet_id("b"), card_id("card")
AUTHORIZE: Final = AuthorizePayment(payment_id=payment_id("p"))
TODAY: Final = SystemClock().business_day(NOW)
UP_TO_ONE: Final = (
    *opened(A),
    deposit(A, MAX_AMOUNT),
    withdrawal(A, MAX_AMOUNT - 1),
    deposit(A, 100),
)
"""After these, one more minor unit may go out of it in the month."""


def test_what_goes_out_in_a_month_has_an_end() -> None:
    """M5, K3: what would pass it is refused, and next month is a new sum."""
    bench = Workbench(clock=ManualClock(instant("2026-03-02T10:00:00+02:00")))
    bench.do(*UP_TO_ONE, *opened(B))
    refused = AmountOverflow(max_amount=MAX_AMOUNT)
    assert bench.refuse(withdrawal(A, 2), Code.AMOUNT_OVERFLOW) == refused
    bench.refuse(withdrawal(A, MAX_AMOUNT), Code.INSUFFICIENT_FUNDS)
    bench.do(withdrawal(A, 1))
    for order in (withdrawal(A, 1), transfer(A, B, 1)):
        assert bench.refuse(order, Code.AMOUNT_OVERFLOW) == refused
    bench.clock.instant = instant("2026-04-01T00:00:00+02:00")
    bench.do(withdrawal(A, 1), transfer(A, B, 1))


def test_the_model_says_the_same_of_a_month() -> None:
    """M5, K3: the last that fits and the first that does not."""
    model = ReferenceModel(NO_LIMITS)
    for order in UP_TO_ONE:
        assert model.play(request(order), now=NOW, today=TODAY).code is None
    codes = [
        model.play(request(withdrawal(A, amount)), now=NOW, today=TODAY).code
        for amount in (MAX_AMOUNT, 2, 1, 1)
    ]
    assert codes == [
        Code.INSUFFICIENT_FUNDS,
        Code.AMOUNT_OVERFLOW,
        None,
        Code.AMOUNT_OVERFLOW,
    ]


@pytest.mark.parametrize(("amount", "is_there"), [(4, True), (5, False)])
def test_funds_that_are_held_are_not_there(amount: int, is_there: bool) -> None:
    """M5, C3: where what is not held is too little, the sum is not what is wrong."""
    bench = Workbench()
    bench.do(*funded(A, 10), *opened(B, wallet_type="merchant"))
    bench.do(payment(A, B, 6, name="p"), AUTHORIZE)
    payer, _ = bench.handler.states.get(wallet_stream(A))
    assert isinstance(payer, ActiveWallet)
    refused = sum_refusal(payer, amount, MAX_AMOUNT + 1)
    assert refused == (AmountOverflow(max_amount=MAX_AMOUNT) if is_there else None)


@pytest.mark.parametrize(
    ("spent", "fits"), [(MAX_AMOUNT - 1, True), (MAX_AMOUNT, False)]
)
def test_what_a_card_has_ever_spent_has_an_end(spent: int, fits: bool) -> None:
    """M5, D8: a card without a limit is refused where the sum would be too large."""
    bench = Workbench()
    bench.do(*funded(A, 1))
    payer, _ = bench.handler.states.get(wallet_stream(A))
    assert isinstance(payer, ActiveWallet)
    usage = CardUsage(date=TODAY.date, day=0, week=0, month=0, year=0, all_time=spent)
    payer = replace(payer, card_usage={CARD: usage})
    found = card_limits_after(payer, CARD, CardLimits(), 1, TODAY)
    # Without the funds they are what is missing.
    assert isinstance(card_limits_after(payer, CARD, CardLimits(), 2, TODAY), Ok)
    if fits:
        assert isinstance(found, Ok)
        assert found.value.all_time == MAX_AMOUNT
    else:
        assert found == Err(AmountOverflow(max_amount=MAX_AMOUNT))


@pytest.mark.parametrize(
    ("spent", "fits"), [(MAX_AMOUNT - 1, True), (MAX_AMOUNT, False)]
)
def test_the_model_says_the_same_of_a_card(spent: int, fits: bool) -> None:
    """M5, D8: what was spent in other years counts towards the sum."""
    model = ReferenceModel(NO_LIMITS)
    for order in (
        *opened(A),
        deposit(A, 100),
        *opened(B, wallet_type="merchant"),
        *issued(CARD, A, exp_year=2030),
        payment(A, B, 1, name="p", card=CARD),
    ):
        assert model.play(request(order), now=NOW, today=TODAY).code is None
    model.rows.wallets[A].outflows.append(Outflow("2001-01-01", spent, CARD))
    played = model.play(request(AUTHORIZE), now=NOW, today=TODAY)
    assert played.code == (None if fits else Code.AMOUNT_OVERFLOW)
