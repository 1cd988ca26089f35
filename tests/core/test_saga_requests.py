"""What a saga asks of each place: whose order, under which id, at which version."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from healthpay_core import (
    Actor,
    AuthorizePayment,
    CloseWallet,
    Command,
    CommandRequest,
    Committed,
    Rejected,
    TransferSaga,
)
from healthpay_core.domain import primary_stream
from healthpay_core.outcome import rejected
from healthpay_core.payment.saga import step_id as payment_step_id
from healthpay_core.payment.steps import BeginOperation
from healthpay_core.payment_sagas import PaymentSaga
from healthpay_core.refusals import (
    IdempotencyKeyReused,
    StoreUnavailable,
    TransferAlreadyExists,
    WalletNotFound,
)
from healthpay_core.sagas import begin_request, committed
from healthpay_core.slips import Finished, Travel, after, first
from healthpay_core.states import load
from healthpay_core.testing import (
    Workbench,
    card_id,
    command_id,
    funded,
    issue,
    opened,
    payment,
    payment_id,
    request,
    transfer,
    transfer_id,
    wallet_id,
    withdrawal,
)
from healthpay_core.transfer.saga import step_id

A, B, CARD = wallet_id("a"), wallet_id("b"), card_id("c")
P, ID = payment_id("p"), command_id("root")
TRANSFER: Final = transfer(A, B, 5, name="t")
HOLD: Final = "hold"
AUTHORIZE: Final = AuthorizePayment(payment_id=P)


def _root(command: Command) -> CommandRequest:
    return CommandRequest(
        command=command,
        command_id=ID,
        fingerprint=b"asked",
        actor=Actor(type="user", id="u"),
        expected_version=3,
        correlation_id="conversation",
        causation_id="cause",
        tenant_id="tenant",
        traceparent="trace",
    )


@pytest.mark.parametrize(
    ("order", "name", "step", "fingerprint", "version"),
    [
        (AUTHORIZE, "begin", payment_step_id(ID, "begin"), b"asked", 3),
        (issue(CARD, A), "wallet", payment_step_id(ID, "wallet"), b"", None),
        (CloseWallet(wallet_id=A, sweep_to=B), HOLD, step_id(ID, HOLD), b"", 3),
    ],
)
def test_the_first_step_of_a_process_is_the_callers(
    order: Command,
    name: str,
    step: str,
    fingerprint: bytes,
    version: int | None,
) -> None:
    """T6, V3, I2: actor, tenant and trace go on; the version where it counts."""
    root = _root(order)
    going = first(root)
    assert going.slip.step == name
    assert going.slip.time_limit_s == 60
    assert going.request == replace(
        root,
        command=going.request.command,
        command_id=step,
        fingerprint=fingerprint,
        expected_version=version,
        causation_id=ID,
    )
    if isinstance(order, AuthorizePayment):
        begin = BeginOperation(payment_id=P, operation_id=ID, order=order)
        assert going.request.command == begin


def test_a_transfer_begins_under_its_own_id_with_the_roots_in_it() -> None:
    """T1, T6, V3: another command cannot run on it, and the version counts."""
    root = _root(TRANSFER)
    begun = begin_request(root, TRANSFER, 60)
    assert first(root).request == begun
    assert begun.command_id == step_id(transfer_id("t"), "begin")
    assert (begun.expected_version, begun.correlation_id) == (3, "conversation")
    for other in (
        replace(root, command_id=command_id("other")),
        replace(root, fingerprint=b"other"),
    ):
        assert begin_request(other, TRANSFER, 60).fingerprint != begun.fingerprint


def test_a_transfer_whose_first_step_is_refused_is_over() -> None:
    """T1, T5: the answer is the root's; a taken id says that the transfer exists."""
    going = first(_root(TRANSFER))
    missing = WalletNotFound(wallet_id=A)
    for error, said in (
        (missing, missing),
        (
            IdempotencyKeyReused(command_id=ID),
            TransferAlreadyExists(transfer_id=transfer_id("t")),
        ),
    ):
        refused = Rejected(
            command_id=going.request.command_id,
            correlation_id="conversation",
            error=error,
        )
        assert after(going.slip, refused, None) == Finished(
            Rejected(command_id=ID, correlation_id="conversation", error=said)
        )


def test_later_steps_have_ids_that_follow_from_the_order() -> None:
    """T6: of a card's issue and of a payment from the root's, each its own."""
    bench = Workbench()
    bench.do(*funded(A, 9), *opened(B, wallet_type="merchant"))
    issuing = first(request(issue(CARD, A), "root", expected_version=0))
    confirmed = bench.do(issuing.request)
    record = after(issuing.slip, confirmed, None)
    assert isinstance(record, Travel)
    assert record.request.command_id == payment_step_id(ID, "record")
    assert record.request.expected_version == 0
    asked = request(payment(A, B, 5, name="p"), "root", expected_version=0)
    going: Travel | Finished = first(asked)
    seen: dict[str, int | None] = {}
    while isinstance(going, Travel):
        name = going.slip.step
        assert going.request.command_id == payment_step_id(ID, name)
        seen[name] = going.request.expected_version
        going = after(going.slip, bench.do(going.request), None)
    assert seen.pop("end") == 0
    assert set(seen.values()) == {None}


def test_the_answer_of_a_saga_is_the_first_of_its_kind() -> None:
    """I4, T6: it is the root's own, with all events, and no replay of a step's."""
    bench = Workbench()
    bench.do(*funded(A, 9), *opened(B))
    saga = TransferSaga(bench.handler.handle, bench.store)
    root = request(TRANSFER, "root")
    outcome = saga.run(root, TRANSFER)
    assert isinstance(outcome, Committed)
    assert (outcome.command_id, outcome.correlation_id) == (ID, ID)
    assert outcome.replayed is False
    again = committed(root, replace(outcome, replayed=True), {"end": outcome})
    assert again == replace(outcome, events=outcome.events)


def test_an_order_on_one_aggregate_is_named_as_no_process() -> None:
    """T5: to travel with it is a mistake of the caller's program."""
    with pytest.raises(TypeError, match=r"^DebitWallet is no process$"):
        first(request(withdrawal(A, 1)))


def test_each_transfer_and_each_closing_has_steps_of_its_own() -> None:
    """T6: the ids of steps follow from the transfer, or from the closing."""
    bench = Workbench()
    bench.do(*funded(A, 9), *opened(B))
    for root, base in (
        (request(TRANSFER, "root"), transfer_id("t")),
        (request(CloseWallet(wallet_id=A, sweep_to=B), "close"), command_id("close")),
    ):
        going: Travel | Finished = first(root, time_limit_s=7)
        names = []
        while isinstance(going, Travel):
            assert going.slip.time_limit_s == 7
            names.append(going.slip.step)
            assert going.request.command_id == step_id(base, going.slip.step)
            outcome = bench.do(going.request)
            state, _ = load(bench.store, primary_stream(going.request.command))
            going = after(going.slip, outcome, state)
        assert len(names) > 2


def test_a_payment_saga_hands_on_the_fault_that_stopped_it() -> None:
    """T6, E4: it is the root's answer, so that it can be run again."""
    bench = Workbench()
    bench.do(*funded(A, 9), *opened(B, wallet_type="merchant"))
    order = payment(A, B, 5, name="p")

    def stopped(asked: CommandRequest) -> Rejected:
        return rejected(asked, StoreUnavailable())

    root = request(order, "root")
    outcome = PaymentSaga(stopped, bench.store).run(root, order)
    assert outcome == rejected(root, StoreUnavailable())
    bench.do(order)
    assert bench.payment(P).payment_id == P
