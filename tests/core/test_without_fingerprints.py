"""Who gives no fingerprint has one key, one command all the same (I3, I4)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

import pytest

from healthpay_core import (
    AuthorizePayment,
    CapturePayment,
    Code,
    CommandRequest,
    Committed,
    InMemoryEventStore,
    LocalRuntime,
    Outcome,
    OutcomeRecord,
    PaymentSaga,
    Rejected,
    TransferSaga,
)
from healthpay_core.fingerprints import digest_of
from healthpay_core.outcome import rejected, unknown
from healthpay_core.payment.saga import plan_initiation, step_id
from healthpay_core.refusals import IdempotencyKeyReused, StoreUnavailable
from healthpay_core.replays import recover
from healthpay_core.sagas import begin_request
from healthpay_core.testing import (
    Workbench,
    command_id,
    deposit,
    funded,
    hold,
    opened,
    payment,
    payment_id,
    request,
    transfer,
    transfer_id,
    wallet_id,
    withdrawal,
)

A, B, M = wallet_id("a"), wallet_id("b"), wallet_id("m")
P = payment_id("p")


def _bench() -> Workbench:
    bench = Workbench()
    bench.do(*funded(A, 100), *opened(B))
    return bench


def _is_reused(outcome: Outcome) -> bool:
    return isinstance(outcome, Rejected) and isinstance(
        outcome.error, IdempotencyKeyReused
    )


def _unavailable(sent: CommandRequest) -> Outcome:
    return rejected(sent, StoreUnavailable())


def test_another_command_under_the_id_is_refused() -> None:
    """I3: a deposit under the id of a withdrawal is not told that it was done."""
    bench = _bench()
    order = request(withdrawal(A, 30), "k")
    first = bench.do(order)
    bench.refuse(
        request(deposit(B, 999), "k"),
        Code.IDEMPOTENCY_KEY_REUSED,
        command_id=command_id("k"),
    )
    assert bench.do(request(withdrawal(A, 30), "k")) == replace(first, replayed=True)
    assert (bench.wallet(A).balance, bench.wallet(B).balance) == (70, 0)


def test_a_request_with_its_command_replaced_is_another() -> None:
    """I3: nothing of the first command clings to a copy of its request."""
    bench = _bench()
    order = request(withdrawal(A, 30), "k")
    first, other = bench.handle(order, replace(order, command=withdrawal(A, 31)))
    assert isinstance(first, Committed)
    assert _is_reused(other)
    assert order.fingerprint == b""


def test_the_digest_is_stored_of_success_and_of_refusal() -> None:
    """I2, I7: it is in the record, so that every later process compares with it."""
    bench = _bench()
    for key, order in (("done", withdrawal(A, 30)), ("refused", withdrawal(A, 300))):
        bench.handle(request(order, key))
        (record,) = bench.store.outcomes((command_id(key),)).values()
        assert record.fingerprint == digest_of(order)
    other = Workbench(bench.store)
    assert _is_reused(other.handle(request(withdrawal(A, 31), "done"))[0])
    assert _is_reused(other.handle(request(withdrawal(A, 301), "refused"))[0])


def test_a_given_fingerprint_goes_before_the_command() -> None:
    """I2: the caller has said what is the same; nothing is digested then."""
    bench = _bench()
    first = bench.do(request(withdrawal(A, 30), "k", fingerprint=b"x"))
    same = request(withdrawal(A, 31), "k", fingerprint=b"x")
    assert bench.do(same) == replace(first, replayed=True)
    (record,) = bench.store.outcomes((command_id("k"),)).values()
    assert record.fingerprint == b"x"
    bench.refuse(request(withdrawal(A, 30), "k"), Code.IDEMPOTENCY_KEY_REUSED)


@pytest.mark.parametrize("given", [b"", b"x"])
def test_what_was_stored_without_a_digest_is_replayed(given: bytes) -> None:
    """I4: outcomes from before commands had digests are answered with for ever."""
    bench = _bench()
    first = bench.do(request(withdrawal(A, 30), "k"))
    (stored,) = bench.store.outcomes((command_id("k"),)).values()

    class Older(InMemoryEventStore):
        def outcomes(self, command_ids: object) -> dict[str, OutcomeRecord]:
            return {command_id("k"): replace(stored, fingerprint=b"")}

    again = request(withdrawal(A, 30), "k", fingerprint=given)
    assert Workbench(Older()).do(again) == replace(first, replayed=True)


def test_an_expired_record_is_made_again_with_the_digest() -> None:
    """I3, I8: what is found in the events is compared like what was stored."""
    bench = _bench()
    order = request(withdrawal(A, 30), "k")
    bench.do(order)
    for asked, fingerprint in (
        (order, digest_of(order.command)),
        (replace(order, fingerprint=b"x"), b"x"),
    ):
        found = recover(bench.store, asked)
        assert found is not None
        assert found.fingerprint == fingerprint


def test_a_step_is_stored_as_ever() -> None:
    """T6: what only processes order has no digest, and its id says it all."""
    bench = _bench()
    order = hold(A, "h", 5)
    bench.do(request(order, "k"))
    (record,) = bench.store.outcomes((command_id("k"),)).values()
    assert record.fingerprint == b""
    assert bench.do(request(replace(order, amount=6), "k")).replayed


def test_while_a_command_runs_another_under_its_id_is_reused() -> None:
    """I3, I5: the runtime tells the same command from another one."""
    bench = _bench()
    runtime = LocalRuntime(bench.handler)
    order = request(withdrawal(A, 30), "k")
    marked = replace(order, fingerprint=b"x")

    async def main() -> list[Outcome]:
        orders = (order, order, request(withdrawal(A, 31), "k"), marked)
        return await asyncio.gather(*map(runtime.submit, orders))

    done, again, other, given = asyncio.run(main())
    assert isinstance(done, Committed)
    assert isinstance(again, Rejected)
    assert again.error.code is Code.IDEMPOTENCY_KEY_IN_USE
    assert _is_reused(other)
    assert _is_reused(given)


def test_another_transfer_under_both_ids_does_not_ride_on_the_first() -> None:
    """I3, T1: the same root and transfer id with another amount is refused."""
    bench = _bench()
    saga = TransferSaga(bench.handler.handle, bench.store)
    order, other = transfer(A, B, 60, name="t"), transfer(A, B, 30, name="t")
    first = saga.run(request(order, "k"), order)
    assert isinstance(first, Committed)
    assert saga.run(request(order, "k"), order) == first
    refused = saga.run(request(other, "k"), other)
    assert isinstance(refused, Rejected)
    assert refused.error.code is Code.TRANSFER_ALREADY_EXISTS
    assert bench.wallet(B).balance == 60


def test_a_transfer_that_began_without_a_digest_is_run_on() -> None:
    """I4, T6: begun by an earlier release, it ends; another one's is still taken."""
    bench = _bench()
    saga = TransferSaga(bench.handler.handle, bench.store)
    order = transfer(A, B, 60, name="t")
    root = request(order, "k")
    # As it was: a hash of the root's id and of no fingerprint at all.
    before = sha256(root.command_id.encode()).digest()
    bench.do(replace(begin_request(root, order, 60), fingerprint=before))
    for stranger in (request(order, "l"), replace(root, fingerprint=b"x")):
        refused = saga.run(stranger, order)
        assert isinstance(refused, Rejected)
        assert refused.error.code is Code.TRANSFER_ALREADY_EXISTS
    assert bench.transfer(transfer_id("t")).status == "initiated"
    assert isinstance(saga.run(root, order), Committed)
    assert bench.wallet(B).balance == 60


def _payments() -> tuple[Workbench, PaymentSaga]:
    bench = _bench()
    bench.do(*opened(M, wallet_type="merchant"))
    return bench, PaymentSaga(bench.handler.handle, bench.store)


def test_another_order_on_a_payment_does_not_ride_on_the_first() -> None:
    """I3, P5: a second capture under the id of the first is refused."""
    bench, saga = _payments()
    bench.do(payment(A, M, 60, name="p"), AuthorizePayment(payment_id=P))
    order = CapturePayment(payment_id=P, amount=10, final=False)
    first = saga.run(request(order, "k"), order)
    assert isinstance(first, Committed)
    assert saga.run(request(order, "k"), order) == first
    other = replace(order, amount=20)
    assert _is_reused(saga.run(request(other, "k"), other))
    assert bench.wallet(M).balance == 10


@pytest.mark.parametrize("given", [(b"", b""), (b"x", b"y")])
def test_another_payment_does_not_ride_on_the_first(given: tuple[bytes, bytes]) -> None:
    """I3, P1: initiated in steps, a second payment under the id is refused."""
    bench, saga = _payments()
    order, other = payment(A, M, 60, name="p"), payment(A, M, 30, name="q")
    mine, theirs = given
    first = saga.run(request(order, "k", fingerprint=mine), order)
    assert isinstance(first, Committed)
    assert saga.run(request(order, "k", fingerprint=mine), order) == first
    assert _is_reused(saga.run(request(other, "k", fingerprint=theirs), other))
    assert bench.queries.payment(payment_id("q")) is None


@pytest.mark.parametrize("answer", [unknown, _unavailable])
def test_a_payment_whose_first_step_is_in_the_dark_is_not_over(
    answer: Callable[[CommandRequest], Outcome],
) -> None:
    """T6, I2: the first step has what was asked; its failure is the payment's."""
    bench, _ = _payments()
    order = payment(A, M, 60, name="p")
    asked: list[CommandRequest] = []

    def execute(sent: CommandRequest) -> Outcome:
        asked.append(sent)
        return answer(sent)

    root = request(order, "k")
    assert PaymentSaga(execute, bench.store).run(root, order) == answer(root)
    (step,) = asked
    assert step.command_id == step_id(root.command_id, "payer")
    assert step.command == plan_initiation(root.command_id, order).legs[0].command
    assert step.fingerprint == digest_of(order)


def test_a_fault_at_a_later_step_is_the_payments() -> None:
    """T6: the caller is told what the fault was, and may send it again."""
    bench, saga = _payments()
    order = payment(A, M, 60, name="p")
    root = request(order, "k")

    def execute(sent: CommandRequest) -> Outcome:
        is_first = sent.command_id == step_id(root.command_id, "payer")
        return bench.handler.handle(sent) if is_first else _unavailable(sent)

    assert PaymentSaga(execute, bench.store).run(root, order) == _unavailable(root)
    assert isinstance(saga.run(root, order), Committed)
