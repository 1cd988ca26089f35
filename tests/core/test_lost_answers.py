"""What a caller is told when an answer was lost, or a bug was met (I3, I4, E5)."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from healthpay_core import (
    Append,
    AppendResult,
    CommandRequest,
    Committed,
    EventStore,
    Observer,
    Outcome,
    Rejected,
)
from healthpay_core.refusals import IdempotencyKeyReused, InternalError
from healthpay_core.testing import (
    ScriptedStore,
    Workbench,
    deposit,
    funded,
    request,
    wallet_id,
    withdrawal,
)
from healthpay_core.testing.stores import lose_the_append

A = wallet_id("a")


class Notes:
    """An observer that keeps the errors that it is told."""

    def __init__(self) -> None:
        self.errors: list[tuple[str, BaseException]] = []

    def batch_handled(
        self, requests: Sequence[CommandRequest], outcomes: Sequence[Outcome]
    ) -> None:
        """Nothing to keep."""

    def unexpected(self, error_id: str, error: BaseException) -> None:
        self.errors.append((error_id, error))


def _funded(*observers: Observer) -> tuple[ScriptedStore, Workbench]:
    store = ScriptedStore()
    bench = Workbench(store, observers=observers)
    bench.do(*funded(A, 10))
    return store, bench


def test_a_lost_answer_is_looked_up_by_what_was_asked() -> None:
    """I3, I4: what others stored under the key meanwhile is a replay, or reused."""
    for asked, amount, is_same in ((b"", 4, True), (b"x", 4, False), (b"", 3, False)):
        store, bench = _funded()
        faster = Workbench(store)
        before = request(withdrawal(A, amount), "k")

        def step(
            behind: EventStore,
            append: Append,
            faster: Workbench = faster,
            before: CommandRequest = before,
        ) -> AppendResult:
            faster.do(deposit(A, 1), before)
            return lose_the_append(behind, append)

        store.script.append(step)
        order = request(withdrawal(A, 4), "k", fingerprint=asked)
        (outcome,) = bench.handle(order)
        if is_same:
            assert isinstance(outcome, Committed)
            assert outcome.replayed
            assert outcome.resource.version == 5
        else:
            assert isinstance(outcome, Rejected)
            assert outcome.error == IdempotencyKeyReused(command_id=order.command_id)


def test_a_bug_is_noted_under_the_id_that_is_answered() -> None:
    """E5: the error's id in the answer is the one that observers were told."""
    notes = Notes()
    store, bench = _funded(notes)
    store.reads_raise = OSError("secret")
    store.somebody_else += 1
    (outcome,) = bench.handle(withdrawal(A, 1))
    assert isinstance(outcome, Rejected)
    assert isinstance(outcome.error, InternalError)
    assert [error_id for error_id, _ in notes.errors] == [outcome.error.error_id]
    assert str(UUID(outcome.error.error_id)) == outcome.error.error_id
