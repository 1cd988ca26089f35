"""A refusal says whose fault it is, what was there and what was asked (E9, T3, K6)."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest

from healthpay_core import (
    AuthorizePayment,
    CapturePayment,
    CloseWallet,
    Command,
    Err,
    ExpireAuthorization,
    FailPayment,
    LimitPolicy,
    Limits,
    PolicyRef,
    Refusal,
    StreamCorrupted,
    SuspendWallet,
    VoidPayment,
    evolve,
    payment_stream,
)
from healthpay_core.catalogue import Code
from healthpay_core.payment.events import PaymentOperationRefused, PaymentVoided
from healthpay_core.payment.rules import DURING_OPERATION
from healthpay_core.payment.steps import (
    BeginOperation,
    EndOperation,
    RecordInitiation,
    RefuseOperation,
)
from healthpay_core.refusals import (
    CurrencyMismatch,
    InvalidAmount,
    InvalidStateTransition,
    LimitExceeded,
    PaymentAlreadyExists,
    SelfTransferNotAllowed,
    TransferNotFound,
    WalletClosed,
    WalletNotActive,
)
from healthpay_core.testing import (
    NOW,
    Workbench,
    after,
    funded,
    given,
    hold,
    opened,
    payment,
    payment_id,
    transfer,
    transfer_id,
    wallet_id,
)
from healthpay_core.transfer.commands import CompleteTransfer, FailTransfer
from healthpay_core.wallet.commands import ReceiveTransfer

A, B, SHOP = wallet_id("a"), wallet_id("b"), wallet_id("shop")
P = payment_id("p")
RECEIVE = ReceiveTransfer(
    wallet_id=A,
    transfer_id=transfer_id("t"),
    source_wallet_id=B,
    amount=3,
    currency="EGP",
    not_after=NOW + 1,
)


def _refused(*facts: Command, by: Command) -> Refusal:
    bench = Workbench()
    bench.do(*facts)
    code = Code.INVALID_STATE_TRANSITION
    error = bench.refuse(by, code)
    assert isinstance(error, Refusal)
    return error


@pytest.mark.parametrize(
    ("facts", "refusal"),
    [
        (
            (*opened(A), SuspendWallet(wallet_id=A, reason_code="fraud")),
            WalletNotActive(current_status="suspended", party="destination"),
        ),
        (
            (*opened(A), CloseWallet(wallet_id=A)),
            WalletClosed(party="destination"),
        ),
        (
            opened(A, currency="SAR"),
            CurrencyMismatch(
                expected_currency="SAR",
                requested_currency="EGP",
                party="destination",
            ),
        ),
    ],
    ids=["suspended", "closed", "currency"],
)
def test_a_saga_is_told_that_it_is_the_destinations_fault(
    facts: tuple[Command, ...], refusal: Refusal
) -> None:
    """T3, T5: as in the atomic form, each with the party at fault."""
    verdict = given(*after(*facts)).when(RECEIVE)
    assert verdict.decision == Err(refusal)


def test_the_maximum_balance_of_the_payee_bounds_a_saga_too() -> None:
    """K6, T5: the credit of the second step is refused as of the atomic form."""
    row = Limits(max_balance=100)
    policy = LimitPolicy(
        ref=PolicyRef(id="most", version=1), rows={("personal", "full", "EGP"): row}
    )
    facts = after(*funded(A, 98))
    verdict = given(*facts).when(RECEIVE, policy=policy)
    assert verdict.decision == Err(
        LimitExceeded(
            limit_name="max_balance",
            limit_amount=100,
            used_amount=98,
            requested_amount=3,
            party="destination",
        )
    )
    assert given(*facts).when(replace(RECEIVE, amount=2), policy=policy).events


def test_a_second_hold_of_an_id_says_what_it_is() -> None:
    """K3: a hold is placed once."""
    facts = (*funded(A, 10), hold(A, "h", 1))
    assert _refused(*facts, by=hold(A, "h", 1)) == InvalidStateTransition(
        current_status="active", requested="a second hold of the same id"
    )


@pytest.mark.parametrize(
    "step",
    [
        CompleteTransfer(
            transfer_id=transfer_id("t"), source_event_id="s", destination_event_id="d"
        ),
        FailTransfer(
            transfer_id=transfer_id("t"),
            stage="hold",
            failure_code="X",
            hold_released=False,
        ),
    ],
)
def test_an_end_after_the_end_says_where_the_transfer_is(step: Command) -> None:
    """T7: completed is final, and what has not begun has no end."""
    facts = (*funded(A, 10), *opened(B), transfer(A, B, 4, name="t"))
    assert _refused(*facts, by=step) == InvalidStateTransition(
        current_status="completed", requested="an end"
    )
    verdict = given().when(step)
    assert verdict.decision == Err(TransferNotFound(transfer_id=transfer_id("t")))


def _held(amount: int = 5) -> tuple[Command, ...]:
    return (
        *funded(A, 10),
        *opened(SHOP, wallet_type="merchant"),
        payment(A, SHOP, amount, name="p"),
        AuthorizePayment(payment_id=P),
    )


@pytest.mark.parametrize(
    ("order", "status"),
    [
        (CapturePayment(payment_id=P), "captured"),
        (CapturePayment(payment_id=P, amount=1, final=False), "authorized"),
        (VoidPayment(payment_id=P), "voided"),
        (FailPayment(payment_id=P), "failed"),
    ],
)
def test_what_cannot_fail_any_more_says_where_it_is(
    order: Command, status: str
) -> None:
    """P17: after a capture, or an end, a payment does not fail."""
    refused = _refused(*_held(), order, by=FailPayment(payment_id=P))
    assert refused == InvalidStateTransition(current_status=status, requested="fail")


REASONS: tuple[Literal["payer", "merchant"], ...] = ("payer", "merchant")


@pytest.mark.parametrize("reason", REASONS)
def test_a_void_in_steps_says_who_wanted_it(
    reason: Literal["payer", "merchant"],
) -> None:
    """P9, T5: payer or merchant, as in the order."""
    order = VoidPayment(payment_id=P, reason=reason)
    bench = Workbench()
    bench.do(*_held())
    bench.do(
        BeginOperation(payment_id=P, operation_id="o", order=order),
        EndOperation(payment_id=P, operation_id="o"),
    )
    last = bench.store.read(payment_stream(P))[-1].envelope.data
    assert last == PaymentVoided(reason=reason, released=5, currency="EGP")


def test_a_refusal_of_nothing_under_way_stops_the_load() -> None:
    """C5, T6: in no state is an operation refused that had not begun."""
    refused = PaymentOperationRefused(operation_id="o", failure_code="X")
    states = (
        None,
        given(*after(*_held())).states()[payment_stream(P)],
        given(*after(*_held(), VoidPayment(payment_id=P))).states()[payment_stream(P)],
    )
    for state in states:
        with pytest.raises(
            StreamCorrupted, match=r"^an operation refused that was not"
        ):
            evolve(state, refused)


def test_an_expiry_in_steps_says_that_it_is_one() -> None:
    """P8, T5: as the sweep's order in atomic form."""
    bench = Workbench()
    bench.do(*_held())
    bench.clock.advance(days=40)
    bench.do(
        BeginOperation(
            payment_id=P, operation_id="o", order=ExpireAuthorization(payment_id=P)
        ),
        EndOperation(payment_id=P, operation_id="o"),
    )
    last = bench.store.read(payment_stream(P))[-1].envelope.data
    assert last == PaymentVoided(reason="expired", released=5, currency="EGP")


BEGIN = BeginOperation(payment_id=P, operation_id="o", order=VoidPayment(payment_id=P))


def test_one_operation_is_under_way_at_a_time() -> None:
    """T6, P3: a second has to wait, and only the one under way can end."""
    refused = _refused(*_held(), BEGIN, by=replace(BEGIN, operation_id="another"))
    assert refused == InvalidStateTransition(
        current_status="authorized", requested=DURING_OPERATION
    )
    ends: tuple[Command, ...] = (
        EndOperation(payment_id=P, operation_id="another"),
        RefuseOperation(payment_id=P, operation_id="another", failure_code="X"),
    )
    for end in ends:
        for facts in (_held(), (*_held(), BEGIN)):
            assert _refused(*facts, by=end) == InvalidStateTransition(
                current_status="authorized",
                requested="the end of an operation not under way",
            )


def test_a_refused_operation_says_why_it_was() -> None:
    """T5, T6: the code of the leg that could not be is in the payment's stream."""
    bench = Workbench()
    bench.do(*_held(), BEGIN)
    bench.do(RefuseOperation(payment_id=P, operation_id="o", failure_code="X"))
    last = bench.store.read(payment_stream(P))[-1].envelope.data
    assert last == PaymentOperationRefused(operation_id="o", failure_code="X")


def test_static_checks_hold_for_steps_too() -> None:
    """E2, M6: a step is refused for what its order says, before anything is read."""
    capture = CapturePayment(payment_id=P, amount=0)
    step = BeginOperation(payment_id=P, operation_id="o", order=capture)
    assert given().when(step).decision == Err(InvalidAmount(requested_amount=0))
    first = RecordInitiation(payment_id=P, order=payment(A, A, 5, name="p"))
    assert given().when(first).decision == Err(SelfTransferNotAllowed())


def test_an_initiation_in_steps_is_the_first_fact() -> None:
    """P1: the id of a payment is taken by the first, in either form."""
    order = payment(A, SHOP, 5, name="p")
    verdict = given(*after(*_held())).when(RecordInitiation(payment_id=P, order=order))
    assert verdict.decision == Err(PaymentAlreadyExists(payment_id=P))
