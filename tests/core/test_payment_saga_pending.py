"""Payments that were left behind are found by their events alone (T6)."""

from __future__ import annotations

from collections.abc import Sequence

from healthpay_core import (
    AuthorizePayment,
    CommandRequest,
    Committed,
    InMemoryEventStore,
    PaymentSaga,
    RecordedEvent,
)
from healthpay_core.payment.saga import step_id
from healthpay_core.payment.steps import BeginOperation
from healthpay_core.testing import (
    Workbench,
    deposit,
    funded,
    opened,
    payment,
    payment_id,
    wallet_id,
)

A, SHOP = wallet_id("a"), wallet_id("shop")
NAMES = ("one", "two", "three")


class _Paged(InMemoryEventStore):
    """Notes by how much its feed is read."""

    def __init__(self) -> None:
        super().__init__()
        self.limits: list[int] = []

    def feed(self, after: int = 0, limit: int = 1000) -> Sequence[RecordedEvent]:
        self.limits.append(limit)
        return super().feed(after, limit)


def _left_behind() -> tuple[_Paged, Workbench, PaymentSaga]:
    """Three authorisations that have begun and not ended."""
    store = _Paged()
    bench = Workbench(store)
    bench.do(*funded(A, 100), *opened(SHOP, wallet_type="merchant"))
    for name in NAMES:
        bench.do(payment(A, SHOP, 5, name=name))
        order = AuthorizePayment(payment_id=payment_id(name))
        begin = BeginOperation(
            payment_id=order.payment_id, operation_id=f"operation {name}", order=order
        )
        bench.do(
            CommandRequest(
                command=begin, command_id=step_id(f"operation {name}", "begin")
            )
        )
    bench.do(deposit(A, 1))
    return store, bench, PaymentSaga(bench.handler.handle, bench.store)


def test_pending_payments_are_found_in_pages_oldest_first() -> None:
    """T6: in any size of page; what has ended meanwhile is not among them."""
    store, _, saga = _left_behind()
    store.limits.clear()
    assert list(saga.pending(page_size=2)) == [payment_id(name) for name in NAMES]
    assert set(store.limits) == {2}
    assert isinstance(saga.resume(payment_id("two")), Committed)
    assert list(saga.pending()) == [payment_id("one"), payment_id("three")]


def test_a_resumed_operation_is_its_own_root() -> None:
    """T6, B5: the answer is of the operation, and its steps are its conversation."""
    _, bench, saga = _left_behind()
    outcome = saga.resume(payment_id("one"))
    assert isinstance(outcome, Committed)
    assert (outcome.command_id, outcome.correlation_id) == ("operation one",) * 2
    last = bench.feed()[-1].envelope
    assert last.event_type == "payment.authorized"
    assert last.meta.causation_id == last.meta.correlation_id == "operation one"
    assert last.meta.command_id == step_id("operation one", "end")


def test_where_nothing_is_under_way_there_is_nothing_to_resume() -> None:
    """T6: neither of a payment that is not there, nor of one that has ended."""
    _, _, saga = _left_behind()
    assert saga.resume(payment_id("nobody's")) is None
    saga.resume(payment_id("one"))
    assert saga.resume(payment_id("one")) is None
