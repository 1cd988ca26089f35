"""Held money is paid, and paid money returned (rules P4-P7, P10-P15, P18)."""

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
    FailPayment,
    InMemoryEventStore,
    Outcome,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentFailed,
    PaymentRefunded,
    PaymentVoided,
    RefundPayment,
    StreamCorrupted,
    SuspendWallet,
    VoidPayment,
    WalletCredited,
    WalletDebited,
    derive_id,
    fold,
)
from healthpay_core.events import Event
from healthpay_core.replays import recover
from healthpay_core.testing import (
    NOW,
    Workbench,
    after,
    command_id,
    deposit,
    funded,
    given,
    hold,
    opened,
    payment,
    payment_id,
    request,
    wallet_id,
    withdrawal,
)

AHMED, SHOP = wallet_id("ahmed"), wallet_id("shop")
P = payment_id("payment")
AUTHORIZE: Final = AuthorizePayment(payment_id=P)
CAPTURE: Final = CapturePayment(payment_id=P)
REFUND: Final = RefundPayment(payment_id=P)
PARTIES: Final = (*funded(AHMED, 1000), *opened(SHOP, wallet_type="merchant"))
HELD: Final = (*PARTIES, payment(AHMED, SHOP, 600, reference="rx-1"), AUTHORIZE)


def bench(*orders: Command) -> Workbench:
    """A payer with 1000, a merchant, 600 held, and what the orders lead to."""
    made = Workbench()
    made.do(*HELD, *orders)
    return made


def figures(room: Workbench) -> tuple[int, int, int, str, int, int]:
    """The payer's balance and hold, the merchant's balance; status and totals."""
    payer, view = room.wallet(AHMED), room.payment(P)
    shop = room.wallet(SHOP).balance
    totals = (view.captured_amount, view.refunded_amount)
    return (payer.balance, payer.held, shop, view.status, *totals)


def test_a_capture_without_an_amount_takes_all_that_is_held() -> None:
    """P4, P10: payer and merchant move in the append of the capture."""
    room = bench()
    done = room.do(request(CAPTURE, "capture"))
    debited, credited, captured = (r.envelope.data for r in room.feed()[-3:])
    assert len(done.events) == 3
    assert isinstance(debited, WalletDebited)
    assert (debited.amount, debited.reason, debited.reference) == (
        *(600, "payment", "rx-1"),
    )
    assert debited.counter_account == "wallet:" + SHOP
    assert debited.limit_usage is None
    assert isinstance(credited, WalletCredited)
    assert (credited.amount, credited.reason) == (600, "deposit")
    assert credited.counter_account == "wallet:" + AHMED
    assert debited.related == credited.related
    assert captured == PaymentCaptured(
        capture_id=derive_id(command_id("capture") + "/capture"),
        amount=600,
        currency="EGP",
        captured_total=600,
        final=True,
        released=0,
    )
    assert figures(room) == (400, 0, 600, "captured", 600, 0)


def test_a_partial_capture_ends_the_payment_and_frees_the_rest() -> None:
    """P4: final is the default; the rest is released in the same append."""
    room = bench()
    done = room.do(CapturePayment(payment_id=P, amount=250))
    assert [ref.event_type for ref in done.events] == [
        *("wallet.debited", "wallet.credited"),
        *("wallet.hold_released", "payment.captured"),
    ]
    released, captured = (recorded.envelope.data for recorded in room.feed()[-2:])
    assert getattr(released, "reason", "") == "captured_remainder"
    assert isinstance(captured, PaymentCaptured)
    assert (captured.released, captured.final) == (350, True)
    assert figures(room) == (750, 0, 250, "captured", 250, 0)
    room.refuse(CAPTURE, Code.PAYMENT_ALREADY_CAPTURED)


def test_captures_that_are_not_final_keep_the_rest_held() -> None:
    """P5: several captures, never more than was authorised in sum."""
    room = bench()
    for total in (200, 400):
        room.do(CapturePayment(payment_id=P, amount=200, final=False))
        status = (1000 - total, 600 - total, total, "authorized", total, 0)
        assert figures(room) == status
    room.refuse(
        CapturePayment(payment_id=P, amount=201, final=False),
        Code.CAPTURE_EXCEEDS_AUTHORIZED,
        requested_amount=201,
        capturable_amount=200,
    )
    room.do(CapturePayment(payment_id=P, amount=200, final=False))
    assert figures(room) == (400, 0, 600, "captured", 600, 0)
    captured = room.feed()[-1].envelope.data
    assert isinstance(captured, PaymentCaptured)
    assert captured.final


def test_more_than_is_held_is_not_captured() -> None:
    """P4, E3: a capture beyond the authorization moves nothing."""
    room = bench()
    before = list(room.feed())
    refused = CapturePayment(payment_id=P, amount=601)
    room.refuse(refused, Code.CAPTURE_EXCEEDS_AUTHORIZED, capturable_amount=600)
    assert list(room.feed()) == before


@pytest.mark.parametrize("fee", [1, 99, 600])
def test_a_fee_is_taken_from_the_merchant_in_the_same_append(fee: int) -> None:
    """P10: the merchant gets the amount and pays the fee, to the last piastre."""
    room = bench()
    done = room.do(CapturePayment(payment_id=P, fee=fee))
    assert [ref.event_type for ref in done.events] == [
        *("wallet.debited", "wallet.credited", "wallet.debited", "payment.captured"),
    ]
    taken = room.feed()[-2].envelope.data
    assert isinstance(taken, WalletDebited)
    assert (taken.amount, taken.reason) == (fee, "fee")
    assert taken.counter_account == "external:fees"
    assert figures(room)[:3] == (400, 0, 600 - fee)


def test_a_fee_beyond_what_is_captured_is_refused() -> None:
    """P10: with an amount left out the fee is measured by what is held."""
    room = bench(CapturePayment(payment_id=P, amount=590, final=False))
    room.refuse(CapturePayment(payment_id=P, fee=11), Code.VALIDATION_ERROR)
    room.do(CapturePayment(payment_id=P, fee=10))


def test_an_automatic_payment_is_captured_as_it_is_authorised() -> None:
    """P1, P10: one append holds and pays everything."""
    room = Workbench()
    room.do(*PARTIES, payment(AHMED, SHOP, 600, automatic=True))
    done = room.do(request(AUTHORIZE, "both"))
    assert [ref.event_type for ref in done.events] == [
        *("wallet.hold_placed", "payment.authorized"),
        *("wallet.debited", "wallet.credited", "payment.captured"),
    ]
    assert figures(room) == (400, 0, 600, "captured", 600, 0)
    room.refuse(AUTHORIZE, Code.INVALID_STATE_TRANSITION)


def test_an_automatic_capture_that_cannot_be_leaves_no_hold() -> None:
    """E3, K11: when the capture is refused the authorisation is refused with it."""
    room = Workbench()
    rich = funded(SHOP, MAX_AMOUNT - 5, wallet_type="merchant")
    room.do(*funded(AHMED, 1000), *rich, payment(AHMED, SHOP, 6, automatic=True))
    before = list(room.feed())
    room.refuse(AUTHORIZE, Code.AMOUNT_OVERFLOW)
    assert list(room.feed()) == before


@pytest.mark.parametrize("wallet", [AHMED, SHOP])
def test_suspension_lets_a_payment_settle(wallet: str) -> None:
    """W5: capture, void and refund of what was agreed go on, whoever is suspended."""
    suspend = SuspendWallet(wallet_id=wallet, reason_code="fraud")
    room = bench(suspend, CapturePayment(payment_id=P, amount=200, final=False))
    room.do(RefundPayment(payment_id=P, amount=50), VoidPayment(payment_id=P))
    assert figures(room) == (850, 0, 150, "partially_refunded", 200, 50)


@pytest.mark.parametrize(
    "order", [VoidPayment(payment_id=P), FailPayment(payment_id=P), CAPTURE]
)
def test_a_payer_with_an_open_hold_cannot_close(order: Command) -> None:
    """W6: the hold keeps the wallet open until the payment has ended."""
    room = bench(withdrawal(AHMED, 400))
    room.refuse(CloseWallet(wallet_id=AHMED), Code.WALLET_HAS_OPEN_HOLDS)
    room.do(order)
    if room.wallet(AHMED).balance:
        room.do(withdrawal(AHMED, room.wallet(AHMED).balance))
    room.do(CloseWallet(wallet_id=AHMED))


def test_a_closed_merchant_is_paid_nothing() -> None:
    """W8: the merchant who closed since is refused; the payer gets the hold back."""
    room = bench(CloseWallet(wallet_id=SHOP))
    room.refuse(CAPTURE, Code.WALLET_CLOSED, party="merchant")
    assert figures(room)[:2] == (1000, 600)
    room.do(VoidPayment(payment_id=P))


def test_late_refunds_to_closed_wallets_are_refused() -> None:
    """W8: closed is final for either party, and says whose wallet it is."""
    for party, wallet in (("payer", AHMED), ("merchant", SHOP)):
        room = bench(CAPTURE, withdrawal(AHMED, 400))
        if party == "merchant":
            room.do(withdrawal(SHOP, 600))
        room.do(CloseWallet(wallet_id=wallet))
        before = list(room.feed())
        room.refuse(REFUND, Code.WALLET_CLOSED, party=party)
        room.refuse(RefundPayment(payment_id=P, amount=601), Code.WALLET_CLOSED)
        assert list(room.feed()) == before


def test_refunds_add_up_to_what_was_captured() -> None:
    """P11, P12: partial refunds repeat until all is returned, never beyond."""
    room = bench(CAPTURE)
    room.refuse(
        RefundPayment(payment_id=P, amount=601),
        Code.REFUND_EXCEEDS_CAPTURED,
        requested_amount=601,
        refundable_amount=600,
    )
    room.do(RefundPayment(payment_id=P, amount=100))
    assert figures(room) == (500, 0, 500, "partially_refunded", 600, 100)
    beyond = RefundPayment(payment_id=P, amount=501)
    room.refuse(beyond, Code.REFUND_EXCEEDS_CAPTURED, refundable_amount=500)
    room.do(request(REFUND, "rest"))
    refunded = room.feed()[-1].envelope.data
    assert refunded == PaymentRefunded(
        refund_id=derive_id(command_id("rest") + "/refund"),
        amount=500,
        currency="EGP",
        refunded_total=600,
        reason_code="requested",
        full=True,
    )
    assert figures(room) == (1000, 0, 0, "refunded", 600, 600)
    room.refuse(REFUND, Code.PAYMENT_ALREADY_REFUNDED)
    room.refuse(beyond, Code.PAYMENT_ALREADY_REFUNDED)


def test_a_refund_goes_the_way_of_the_money_backwards() -> None:
    """P11, C6: merchant to payer, with the payment named in both legs."""
    room = bench(CAPTURE)
    room.do(RefundPayment(payment_id=P, amount=70, reason_code="returned"))
    debited, credited, refunded = (r.envelope.data for r in room.feed()[-3:])
    assert isinstance(debited, WalletDebited)
    assert isinstance(credited, WalletCredited)
    assert isinstance(refunded, PaymentRefunded)
    assert (debited.reason, credited.reason) == ("reversal", "refund")
    assert debited.counter_account == "wallet:" + AHMED
    assert credited.counter_account == "wallet:" + SHOP
    assert debited.related is not None
    assert debited.related == credited.related
    assert (debited.related.payment_id, refunded.full) == (P, False)
    assert refunded.reason_code == "returned"


def test_what_is_captured_so_far_can_be_refunded_so_far() -> None:
    """P5, P11, P18: refunds between captures are bound by what is captured by then."""
    room = bench(CapturePayment(payment_id=P, amount=100, final=False))
    room.refuse(RefundPayment(payment_id=P, amount=101), Code.REFUND_EXCEEDS_CAPTURED)
    room.do(REFUND)
    room.refuse(REFUND, Code.PAYMENT_ALREADY_REFUNDED)
    room.do(CapturePayment(payment_id=P, amount=200, final=False))
    room.do(RefundPayment(payment_id=P, amount=150))
    assert figures(room) == (950, 300, 50, "authorized", 300, 250)
    room.do(CAPTURE)
    assert figures(room) == (650, 0, 350, "partially_refunded", 600, 250)


def test_what_is_only_held_is_voided_not_refunded() -> None:
    """P13: a refund without a capture is refused with a hint to void."""
    room = bench()
    error = room.refuse(REFUND, Code.PAYMENT_NOT_CAPTURED, current_status="authorized")
    assert "void" in error.message


def test_a_refund_never_overdraws_the_merchant() -> None:
    """P14: what the merchant has spent or has held cannot be returned from."""
    room = bench(CAPTURE, hold(SHOP, "h", 200), withdrawal(SHOP, 300))
    room.refuse(
        RefundPayment(payment_id=P, amount=101),
        Code.INSUFFICIENT_FUNDS,
        party="merchant",
        requested_amount=101,
        available_amount=100,
    )
    room.do(RefundPayment(payment_id=P, amount=100))
    room.refuse(REFUND, Code.INSUFFICIENT_FUNDS, party="merchant")
    room.do(deposit(SHOP, 500), REFUND)


def test_a_refused_refund_moves_nothing_however_often_it_is_tried() -> None:
    """P15, I6: under the old key and under new ones, nothing moves."""
    room = bench(CAPTURE, REFUND)
    before, states = list(room.feed()), figures(room)
    for key in ("a", "a", "b", None):
        room.refuse(request(REFUND, key), Code.PAYMENT_ALREADY_REFUNDED)
    assert (list(room.feed()), figures(room)) == (before, states)


def test_replays_of_payment_orders_change_nothing() -> None:
    """I4: each order again is its first answer again, and no event is new."""
    room = Workbench()
    room.do(*PARTIES)
    steps: dict[str, Command] = {
        "initiate": payment(AHMED, SHOP, 600),
        "authorize": AUTHORIZE,
        "capture": CapturePayment(payment_id=P, amount=200, final=False),
        "refund": RefundPayment(payment_id=P, amount=50),
        "void": VoidPayment(payment_id=P),
    }
    firsts = {key: room.do(request(order, key)) for key, order in steps.items()}
    before = list(room.feed())
    for key, order in steps.items():
        again = room.do(request(order, key))
        assert again.replayed
        assert (again.resource, again.events) == (
            firsts[key].resource,
            firsts[key].events,
        )
    assert list(room.feed()) == before


@pytest.mark.parametrize("automatic", [True, False])
def test_an_order_whose_record_expired_is_found_by_its_events(automatic: bool) -> None:
    """I8: the events of an order in all its streams give its first answer back."""
    store = InMemoryEventStore()
    room = Workbench(store)
    room.do(*PARTIES)
    steps: tuple[Command, ...] = (
        payment(AHMED, SHOP, 600, automatic=automatic),
        AUTHORIZE,
        RefundPayment(payment_id=P, amount=50) if automatic else CAPTURE,
    )
    for number, order in enumerate(steps):
        asked = request(order, f"step {number}")
        first: Outcome = room.do(asked)
        found = recover(store, asked)
        assert found is not None
        assert found.outcome == first


def _corrupt(reason: str, *events: Event) -> None:
    with pytest.raises(StreamCorrupted) as caught:
        fold(events)
    assert caught.value.reason == reason


NOT_MONEY = "money of another currency, or none"
TOO_MUCH = "captured more than was authorized"
TOO_MUCH_BACK = "refunded more than was captured"


def test_a_payment_that_does_not_add_up_stops_the_load() -> None:
    """P18, C5: no history is read in which more moved than was there to move."""
    initiated, authorized = (
        event for stream, event in after(*HELD) if stream.startswith("payment/")
    )
    assert isinstance(authorized, PaymentAuthorized)

    def captured(amount: int, total: int, released: int = 0) -> PaymentCaptured:
        return PaymentCaptured(
            capture_id="c",
            amount=amount,
            currency="EGP",
            captured_total=total,
            final=released > 0,
            released=released,
        )

    def refunded(amount: int, total: int, currency: str = "EGP") -> PaymentRefunded:
        return PaymentRefunded(
            refund_id="r",
            amount=amount,
            currency=currency,
            refunded_total=total,
            reason_code="requested",
            full=False,
        )

    head = (initiated, authorized)
    assert fold((*head, captured(100, 100), refunded(100, 100))) is not None
    void = PaymentVoided(reason="payer", released=599, currency="EGP")
    failed = PaymentFailed(stage="capture", failure_code="x")
    beyond: tuple[tuple[str, tuple[Event, ...]], ...] = (
        (TOO_MUCH, (captured(601, 601),)),
        (NOT_MONEY, (captured(0, 0),)),
        (NOT_MONEY, (captured(-5, -5),)),
        (TOO_MUCH, (captured(100, 101),)),
        ("released is not what was left", (captured(100, 100, released=499),)),
        (TOO_MUCH_BACK, (captured(100, 100), refunded(101, 101))),
        (NOT_MONEY, (captured(100, 100), refunded(-1, -1))),
        (TOO_MUCH_BACK, (captured(100, 100), refunded(50, 60))),
        (NOT_MONEY, (captured(100, 100), refunded(50, 50, "USD"))),
        ("captured while nothing was held", (captured(600, 600), captured(1, 601))),
        (TOO_MUCH_BACK, (refunded(1, 1),)),
        ("authorized twice, or for more than was asked", (authorized,)),
        ("voided while nothing was held, or not all of it", (void,)),
        ("failed after its end", (captured(1, 1), failed)),
    )
    for reason, events in beyond:
        _corrupt(reason, *head, *events)
    _corrupt("captured while nothing was held", initiated, captured(1, 1))
    _corrupt("refunded while nothing was captured", initiated, refunded(1, 1))


def test_an_authorization_of_more_than_was_agreed_stops_the_load() -> None:
    """P18, C5: authorised is at most the amount, of its currency, and something."""
    initiated = after(*HELD)[-3][1]
    for amount, currency, reason in (
        (601, "EGP", "authorized twice, or for more than was asked"),
        (0, "EGP", NOT_MONEY),
        (600, "USD", NOT_MONEY),
    ):
        _corrupt(
            reason,
            initiated,
            PaymentAuthorized(
                hold_id="h",
                amount=amount,
                currency=currency,
                expires_at=NOW,
                authorization_code="A",
            ),
        )


def test_a_decision_changes_no_state() -> None:
    """V5: the states that were given are the same after an order was decided."""
    history = given(*after(*HELD))
    before = history.states()
    history.when(CAPTURE)
    history.when(VoidPayment(payment_id=P))
    assert history.states() == before
