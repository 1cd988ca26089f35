"""What the steps of a transfer leave in the events, and whose they are (T5-T8, B5)."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from healthpay_core import (
    CommandRequest,
    Committed,
    EventEnvelope,
    InMemoryEventStore,
    Outcome,
    RecordedEvent,
    Rejected,
    SuspendWallet,
    TransferFunds,
    TransferInitiated,
    TransferSaga,
    WalletCredited,
    WalletDebited,
    WalletHoldPlaced,
    WalletHoldReleased,
    transfer_stream,
    wallet_stream,
)
from healthpay_core.outcome import rejected
from healthpay_core.refusals import StoreUnavailable, TransferAlreadyExists
from healthpay_core.testing import (
    NOW,
    Workbench,
    command_id,
    deposit,
    funded,
    opened,
    request,
    transfer,
    transfer_id,
    wallet_id,
)
from healthpay_core.transfer.commands import BeginTransfer
from healthpay_core.transfer.events import TransferCompleted, TransferFailed
from healthpay_core.transfer.saga import hold_id_of, next_step, step_id
from healthpay_core.wallet.events import Related

A, B = wallet_id("source"), wallet_id("destination")
T = transfer_id("t")
EARLIER = transfer_id("earlier")
ORDER = TransferFunds(
    transfer_id=T,
    source_wallet_id=A,
    destination_wallet_id=B,
    amount=60,
    currency="EGP",
    reference="bill 7",
    reverses_transfer_id=EARLIER,
)


@pytest.fixture
def bench() -> Workbench:
    """A source with 100 and an empty destination."""
    made = Workbench()
    made.do(*funded(A, 100), *opened(B))
    return made


def _saga(bench: Workbench, **options: int) -> TransferSaga:
    return TransferSaga(bench.handler.handle, bench.store, **options)


def _of(bench: Workbench, sent: CommandRequest | None = None) -> list[EventEnvelope]:
    """Run the transfer; the events of its steps."""
    before = len(bench.feed())
    _saga(bench).run(sent or request(ORDER), ORDER)
    return [recorded.envelope for recorded in bench.feed()[before:]]


def test_a_completed_transfer_says_all_of_its_order(bench: Workbench) -> None:
    """T1, T5, T8: who, how much, by when, for what, and whose money it returns."""
    begun, held, credited, debited, completed = _of(bench)
    assert begun.data == TransferInitiated(
        source_wallet_id=A,
        destination_wallet_id=B,
        amount=60,
        currency="EGP",
        mode="saga",
        reference="bill 7",
        expires_at=NOW + 60_000_000,
        reverses_transfer_id=EARLIER,
    )
    assert completed.data == TransferCompleted(
        source_event_id=debited.event_id,
        destination_event_id=credited.event_id,
        completed_at=NOW,
    )
    related = Related(transfer_id=T)
    assert isinstance(held.data, WalletHoldPlaced)
    assert (held.data.hold_id, held.data.purpose) == (hold_id_of(T), "transfer")
    assert held.data.expires_at == NOW + 60_000_000 + 30 * 86_400_000_000
    assert held.data.related == related
    assert isinstance(credited.data, WalletCredited)
    assert isinstance(debited.data, WalletDebited)
    for leg, other in ((credited.data, A), (debited.data, B)):
        assert (leg.amount, leg.currency, leg.reference) == (60, "EGP", "bill 7")
        assert (leg.counter_account, leg.related) == (f"wallet:{other}", related)
    reasons = (credited.data.reason, debited.data.reason)
    assert reasons == ("transfer_in", "transfer_out")
    assert debited.data.hold_id == hold_id_of(T)


def test_each_step_says_what_caused_it(bench: Workbench) -> None:
    """B5, T6: ids of steps follow from the transfer, the conversation is the root's."""
    sent = CommandRequest(
        command=ORDER, command_id=command_id("root"), correlation_id="talk"
    )
    found = [event.meta for event in _of(bench, sent)]
    names = ("begin", "hold", "credit", "capture", "complete")
    assert [meta.command_id for meta in found] == [step_id(T, n) for n in names]
    assert {meta.correlation_id for meta in found} == {"talk"}
    assert {meta.causation_id for meta in found} == {sent.command_id}


def test_without_a_conversation_the_root_command_is_one(bench: Workbench) -> None:
    """B5: the correlation of all steps is then the id of the root command."""
    sent = request(ORDER, "root")
    found = [event.meta for event in _of(bench, sent)]
    assert {meta.correlation_id for meta in found} == {sent.command_id}


def test_ids_of_steps_are_for_ever() -> None:
    """T6: a process of another release has to know a step by the same id."""
    assert step_id(T, "begin") == "6d560265-9d19-57a8-a628-f4b3e57a1f73"
    assert step_id(T, "resume") == "3a154eae-b37f-51ff-9188-7635c525fd6e"
    assert hold_id_of(T) == "08988898-abc0-5faa-8550-18502065b4bd"


@pytest.mark.parametrize(
    ("amount", "suspend", "late", "failed"),
    [
        (101, False, False, ("hold", "INSUFFICIENT_FUNDS", False, "source")),
        (60, True, False, ("credit", "WALLET_NOT_ACTIVE", True, "destination")),
        (60, False, True, ("timeout", "TRANSFER_TIMEOUT", True, None)),
    ],
    ids=["hold", "credit", "timeout"],
)
def test_a_failed_transfer_says_where_it_failed_and_on_whose_side(
    bench: Workbench, amount: int, suspend: bool, late: bool, failed: tuple[object, ...]
) -> None:
    """T5, T7: stage, code, party, and whether a hold went back; then it is over."""
    order = transfer(A, B, amount, name="t")
    if suspend:
        bench.do(SuspendWallet(wallet_id=B, reason_code="fraud"))

    def execute(sent: CommandRequest) -> Outcome:
        outcome = bench.handler.handle(sent)
        if late and sent.command_id == step_id(order.transfer_id, "hold"):
            bench.clock.advance(seconds=60)
        return outcome

    outcome = TransferSaga(execute, bench.store).run(request(order), order)
    assert isinstance(outcome, Rejected)
    assert outcome.error.code.value == failed[1]
    last = bench.store.read(transfer_stream(order.transfer_id))[-1].envelope.data
    assert isinstance(last, TransferFailed)
    stage, code, released, party = failed
    assert (last.stage, last.failure_code) == (stage, code)
    assert (last.hold_released, last.party) == (released, party)
    own = bench.store.read(wallet_stream(A))[-1].envelope.data
    if released:
        assert isinstance(own, WalletHoldReleased)
        assert (own.amount, own.reason) == (amount, "failed")
    else:
        assert isinstance(own, WalletCredited)


def test_a_resumed_transfer_is_a_conversation_of_its_own(bench: Workbench) -> None:
    """T6, B5: the sweep's steps are of one root, whose id follows from the transfer."""
    begin = BeginTransfer(
        transfer_id=T,
        source_wallet_id=A,
        destination_wallet_id=B,
        amount=60,
        currency="EGP",
    )
    bench.do(CommandRequest(command=begin, command_id=step_id(T, "begin")))
    root = step_id(T, "resume")
    outcome = _saga(bench).resume(T)
    assert isinstance(outcome, Committed)
    assert (outcome.command_id, outcome.correlation_id) == (root, root)
    completed = bench.store.read(transfer_stream(T))[-1].envelope.meta
    assert (completed.correlation_id, completed.causation_id) == (root, root)


def test_whoever_runs_a_step_again_replays_it(bench: Workbench) -> None:
    """T6, V3: neither the fingerprint nor the version of the root is the steps'."""
    sent = CommandRequest(command=ORDER, fingerprint=b"asked", expected_version=0)
    steps = 0

    def execute(asked: CommandRequest) -> Outcome:
        nonlocal steps
        steps += 1
        if steps == 4:
            return rejected(asked, StoreUnavailable())
        return bench.handler.handle(asked)

    broken = TransferSaga(execute, bench.store).run(sent, ORDER)
    assert broken == rejected(sent, StoreUnavailable())
    assert isinstance(_saga(bench).resume(T), Committed)
    assert isinstance(_saga(bench).run(sent, ORDER), Committed)
    assert bench.wallet(B).balance == 60


def test_the_id_that_is_taken_is_told(bench: Workbench) -> None:
    """T1: another root cannot begin the same transfer."""
    _of(bench)
    outcome = _saga(bench).run(request(ORDER, "another"), ORDER)
    assert isinstance(outcome, Rejected)
    assert outcome.error == TransferAlreadyExists(transfer_id=T)


def test_the_time_limit_is_at_least_a_second(bench: Workbench) -> None:
    """T7: it is noted in the first fact, to the second."""
    _saga(bench, time_limit_s=1).run(request(ORDER), ORDER)
    first = bench.store.read(transfer_stream(T))[0].envelope.data
    assert isinstance(first, TransferInitiated)
    assert first.expires_at == NOW + 1_000_000
    with pytest.raises(ValueError, match=r"^time_limit_s must be at least 1$"):
        _saga(bench, time_limit_s=0)


def test_what_has_not_begun_is_named(bench: Workbench) -> None:
    """T6: a transfer that is not there cannot be run on."""
    with pytest.raises(LookupError, match=f"^transfer {T} has not begun as a saga$"):
        _saga(bench).resume(T)


def test_a_transfer_in_atomic_form_has_no_steps() -> None:
    """T4: it has no time limit, and nothing is left to do."""
    initiated = TransferInitiated(
        source_wallet_id=A,
        destination_wallet_id=B,
        amount=60,
        currency="EGP",
        mode="atomic",
    )
    with pytest.raises(ValueError, match=r"^a transfer in atomic form has no steps$"):
        next_step(T, initiated, {})


def test_a_first_step_to_the_same_wallet_is_refused(bench: Workbench) -> None:
    """T2: the saga's own first step refuses it too, whoever sends it."""
    same = transfer(A, A, 60, name="t")
    before = len(bench.feed())
    outcome = _saga(bench).run(request(same), same)
    assert isinstance(outcome, Rejected)
    assert outcome.error.code.value == "SELF_TRANSFER_NOT_ALLOWED"
    assert len(bench.feed()) == before


class _Paged(InMemoryEventStore):
    """Notes by how much its feed is read."""

    def __init__(self) -> None:
        super().__init__()
        self.limits: list[int] = []

    def feed(self, after: int = 0, limit: int = 1000) -> Sequence[RecordedEvent]:
        self.limits.append(limit)
        return super().feed(after, limit)


def test_pending_transfers_are_found_in_pages_from_the_first_event_on() -> None:
    """T6: oldest first, whatever else is in the feed, and in any size of page."""
    store = _Paged()
    bench = Workbench(store)

    def begin(name: str) -> BeginTransfer:
        return BeginTransfer(
            transfer_id=transfer_id(name),
            source_wallet_id=A,
            destination_wallet_id=B,
            amount=60,
            currency="EGP",
        )

    bench.do(begin("first"), *funded(A, 100), *opened(B))
    bench.do(transfer(A, B, 5, name="atomic"), begin("second"))
    bench.do(deposit(A, 1))
    store.limits.clear()
    assert list(_saga(bench).pending(limit=2)) == [
        transfer_id("first"),
        transfer_id("second"),
    ]
    assert set(store.limits) == {2}
