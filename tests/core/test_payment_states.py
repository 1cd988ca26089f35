"""What is known of a payment after each of its facts, member by member (P18, C5)."""

from __future__ import annotations

from typing import Final

import pytest

from healthpay_core import (
    AuthorizePayment,
    CapturePayment,
    CloseWallet,
    Command,
    Err,
    FailPayment,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentRefunded,
    RefundPayment,
    Refusal,
    StreamCorrupted,
    VoidPayment,
    WalletHoldPlaced,
    evolve,
    payment_stream,
)
from healthpay_core.domain import Facts
from healthpay_core.ids import derive_id
from healthpay_core.payment.events import PaymentOperationBegun
from healthpay_core.payment.rules import DURING_OPERATION
from healthpay_core.payment.state import (
    AuthorizedPayment,
    CapturedPayment,
    FailedPayment,
    PartiallyRefundedPayment,
    PaymentState,
    RefundedPayment,
)
from healthpay_core.payment.steps import BeginOperation, EndOperation
from healthpay_core.refusals import (
    CurrencyMismatch,
    InvalidStateTransition,
    MedCardNotFound,
    PaymentAlreadyExists,
    WalletClosed,
    WalletNotFound,
)
from healthpay_core.testing import (
    after,
    card_id,
    command_id,
    funded,
    given,
    issued,
    opened,
    payment,
    payment_id,
    wallet_id,
)

A, SHOP = wallet_id("a"), wallet_id("shop")
P = payment_id("p")
ORDER: Final = payment(A, SHOP, 5, name="p")
PARTIES: Final = (*funded(A, 10), *opened(SHOP, wallet_type="merchant"))
HELD: Final = (*PARTIES, ORDER, AuthorizePayment(payment_id=P))


def _state(*orders: Command) -> PaymentState:
    state = given(*after(*orders)).states()[payment_stream(P)]
    assert isinstance(state, PaymentState)
    return state


def _held() -> AuthorizedPayment:
    state = _state(*HELD)
    assert isinstance(state, AuthorizedPayment)
    return state


def _capture(amount: int, *, final: bool = False) -> CapturePayment:
    return CapturePayment(payment_id=P, amount=amount, final=final)


def _refund(amount: int) -> RefundPayment:
    return RefundPayment(payment_id=P, amount=amount)


@pytest.mark.parametrize(
    ("orders", "kind", "captured", "refunded"),
    [
        ((_capture(4),), AuthorizedPayment, 4, 0),
        ((_capture(4), _refund(3)), AuthorizedPayment, 4, 3),
        ((_capture(5),), CapturedPayment, 5, 0),
        ((_capture(4, final=True),), CapturedPayment, 4, 0),
        ((_capture(4), _capture(1)), CapturedPayment, 5, 0),
        ((_capture(4), VoidPayment(payment_id=P)), CapturedPayment, 4, 0),
        ((_capture(5), _refund(2)), PartiallyRefundedPayment, 5, 2),
        ((_capture(5), _refund(2), _refund(3)), RefundedPayment, 5, 5),
    ],
)
def test_a_payment_knows_its_order_and_what_moved(
    orders: tuple[Command, ...],
    kind: type[AuthorizedPayment],
    captured: int,
    refunded: int,
) -> None:
    """P5, P11, P18: while anything is held it is authorized, then settled."""
    assert _state(*HELD, *orders) == kind(
        order=_held().order,
        authorization=_held().authorization,
        captured=captured,
        refunded=refunded,
    )


def test_a_payment_that_failed_keeps_what_was_authorized() -> None:
    """P17: before and after the authorisation."""
    fail = FailPayment(payment_id=P)
    order = _held().order
    assert _state(*PARTIES, ORDER, fail) == FailedPayment(order=order)
    assert _state(*HELD, fail) == FailedPayment(
        order=order, authorization=_held().authorization
    )


BEGUN: Final = PaymentOperationBegun(
    operation_id="o", kind="void", amount=5, currency="EGP"
)


def test_an_operation_begins_once_and_before_the_end() -> None:
    """T6, C5: not during another, not after the end, not of nothing."""
    ended = _state(*HELD, VoidPayment(payment_id=P))
    for state in (evolve(_held(), BEGUN), ended, None):
        with pytest.raises(StreamCorrupted) as caught:
            evolve(state, BEGUN)
        reason = "an operation begun after the end, or during another"
        assert caught.value.reason == reason


def test_a_refund_in_steps_is_over_when_it_is_booked() -> None:
    """T6: also while some of the payment is still held."""
    steps = (
        BeginOperation(payment_id=P, operation_id="o", order=_refund(2)),
        EndOperation(payment_id=P, operation_id="o"),
    )
    state = _state(*HELD, _capture(4), *steps)
    assert isinstance(state, AuthorizedPayment)
    assert (state.refunded, state.pending) == (2, None)


def test_ids_of_captures_and_refunds_follow_from_the_command() -> None:
    """I8, T6: the same order again makes the same ids, another makes others."""
    ids = {kind: derive_id(f"{command_id('when')}/{kind}") for kind in KINDS}
    captured = given(*after(*HELD)).when(_capture(5)).events[-1]
    assert isinstance(captured, PaymentCaptured)
    assert captured.capture_id == ids["capture"]
    refunded = given(*after(*HELD, _capture(5))).when(_refund(1)).events[-1]
    assert isinstance(refunded, PaymentRefunded)
    assert refunded.refund_id == ids["refund"]
    at_once = payment(A, SHOP, 5, name="p", automatic=True)
    facts = after(*PARTIES, at_once)
    events = given(*facts).when(AuthorizePayment(payment_id=P)).events
    placed, authorized, booked = events[0], events[1], events[-1]
    assert isinstance(placed, WalletHoldPlaced)
    assert placed.purpose == "payment"
    assert isinstance(authorized, PaymentAuthorized)
    assert isinstance(booked, PaymentCaptured)
    assert booked.capture_id == ids["capture"]


KINDS: Final = ("capture", "refund")


@pytest.mark.parametrize(
    ("facts", "order", "refusal"),
    [
        (HELD, ORDER, PaymentAlreadyExists(payment_id=P)),
        ((), ORDER, WalletNotFound(wallet_id=A, party="payer")),
        (funded(A, 9), ORDER, WalletNotFound(wallet_id=SHOP, party="merchant")),
        (
            (*opened(A, currency="SAR"), *opened(SHOP, wallet_type="merchant")),
            ORDER,
            CurrencyMismatch(
                expected_currency="SAR", requested_currency="EGP", party="payer"
            ),
        ),
        (
            (*HELD, BeginOperation(payment_id=P, operation_id="o", order=_capture(1))),
            _capture(1),
            InvalidStateTransition(
                current_status="authorized", requested=DURING_OPERATION
            ),
        ),
    ],
    ids=["twice", "payer", "merchant", "currency", "pending"],
)
def test_an_order_on_a_payment_says_what_is_in_its_way(
    facts: tuple[Command, ...], order: Command, refusal: Refusal
) -> None:
    """P1, T3, T6: who is missing, what does not fit, what goes on."""
    assert given(*after(*facts)).when(order).decision == Err(refusal)


CARD = card_id("c")
BY_CARD = payment(A, SHOP, 5, name="p", card=CARD)
BY_CARD_FACTS: Final = after(*PARTIES, *issued(CARD, A), BY_CARD)


@pytest.mark.parametrize(
    ("facts", "missing", "order", "refusal"),
    [
        (
            after(*PARTIES, ORDER),
            A,
            AuthorizePayment(payment_id=P),
            WalletNotFound(wallet_id=A, party="payer"),
        ),
        (
            after(*PARTIES, ORDER),
            SHOP,
            AuthorizePayment(payment_id=P),
            WalletNotFound(wallet_id=SHOP, party="merchant"),
        ),
        (
            BY_CARD_FACTS,
            CARD,
            AuthorizePayment(payment_id=P),
            MedCardNotFound(card_id=CARD),
        ),
        (after(*HELD), A, VoidPayment(payment_id=P), WalletNotFound(wallet_id=A)),
        (after(*HELD), A, FailPayment(payment_id=P), WalletNotFound(wallet_id=A)),
    ],
)
def test_whatever_is_missing_nothing_is_made_up(
    facts: Facts, missing: str, order: Command, refusal: Refusal
) -> None:
    """P2, E2: a payment whose wallet or card is not in the store moves nothing."""
    rest = [fact for fact in facts if not fact[0].endswith(missing)]
    assert len(rest) < len(facts)
    assert given(*rest).when(order).decision == Err(refusal)


def test_a_closed_merchant_is_told_before_the_amount() -> None:
    """E2, W8: the life cycle comes before what may be captured."""
    facts = after(*HELD, CloseWallet(wallet_id=SHOP))
    for amount in (5, 6):
        decision = given(*facts).when(_capture(amount)).decision
        assert decision == Err(WalletClosed(party="merchant"))
