"""What a card may spend, by its windows and its strictest limit (D8, K3-K5, K8)."""

from __future__ import annotations

from itertools import combinations
from typing import Final

import pytest

from healthpay_core import (
    CapturePayment,
    Code,
    LimitPolicy,
    Limits,
    PolicyRef,
    RefundPayment,
    VoidPayment,
    wallet_stream,
)
from healthpay_core.testing import (
    Workbench,
    card_id,
    instant,
    issued,
    withdrawal,
)
from healthpay_core.wallet.state import OpenWallet
from tests.core.card_room import AHMED, CARD, P, bench, limited, spend

# --- Limits (D8) -------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "at", "still", "free"),
    [
        (
            "daily",
            "2026-03-02T10:00:00+02:00",
            "2026-03-02T23:59:59+02:00",
            "2026-03-03T00:00:00+02:00",
        ),
        # ISO weeks begin on Monday: Wednesday to Sunday, over a month's end.
        (
            "weekly",
            "2026-07-29T10:00:00+03:00",
            "2026-08-02T23:59:59+03:00",
            "2026-08-03T00:00:00+03:00",
        ),
        # The ISO week of New Year's Eve goes on in the new year.
        (
            "weekly",
            "2026-12-31T10:00:00+02:00",
            "2027-01-03T23:59:59+02:00",
            "2027-01-04T00:00:00+02:00",
        ),
        (
            "monthly",
            "2026-02-02T10:00:00+02:00",
            "2026-02-28T23:59:59+02:00",
            "2026-03-01T00:00:00+02:00",
        ),
        (
            "yearly",
            "2026-03-02T10:00:00+02:00",
            "2026-12-31T23:59:59+02:00",
            "2027-01-01T00:00:00+02:00",
        ),
        # The clocks go forward at midnight: the day begins at one o'clock.
        (
            "daily",
            "2026-04-23T23:30:00+02:00",
            "2026-04-23T23:59:59+02:00",
            "2026-04-24T01:00:00+03:00",
        ),
        # The hour that comes twice belongs to one day.
        (
            "daily",
            "2026-10-29T23:30:00+03:00",
            "2026-10-29T23:30:00+02:00",
            "2026-10-30T00:00:00+02:00",
        ),
    ],
)
def test_each_window_counts_until_it_ends(
    name: str, at: str, still: str, free: str
) -> None:
    """D8, K8, E9: the window of Cairo's calendar, its figures and its end."""
    room = bench(controls=limited(**{name: 100}), at=at)
    room.do(spend(room, 60, "first"))
    second = spend(room, 41, "second")
    room.clock.instant = instant(still)
    room.refuse(
        second,
        Code.CARD_LIMIT_EXCEEDED,
        limit_name=name,
        limit_amount=100,
        used_amount=60,
        requested_amount=41,
        resets_at=instant(free),
    )
    room.do(spend(room, 40, "third"))
    room.clock.instant = instant(free) - 1
    one = spend(room, 1, "fourth")
    room.refuse(one, Code.CARD_LIMIT_EXCEEDED, used_amount=100)
    room.clock.instant = instant(free)
    room.do(one, spend(room, 99, "fifth"))


def test_an_authorization_has_a_limit_of_its_own() -> None:
    """D8: per_authorization looks at one amount, and never resets."""
    room = bench(controls=limited(per_authorization=100))
    room.do(*(spend(room, 100, f"{number}") for number in range(3)))
    error = room.refuse(
        spend(room, 101, "beyond"),
        Code.CARD_LIMIT_EXCEEDED,
        limit_name="per_authorization",
        used_amount=0,
    )
    assert "resets_at" not in dict(error.details())


def test_all_time_is_for_ever() -> None:
    """D8: what a card has spent in years counts, and no window opens again."""
    room = bench(controls=limited(all_time=100))
    room.do(spend(room, 60, "first"))
    room.clock.instant = instant("2029-05-05T10:00:00+03:00")
    beyond = spend(room, 41, "second")
    error = room.refuse(
        beyond, Code.CARD_LIMIT_EXCEEDED, limit_name="all_time", used_amount=60
    )
    assert "resets_at" not in dict(error.details())
    room.do(spend(room, 40, "third"))


NAMES: Final = ("per_authorization", "daily", "weekly", "monthly", "yearly", "all_time")


@pytest.mark.parametrize(("loose", "strict"), list(combinations(NAMES, 2)))
def test_the_strictest_limit_wins(loose: str, strict: str) -> None:
    """D8: whichever limit leaves least is the one that refuses and is named."""
    for first, second in ((loose, strict), (strict, loose)):
        room = bench(controls=limited(**{first: 90, second: 80}))
        order = spend(room, 85, "payment")
        room.refuse(order, Code.CARD_LIMIT_EXCEEDED, limit_name=second)
        beyond = spend(room, 95, "beyond both")
        room.refuse(
            beyond, Code.CARD_LIMIT_EXCEEDED, limit_name=second, limit_amount=80
        )
        room.do(spend(room, 80, "within"))


def test_the_strictest_is_the_one_with_the_least_left() -> None:
    """D8: a high limit that is nearly used up is stricter than a low, fresh one."""
    room = bench(controls=limited(daily=50, monthly=100))
    room.do(spend(room, 50, "first"))
    room.clock.advance(days=1)
    room.do(spend(room, 40, "second"))
    room.clock.advance(days=1)
    error = room.refuse(spend(room, 60, "third"), Code.CARD_LIMIT_EXCEEDED)
    told = dict(error.details())
    assert (told["limit_name"], told["used_amount"]) == ("monthly", 90)


def test_of_equally_strict_limits_the_shorter_is_named() -> None:
    """D8: with the same left, the order is that of the rule."""
    room = bench(controls=limited(**dict.fromkeys(NAMES, 10)))
    order = spend(room, 11, "payment")
    room.refuse(order, Code.CARD_LIMIT_EXCEEDED, limit_name="per_authorization")


def test_cards_of_one_wallet_count_apart_and_the_wallet_counts_all() -> None:
    """D8, K3: each card has its own windows; the wallet's limits see every card."""
    row = Limits(per_day=150)
    rules = LimitPolicy(
        ref=PolicyRef(id="test", version=1), rows={("personal", "full", "EGP"): row}
    )
    second = card_id("second")
    room = bench(
        *issued(second, AHMED, controls=limited(daily=100)),
        controls=limited(daily=100),
        policy=rules,
    )
    room.do(spend(room, 100, "a"))
    room.refuse(spend(room, 1, "b"), Code.CARD_LIMIT_EXCEEDED)
    room.do(spend(room, 50, "c", card=second))
    room.refuse(spend(room, 1, "d", card=second), Code.LIMIT_EXCEEDED, used_amount=150)
    room.refuse(spend(room, 51, "e", card=second), Code.CARD_LIMIT_EXCEEDED)


def test_money_without_the_card_does_not_count_for_it() -> None:
    """D8: withdrawals and payments without the card leave its windows alone."""
    room = bench(controls=limited(daily=100))
    room.do(withdrawal(AHMED, 500), spend(room, 500, "plain", card=None))
    room.do(spend(room, 100, "by card"))


def test_a_refused_authorisation_uses_no_window() -> None:
    """K11, E3: limits and funds are consumed together or not at all."""
    room = bench(controls=limited(daily=100))
    room.do(withdrawal(AHMED, 9_950))
    room.refuse(spend(room, 60, "a"), Code.INSUFFICIENT_FUNDS)
    room.do(spend(room, 50, "b"))
    told = room.refuse(spend(room, 51, "c"), Code.CARD_LIMIT_EXCEEDED)
    assert dict(told.details())["used_amount"] == 50


# --- Capacity that comes back (K4, K5) ---------------------------------------


def usage(room: Workbench) -> tuple[int, int, int, int, int]:
    """What the card has used: day, week, month, year, all time."""
    wallet = room.handler.states.get(wallet_stream(AHMED))[0]
    assert isinstance(wallet, OpenWallet)
    used = wallet.card_usage[CARD]
    return (used.day, used.week, used.month, used.year, used.all_time)


@pytest.mark.parametrize(
    ("placed", "released", "left"),
    [
        # In the same day: all windows get it back.
        ("2026-03-02T10:00+02:00", "2026-03-02T23:00+02:00", (7, 7, 7, 7, 7)),
        # A day later: the new day never counted it.
        ("2026-03-02T10:00+02:00", "2026-03-03T10:00+02:00", (5, 7, 7, 7, 7)),
        # Over a Sunday: neither day nor week.
        ("2026-03-08T10:00+02:00", "2026-03-09T10:00+02:00", (5, 5, 7, 7, 7)),
        # Over a month's end within a week.
        ("2026-03-31T10:00+02:00", "2026-04-01T10:00+02:00", (5, 7, 5, 7, 7)),
        # Over New Year within an ISO week.
        ("2026-12-31T10:00+02:00", "2027-01-01T10:00+02:00", (5, 7, 5, 5, 7)),
    ],
)
@pytest.mark.parametrize("captured", [0, 30])
def test_capacity_returns_to_the_windows_that_counted_it(
    placed: str, released: str, left: tuple[int, ...], captured: int
) -> None:
    """K4, K5: a release gives back what was not captured, and only where it counted."""
    room = bench(at=placed)
    room.do(spend(room, 2, "small"), spend(room, 100, "payment"))
    if captured:
        room.do(CapturePayment(payment_id=P, amount=captured, final=False))
    room.clock.instant = instant(released)
    room.do(spend(room, 5, "later"))
    room.do(VoidPayment(payment_id=P))
    counted = [amount + captured * (amount != 5) for amount in left]
    assert usage(room) == tuple(counted)


def test_a_clock_that_was_set_back_gives_nothing_back_twice() -> None:
    """K4, K8: a hold counts on the wallet's day, so that no window goes below zero."""
    room = bench(at="2026-03-03T10:00:00+02:00", controls=limited(daily=100))
    room.do(withdrawal(AHMED, 1))
    room.clock.instant = instant("2026-03-02T10:00:00+02:00")
    room.do(spend(room, 60, "payment"))
    room.clock.instant = instant("2026-03-03T11:00:00+02:00")
    room.do(spend(room, 10, "later"), VoidPayment(payment_id=P))
    assert usage(room) == (10, 10, 10, 10, 10)
    room.refuse(spend(room, 91, "beyond"), Code.CARD_LIMIT_EXCEEDED, used_amount=10)


def test_a_refund_gives_a_card_no_capacity_back() -> None:
    """K7: what was captured stays counted, whatever is returned of it."""
    room = bench(controls=limited(daily=100))
    room.do(spend(room, 100, "payment"), CapturePayment(payment_id=P))
    room.do(RefundPayment(payment_id=P))
    room.refuse(spend(room, 1, "next"), Code.CARD_LIMIT_EXCEEDED, used_amount=100)
