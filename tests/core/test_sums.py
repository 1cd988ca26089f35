"""What went out adds up without end; the sums stay within 64 bits (M5)."""

from __future__ import annotations

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
)
from healthpay_core.medcard.events import CardLimits
from healthpay_core.medcard.limits import card_limits_after
from healthpay_core.money import MAX_TOTAL
from healthpay_core.policy import NO_LIMITS
from healthpay_core.refusals import AmountOverflow
from healthpay_core.testing import (
    NOW,
    Workbench,
    card_id,
    deposit,
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

A, B, CARD = wallet_id("a"), wallet_id("b"), card_id("card")
TODAY: Final = SystemClock().business_day(NOW)
ROUNDS: Final = MAX_TOTAL // MAX_AMOUNT
AGAIN: Final = (deposit(A, MAX_AMOUNT), withdrawal(A, MAX_AMOUNT))


def test_the_sum_of_a_month_stays_within_64_bits() -> None:
    """M5, K3: the withdrawal past it is refused, next month is a new sum."""
    bench = Workbench(clock=ManualClock(instant("2026-03-02T10:00:00+02:00")))
    bench.do(*opened(A), *opened(B), *AGAIN * ROUNDS, deposit(A, MAX_AMOUNT))
    left = MAX_TOTAL - ROUNDS * MAX_AMOUNT
    bench.do(withdrawal(A, left))
    refused = AmountOverflow(max_amount=MAX_TOTAL)
    for order in (withdrawal(A, 1), transfer(A, B, 1)):
        assert bench.refuse(order, Code.AMOUNT_OVERFLOW) == refused
    bench.clock.instant = instant("2026-04-01T00:00:00+02:00")
    bench.do(withdrawal(A, 1), transfer(A, B, 1))


def test_the_model_says_the_same_of_a_month() -> None:
    """M5, K3: the last that fits and the first that does not."""
    model = ReferenceModel(NO_LIMITS)
    for order in (*opened(A), *AGAIN * ROUNDS, deposit(A, MAX_AMOUNT)):
        assert model.play(request(order), now=NOW, today=TODAY).code is None
    left = MAX_TOTAL - ROUNDS * MAX_AMOUNT
    codes = [
        model.play(request(withdrawal(A, amount)), now=NOW, today=TODAY).code
        for amount in (left + 1, left, 1)
    ]
    assert codes == [Code.AMOUNT_OVERFLOW, None, Code.AMOUNT_OVERFLOW]


@pytest.mark.parametrize(("spent", "fits"), [(MAX_TOTAL - 1, True), (MAX_TOTAL, False)])
def test_what_a_card_has_ever_spent_stays_within_64_bits(
    spent: int, fits: bool
) -> None:
    """M5, D8: a card without a limit is refused where the sum would be too large."""
    usage = CardUsage(date=TODAY.date, day=0, week=0, month=0, year=0, all_time=spent)
    found = card_limits_after(usage, CardLimits(), 1, TODAY, TODAY.date)
    if fits:
        assert isinstance(found, Ok)
        assert found.value.all_time == MAX_TOTAL
    else:
        assert found == Err(AmountOverflow(max_amount=MAX_TOTAL))


@pytest.mark.parametrize(("spent", "fits"), [(MAX_TOTAL - 1, True), (MAX_TOTAL, False)])
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
    order = AuthorizePayment(payment_id=payment_id("p"))
    played = model.play(request(order), now=NOW, today=TODAY)
    assert played.code == (None if fits else Code.AMOUNT_OVERFLOW)
