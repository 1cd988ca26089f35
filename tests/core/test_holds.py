"""Holds and what they owe: windows, suspension, closing (K3-K5, K7, K8, W5, W8)."""

from __future__ import annotations

from typing import Final

import pytest

from healthpay_core import (
    MAX_AMOUNT,
    AuthorizePayment,
    CapturePayment,
    CloseWallet,
    Code,
    Command,
    Facts,
    LimitPolicy,
    Limits,
    ManualClock,
    PolicyRef,
    RefundPayment,
    StreamCorrupted,
    SuspendWallet,
    VoidPayment,
    WalletCredited,
    WalletDebited,
    WalletHoldPlaced,
    evolve,
    wallet_stream,
)
from healthpay_core.domain import validate
from healthpay_core.testing import (
    NOW,
    Workbench,
    after,
    deposit,
    funded,
    given,
    instant,
    opened,
    payment,
    payment_id,
    transfer_id,
    wallet_id,
    withdrawal,
)
from healthpay_core.testing import create as a_wallet
from healthpay_core.testing import hold as a_hold
from healthpay_core.wallet.card_usage import CardUsage
from healthpay_core.wallet.commands import (
    CaptureHold,
    PlaceHold,
    ReceiveTransfer,
    ReleaseHold,
    SettleCredit,
    SettleDebit,
)
from healthpay_core.wallet.events import LimitUsage
from healthpay_core.wallet.state import OpenWallet

A, B, SHOP = wallet_id("a"), wallet_id("b"), wallet_id("shop")
P = payment_id("payment")
AUTHORIZE: Final = AuthorizePayment(payment_id=P)
SUSPEND: Final = SuspendWallet(wallet_id=A, reason_code="fraud")
CLOSE: Final = CloseWallet(wallet_id=A)


def policy(**limits: int) -> LimitPolicy:
    """A policy of these limits for personal wallets."""
    row = Limits(**limits)
    return LimitPolicy(
        ref=PolicyRef(id="test", version=1), rows={("personal", "full", "EGP"): row}
    )


def bench(rules: LimitPolicy, at: str = "2026-03-02T10:00:00+02:00") -> Workbench:
    """A payer with 1000 and a merchant, at an instant."""
    made = Workbench(policy=rules, clock=ManualClock(instant(at)))
    made.do(*funded(A, 1000), *opened(SHOP, wallet_type="merchant"))
    return made


def authorized(room: Workbench, amount: int, name: str = "payment") -> None:
    """Hold so much for a payment."""
    room.do(payment(A, SHOP, amount, name=name))
    room.do(AuthorizePayment(payment_id=payment_id(name)))


# --- What settles in which state (W5, W8) ------------------------------------

STATES: Final[dict[str, Facts]] = {
    "absent": after(*opened(B)),
    "pending": after(a_wallet(A)),
    "active": after(*funded(A, 10)),
    "active held": after(*funded(A, 10), a_hold(A, "h", 8)),
    "suspended": after(*funded(A, 10), SUSPEND),
    "suspended held": after(*funded(A, 10), a_hold(A, "h", 8), SUSPEND),
    "closed": after(*opened(A), CLOSE),
}

COMMANDS: Final[dict[str, Command]] = {
    "settle credit": SettleCredit(
        wallet_id=A,
        amount=3,
        currency="EGP",
        reason="refund",
        counter_account="wallet:" + SHOP,
    ),
    "settle debit": SettleDebit(
        wallet_id=A,
        amount=3,
        currency="EGP",
        reason="reversal",
        counter_account="wallet:" + SHOP,
    ),
    "receive": ReceiveTransfer(
        wallet_id=A,
        transfer_id=transfer_id("t"),
        source_wallet_id=B,
        amount=3,
        currency="EGP",
        not_after=NOW + 1,
    ),
    "release": ReleaseHold(wallet_id=A, hold_id="h", reason="failed"),
    "capture": CaptureHold(
        wallet_id=A,
        hold_id="h",
        amount=8,
        currency="EGP",
        reason="payment",
        counter_account="wallet:" + SHOP,
    ),
    "capture too much": CaptureHold(
        wallet_id=A,
        hold_id="h",
        amount=9,
        currency="EGP",
        reason="payment",
        counter_account="wallet:" + SHOP,
    ),
}

OK: Final = "ok"
NOT_FOUND: Final = Code.WALLET_NOT_FOUND
NO_DESTINATION: Final = Code.DESTINATION_WALLET_NOT_FOUND
INACTIVE: Final = Code.WALLET_NOT_ACTIVE
CLOSED: Final = Code.WALLET_CLOSED
FUNDS: Final = Code.INSUFFICIENT_FUNDS
NO_HOLD: Final = Code.PAYMENT_NOT_AUTHORIZED

MATRIX: Final[dict[str, tuple[str, ...]]] = {
    "settle credit": (NOT_FOUND, INACTIVE, OK, OK, OK, OK, CLOSED),
    "settle debit": (NOT_FOUND, INACTIVE, OK, FUNDS, OK, FUNDS, CLOSED),
    "receive": (NO_DESTINATION, INACTIVE, OK, OK, INACTIVE, INACTIVE, CLOSED),
    "release": (NOT_FOUND, NO_HOLD, NO_HOLD, OK, NO_HOLD, OK, CLOSED),
    "capture": (NOT_FOUND, NO_HOLD, NO_HOLD, OK, NO_HOLD, OK, CLOSED),
    "capture too much": (NOT_FOUND, *(NO_HOLD,) * 5, CLOSED),
}

CELLS = [
    (state, command, answer)
    for command, row in MATRIX.items()
    for state, answer in zip(STATES, row, strict=True)
]


@pytest.mark.parametrize(("state", "command", "answer"), CELLS)
def test_every_state_answers_every_settlement(
    state: str, command: str, answer: str
) -> None:
    """W5, W8, P14, P16: what settles while suspended, and what never does."""
    verdict = given(*STATES[state]).when(COMMANDS[command])
    if answer == OK:
        assert len(verdict.facts) == 1
    else:
        verdict.refused(Code(answer))


def test_the_matrix_is_complete() -> None:
    """W5, W8: every settlement has an answer in every state."""
    assert set(MATRIX) == set(COMMANDS)
    assert len(CELLS) == len(STATES) * len(COMMANDS) == 42


@pytest.mark.parametrize("name", ["settle credit", "settle debit", "receive"])
def test_a_settlement_is_in_the_wallets_currency(name: str) -> None:
    """M4: what is owed in another currency is not settled here."""
    facts = after(*funded(A, 10, currency="SAR"))
    given(*facts).when(COMMANDS[name]).refused(Code.CURRENCY_MISMATCH)


def test_a_capture_and_a_hold_are_in_the_wallets_currency() -> None:
    """M4: a hold is placed and captured in its own currency only."""
    facts = after(*funded(A, 10, currency="SAR"))
    given(*facts).when(a_hold(A, "h", 1)).refused(Code.CURRENCY_MISMATCH)
    held = after(*funded(A, 10, currency="SAR"), a_hold(A, "h", 8, currency="SAR"))
    given(*held).when(COMMANDS["capture"]).refused(Code.CURRENCY_MISMATCH)


@pytest.mark.parametrize(
    "command",
    [
        PlaceHold(
            wallet_id=A,
            hold_id="h",
            amount=0,
            currency="EGP",
            purpose="payment",
            expires_at=NOW,
        ),
        CaptureHold(
            wallet_id=A,
            hold_id="h",
            amount=0,
            currency="EGP",
            reason="payment",
            counter_account="x",
        ),
        ReceiveTransfer(
            wallet_id=A,
            transfer_id="t",
            source_wallet_id=B,
            amount=0,
            currency="EGP",
            not_after=NOW,
        ),
        SettleCredit(
            wallet_id=A,
            amount=0,
            currency="EGP",
            reason="refund",
            counter_account="x",
        ),
        SettleCredit(
            wallet_id=A,
            amount=5,
            currency="EGP",
            reason="deposit",
            counter_account="x",
            fee=0,
        ),
        SettleDebit(
            wallet_id=A, amount=0, currency="EGP", reason="fee", counter_account="x"
        ),
    ],
)
def test_orders_of_processes_are_checked_like_any(command: Command) -> None:
    """M6: zero is refused everywhere, also between a process and a wallet."""
    refusal = validate(command)
    assert refusal is not None
    assert refusal.code is Code.INVALID_AMOUNT


@pytest.mark.parametrize(("fee", "code"), [(5, None), (6, Code.VALIDATION_ERROR)])
def test_a_fee_is_at_most_the_amount(fee: int, code: Code | None) -> None:
    """P10: a settled credit gives back no more than it brought."""
    command = SettleCredit(
        wallet_id=A,
        amount=5,
        currency="EGP",
        reason="deposit",
        counter_account="x",
        fee=fee,
    )
    refusal = validate(command)
    assert (None if refusal is None else refusal.code) is code


def test_a_release_needs_no_value() -> None:
    """K4: a release gives back all that is left; nothing static can be wrong."""
    assert validate(COMMANDS["release"]) is None


# --- Windows (K3-K5, K7, K8) -------------------------------------------------


def test_a_payment_counts_when_it_is_held() -> None:
    """K3: authorised money has used the window, captured or not."""
    room = bench(policy(per_day=100))
    authorized(room, 60)
    room.refuse(withdrawal(A, 41), Code.LIMIT_EXCEEDED, used_amount=60)
    room.do(payment(A, SHOP, 41, name="second"))
    second = AuthorizePayment(payment_id=payment_id("second"))
    room.refuse(second, Code.LIMIT_EXCEEDED, used_amount=60, limit_name="daily")
    room.do(withdrawal(A, 40))


def test_a_capture_uses_no_limit_again() -> None:
    """K5: the hold counted; the capture on a later day counts nowhere."""
    room = bench(policy(per_day=100, per_month=150))
    authorized(room, 100)
    room.clock.advance(days=1)
    room.do(CapturePayment(payment_id=P))
    room.refuse(withdrawal(A, 51), Code.LIMIT_EXCEEDED, limit_name="monthly")
    room.do(withdrawal(A, 50))


def test_the_unused_part_of_a_capture_comes_back() -> None:
    """K5, K4: only what was captured stays counted."""
    room = bench(policy(per_day=100))
    authorized(room, 100)
    room.do(CapturePayment(payment_id=P, amount=30))
    room.refuse(withdrawal(A, 71), Code.LIMIT_EXCEEDED, used_amount=30)
    room.do(withdrawal(A, 70))


@pytest.mark.parametrize(
    ("placed", "released", "day", "month"),
    [
        # The same day.
        ("2026-03-02T10:00+02:00", "2026-03-02T23:59+02:00", 5, 5),
        # The day after: it never counted the hold.
        ("2026-03-02T23:59+02:00", "2026-03-03T00:00+02:00", 5, 5),
        # Over the night in which the clocks go forward at midnight.
        ("2026-04-23T23:59+02:00", "2026-04-24T01:00+03:00", 5, 5),
        # Within the day that has 25 hours, before and after its second 23:30.
        ("2026-10-29T23:30+03:00", "2026-10-29T23:30+02:00", 5, 5),
        # Over that day's end.
        ("2026-10-29T23:30+02:00", "2026-10-30T00:00+02:00", 5, 5),
        # Over a month's end: neither day nor month gets it back.
        ("2026-04-30T23:59+03:00", "2026-05-01T00:00+03:00", 5, 5),
        ("2026-12-31T23:59+02:00", "2027-01-01T00:00+02:00", 5, 5),
    ],
)
def test_a_release_gives_back_only_where_it_counted(
    placed: str, released: str, day: int, month: int
) -> None:
    """K4, K8: windows of Cairo's calendar, over DST changes and month ends."""
    room = bench(policy(per_day=100, per_month=1000), placed)
    authorized(room, 95)
    room.clock.instant = instant(released)
    room.do(withdrawal(A, 5), VoidPayment(payment_id=P))
    state = room.handler.states.get(wallet_stream(A))[0]
    assert isinstance(state, OpenWallet)
    assert (state.usage.day, state.usage.month) == (day, month)
    room.refuse(withdrawal(A, 96), Code.LIMIT_EXCEEDED, used_amount=day)
    room.do(withdrawal(A, 95))


def test_yesterdays_hold_released_today_leaves_todays_usage() -> None:
    """K4: the day-1 hold that is released on day 2 wipes nothing of day 2."""
    room = bench(policy(per_day=100))
    authorized(room, 100)
    room.clock.advance(days=1)
    room.do(withdrawal(A, 80), VoidPayment(payment_id=P))
    room.refuse(withdrawal(A, 21), Code.LIMIT_EXCEEDED, used_amount=80)
    room.do(withdrawal(A, 20))


def test_counts_are_not_given_back() -> None:
    """K3, K4: a hold was one outflow of its day, released or not."""
    room = bench(policy(daily_count=2))
    authorized(room, 10)
    room.do(VoidPayment(payment_id=P), withdrawal(A, 1))
    room.refuse(withdrawal(A, 1), Code.LIMIT_EXCEEDED, limit_name="daily_count")


def test_refunds_pass_the_maximum_balance_and_give_no_outflow_back() -> None:
    """K7: a refund is never refused for being too much, and frees no window."""
    room = bench(policy(max_balance=1000, per_day=600))
    authorized(room, 600)
    room.do(CapturePayment(payment_id=P), deposit(A, 600))
    room.refuse(deposit(A, 1), Code.LIMIT_EXCEEDED, limit_name="max_balance")
    room.do(RefundPayment(payment_id=P))
    assert room.wallet(A).balance == 1600
    room.refuse(withdrawal(A, 1), Code.LIMIT_EXCEEDED, used_amount=600)


def test_a_refund_that_no_balance_can_hold_is_refused() -> None:
    """M5, K7: exempt from the policy's maximum, not from the largest number."""
    room = bench(policy())
    authorized(room, 600)
    room.do(CapturePayment(payment_id=P), deposit(A, MAX_AMOUNT - 400))
    room.refuse(RefundPayment(payment_id=P), Code.AMOUNT_OVERFLOW)
    room.do(withdrawal(A, 600), RefundPayment(payment_id=P))


def test_a_settlement_counts_nowhere_and_names_no_policy() -> None:
    """K7: what was owed before is moved without usage."""
    verdict = given(*STATES["active"]).when(COMMANDS["settle debit"])
    (debited,) = verdict.events
    assert isinstance(debited, WalletDebited)
    assert (debited.limit_usage, debited.limit_policy) == (None, None)
    (credited,) = given(*STATES["active"]).when(COMMANDS["settle credit"]).events
    assert isinstance(credited, WalletCredited)


def test_a_late_transfer_is_not_received() -> None:
    """T7: at its end the step is refused, before the wallet's state matters."""
    for state in ("active", "suspended", "closed"):
        given(*STATES[state]).when(COMMANDS["receive"], now=NOW + 1).refused(
            Code.TRANSFER_TIMEOUT, expired_at=NOW + 1
        )


def test_a_hold_that_does_not_add_up_stops_the_load() -> None:
    """C5, D8: holds without cover, twice, or with half of a card are not read."""
    state = given(*STATES["active"]).states()[wallet_stream(A)]
    usage = LimitUsage(date="2026-03-02", day=1, month=1, day_count=1, month_count=1)
    spent = CardUsage(date="2026-03-02", day=1, week=1, month=1, year=1, all_time=1)

    def placed(
        amount: int = 1,
        held_after: int = 1,
        card: str | None = None,
        used: CardUsage | None = None,
    ) -> WalletHoldPlaced:
        return WalletHoldPlaced(
            hold_id="h",
            amount=amount,
            currency="EGP",
            purpose="payment",
            expires_at=NOW,
            balance_after=10,
            held_after=held_after,
            limit_usage=usage,
            limit_policy=PolicyRef(id="p", version=1),
            card_id=card,
            card_usage=used,
        )

    assert evolve(state, placed(card="c", used=spent)) != state
    uncovered = "hold is not covered, or placed twice"
    half = "a card without its usage, or usage of no card"
    for before, strange, reason in (
        (state, placed(11, 11), uncovered),
        (state, placed(1, 2), "balances do not continue"),
        (state, placed(card="c"), half),
        (state, placed(used=spent), half),
        (evolve(state, placed()), placed(held_after=2), uncovered),
    ):
        with pytest.raises(StreamCorrupted) as caught:
            evolve(before, strange)
        assert caught.value.reason == reason
