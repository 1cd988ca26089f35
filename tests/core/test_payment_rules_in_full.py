"""What the rules of a payment say and bound, to the last second and piastre."""

from __future__ import annotations

from dataclasses import replace

import pytest

from healthpay_core import (
    MAX_AMOUNT,
    AuthorizePayment,
    CapturePayment,
    Command,
    EligibleAmounts,
    Err,
    ExpireAuthorization,
    FailPayment,
    PaymentAuthorized,
    PaymentFailed,
    RefundPayment,
    Refusal,
    VoidPayment,
)
from healthpay_core.domain import validate
from healthpay_core.payment.commands import MAX_AUTHORIZATION_S
from healthpay_core.payment.events import PaymentOperationBegun
from healthpay_core.payment.steps import BeginOperation, EndOperation
from healthpay_core.refusals import (
    InvalidStateTransition,
    PaymentNotVoidable,
    Problem,
    ValidationFailed,
)
from healthpay_core.testing import (
    NOW,
    after,
    funded,
    given,
    opened,
    payment,
    payment_id,
    wallet_id,
)

A, SHOP = wallet_id("a"), wallet_id("shop")
P = payment_id("p")
ORDER = payment(A, SHOP, 5, name="p")
FACTS = (*funded(A, 10), *opened(SHOP, wallet_type="merchant"), ORDER)
AUTHORIZE = AuthorizePayment(payment_id=P)
CAPTURE = CapturePayment(payment_id=P)


@pytest.mark.parametrize("seconds", [1, MAX_AUTHORIZATION_S])
def test_an_authorization_lasts_from_a_second_to_the_most(seconds: int) -> None:
    """P2: the first and the last second that may be asked for are allowed."""
    assert validate(replace(AUTHORIZE, expires_in_s=seconds)) is None


LONG = ("/expiresInSeconds", f"must be 1 to {MAX_AUTHORIZATION_S}")
FEE = ("/fee", "must not be more than the captured amount")
CARD = "is required when the method is medcard"


@pytest.mark.parametrize(
    ("order", "problems"),
    [
        (replace(AUTHORIZE, expires_in_s=0), [LONG]),
        (replace(AUTHORIZE, expires_in_s=MAX_AUTHORIZATION_S + 1), [LONG]),
        (replace(CAPTURE, amount=2, fee=3), [FEE]),
        (
            replace(ORDER, method="medcard"),
            [("/cardId", CARD), ("/merchantCategory", CARD)],
        ),
        (
            replace(ORDER, card_id="c"),
            [("/cardId", "belongs to the method medcard only")],
        ),
        (
            replace(ORDER, eligible_amounts=EligibleAmounts(clinic=-1)),
            [("/eligibleAmounts", f"must be 0 to {MAX_AMOUNT} each")],
        ),
    ],
)
def test_a_faulty_order_is_told_where_and_why(
    order: Command, problems: list[tuple[str, str]]
) -> None:
    """E7: each problem of a payment's order has its pointer and its text."""
    errors = tuple(Problem(pointer, text) for pointer, text in problems)
    assert validate(order) == ValidationFailed(errors=errors)


def test_a_fee_of_more_than_was_left_is_refused_the_same() -> None:
    """P10: where all that is held is captured, the fee is measured against it."""
    facts = after(*FACTS, AUTHORIZE)
    order = replace(CAPTURE, fee=6)
    assert given(*facts).when(order).decision == Err(ValidationFailed.at(*FEE))
    assert given(*facts).when(replace(order, fee=5)).events


def test_eligible_amounts_may_be_as_large_as_any() -> None:
    """D9, M5: each part up to the largest amount."""
    order = replace(ORDER, eligible_amounts=EligibleAmounts(clinic=MAX_AMOUNT))
    assert validate(order) is None


def test_the_least_that_is_eligible_is_approved() -> None:
    """D9: partial approval may come down to one minor unit."""
    order = replace(
        ORDER, eligible_amounts=EligibleAmounts(clinic=1), partial_approval=True
    )
    authorized = given(*after(*FACTS[:-1], order)).when(AUTHORIZE).events[-1]
    assert isinstance(authorized, PaymentAuthorized)
    assert authorized.amount == 1
    assert authorized.authorization_code == authorized.hold_id[:8].upper()


def test_what_has_failed_is_not_captured() -> None:
    """P6, P17: the refusal says where the payment is."""
    facts = after(*FACTS, FailPayment(payment_id=P))
    assert given(*facts).when(CAPTURE).decision == Err(
        InvalidStateTransition(current_status="failed", requested="capture")
    )


def _begin(
    order: RefundPayment | VoidPayment | ExpireAuthorization | FailPayment,
) -> BeginOperation:
    return BeginOperation(payment_id=P, operation_id="o", order=order)


@pytest.mark.parametrize(
    ("facts", "order", "refusal"),
    [
        (
            FACTS,
            VoidPayment(payment_id=P),
            PaymentNotVoidable(current_status="initiated"),
        ),
        (
            (*FACTS, AUTHORIZE),
            ExpireAuthorization(payment_id=P),
            PaymentNotVoidable(current_status="authorized"),
        ),
    ],
)
def test_what_cannot_be_voided_in_steps_says_where_it_is(
    facts: tuple[Command, ...],
    order: VoidPayment | ExpireAuthorization,
    refusal: Refusal,
) -> None:
    """P8, P9: nothing is held yet, or its time is not over."""
    assert given(*after(*facts)).when(_begin(order)).decision == Err(refusal)


def test_a_refund_in_steps_holds_for_a_month() -> None:
    """P14, T6: far beyond any refund, since the saga alone ends its hold."""
    facts = after(*FACTS, AUTHORIZE, CAPTURE)
    begun = given(*facts).when(_begin(RefundPayment(payment_id=P, amount=2)))
    begun.then(
        PaymentOperationBegun(
            operation_id="o",
            kind="refund",
            amount=2,
            currency="EGP",
            expires_at=NOW + 30 * 86_400_000_000,
            reason_code=RefundPayment(payment_id=P).reason_code,
        )
    )


def test_a_payment_that_fails_in_steps_without_a_reason_was_declined() -> None:
    """P17: as the atomic form says it."""
    fail = FailPayment(payment_id=P)
    facts = after(*FACTS, _begin(fail))
    ended = given(*facts).when(EndOperation(payment_id=P, operation_id="o"))
    declined = PaymentFailed(stage="authorize", failure_code="declined")
    assert ended.events == (declined,)
    assert given(*after(*FACTS)).when(fail).events == (declined,)
