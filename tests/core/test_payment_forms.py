"""Both forms of a payment write the same fact about it (P2, P4, P8-P11, P17, T5)."""

from __future__ import annotations

import pytest

from healthpay_core import (
    AuthorizePayment,
    CapturePayment,
    Command,
    Committed,
    Event,
    ExpireAuthorization,
    FailPayment,
    PaymentSaga,
    RefundPayment,
    VoidPayment,
    payment_stream,
)
from healthpay_core.payment.commands import PaymentCommand
from healthpay_core.testing import (
    Workbench,
    funded,
    opened,
    payment,
    payment_id,
    request,
    wallet_id,
)

A, SHOP, P = wallet_id("a"), wallet_id("shop"), payment_id("p")
PARTIES = (
    *funded(A, 100, currency="SAR"),
    *opened(SHOP, wallet_type="merchant", currency="SAR"),
)
AGREED = (*PARTIES, payment(A, SHOP, 60, name="p", currency="SAR", reference="rx"))
HELD = (*AGREED, AuthorizePayment(payment_id=P, expires_in_s=100))
PAID = (*HELD, CapturePayment(payment_id=P))

ORDERS: dict[str, tuple[tuple[Command, ...], PaymentCommand]] = {
    "initiate": (PARTIES, payment(A, SHOP, 60, name="p", currency="SAR")),
    "authorize": (AGREED, AuthorizePayment(payment_id=P)),
    "authorize for a while": (AGREED, AuthorizePayment(payment_id=P, expires_in_s=777)),
    "capture": (HELD, CapturePayment(payment_id=P)),
    "capture part": (HELD, CapturePayment(payment_id=P, amount=20, fee=3)),
    "capture not for good": (
        HELD,
        CapturePayment(payment_id=P, amount=20, final=False),
    ),
    "capture all, not for good": (
        HELD,
        CapturePayment(payment_id=P, amount=60, final=False),
    ),
    "void": (HELD, VoidPayment(payment_id=P)),
    "void of the payer": (HELD, VoidPayment(payment_id=P, reason="payer")),
    "expire": (HELD, ExpireAuthorization(payment_id=P)),
    "fail": (AGREED, FailPayment(payment_id=P)),
    "fail what is held": (HELD, FailPayment(payment_id=P, reason_code="suspicious")),
    "refund": (PAID, RefundPayment(payment_id=P)),
    "refund part": (PAID, RefundPayment(payment_id=P, amount=1, reason_code="broken")),
}


def _fact(name: str, *, in_steps: bool) -> Event:
    facts, order = ORDERS[name]
    bench = Workbench()
    bench.do(*facts)
    if name == "expire":
        bench.clock.advance(seconds=100)
    sent = request(order, "the order")
    if in_steps:
        outcome = PaymentSaga(bench.handler.handle, bench.store).run(sent, order)
        assert isinstance(outcome, Committed), outcome
    else:
        bench.do(sent)
    return bench.store.read(payment_stream(P))[-1].envelope.data


@pytest.mark.parametrize("name", ORDERS)
def test_the_fact_is_the_same(name: str) -> None:
    """T5: amounts, ends, reasons and ids, member by member."""
    assert _fact(name, in_steps=True) == _fact(name, in_steps=False)
