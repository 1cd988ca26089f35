"""The handler when things go wrong around it (E3-E5, A1, T4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from healthpay_core import (
    CATALOGUE,
    Append,
    AppendResult,
    Code,
    CommandHandler,
    CommandRequest,
    Committed,
    EventStore,
    InMemoryEventStore,
    NotStorable,
    Outcome,
    Rejected,
    StoreFault,
    StreamCorrupted,
    Unknown,
    domain,
    wallet_stream,
)
from healthpay_core.refusals import InternalError
from healthpay_core.states import StateCache
from healthpay_core.testing import (
    ScriptedStore,
    Workbench,
    create,
    deposit,
    funded,
    opened,
    request,
    transfer,
    transfer_id,
    wallet_id,
    withdrawal,
)
from healthpay_core.testing.appends import append_of, stream
from healthpay_core.testing.stores import (
    Step,
    lose_the_answer,
    lose_the_append,
    store_and_raise,
    unavailable,
)

A, B, C = map(wallet_id, "abc")


class Notes:
    """An observer that keeps what it is told."""

    def __init__(self) -> None:
        self.batches: list[tuple[Sequence[CommandRequest], Sequence[Outcome]]] = []
        self.errors: list[tuple[str, BaseException]] = []

    def batch_handled(
        self, requests: Sequence[CommandRequest], outcomes: Sequence[Outcome]
    ) -> None:
        self.batches.append((requests, outcomes))

    def unexpected(self, error_id: str, error: BaseException) -> None:
        self.errors.append((error_id, error))


class Raising:
    """An observer that cannot take anything."""

    def batch_handled(
        self, requests: Sequence[CommandRequest], outcomes: Sequence[Outcome]
    ) -> None:
        raise OSError("observer")

    def unexpected(self, error_id: str, error: BaseException) -> None:
        raise OSError("observer")


def _funded(store: EventStore | None = None) -> tuple[ScriptedStore, Workbench, Notes]:
    scripted, notes = ScriptedStore(store), Notes()
    bench = Workbench(scripted, observers=(Raising(), notes))
    bench.do(*funded(A, 10), *opened(B))
    return scripted, bench, notes


def test_a_store_that_takes_nothing_is_unavailable() -> None:
    """E4: the answer is retryable, nothing is stored, and the next one goes on."""
    store, bench, _ = _funded()
    store.script.append(unavailable)
    error = bench.refuse(request(withdrawal(A, 4), "k"), Code.STORE_UNAVAILABLE)
    assert CATALOGUE[error.code].retryable
    assert dict(error.details()) == {"retry_after_s": 1}
    bench.do(request(withdrawal(A, 4), "k"))
    assert bench.wallet(A).balance == 6


def test_an_unavailable_store_fails_what_it_would_have_stored_only() -> None:
    """E4: of a batch, replays and refusals that are not stored keep their answers."""
    store, bench, _ = _funded()
    done = request(withdrawal(A, 1), "done")
    bench.do(done)
    store.script.append(unavailable)
    outcomes = bench.handle(
        done,
        withdrawal(wallet_id("nobody"), 1),
        withdrawal(A, 99),
        withdrawal(A, 1),
    )
    assert isinstance(outcomes[0], Committed)
    assert [o.error.code for o in outcomes[1:] if isinstance(o, Rejected)] == [
        Code.WALLET_NOT_FOUND,
        Code.STORE_UNAVAILABLE,
        Code.STORE_UNAVAILABLE,
    ]


@pytest.mark.parametrize("step", [lose_the_answer, store_and_raise])
def test_what_was_stored_is_never_called_failed(step: Step) -> None:
    """E4, I7: when the answer is lost the handler looks again and finds it."""
    store, bench, _ = _funded()
    store.script.append(step)
    outcome = bench.do(withdrawal(A, 4))
    assert not outcome.replayed
    assert outcome.events[0].sequence == 4
    assert bench.do(withdrawal(A, 6)).events[0].sequence == 5


def test_what_may_be_stored_is_unknown() -> None:
    """E4: when nobody can say, the answer is Unknown, and a repetition is safe."""
    store, bench, _ = _funded()
    store.script.append(lose_the_append)
    order = request(withdrawal(A, 4), "k")
    (outcome,) = bench.handle(order)
    assert outcome == Unknown(
        command_id=order.command_id, correlation_id=order.command_id
    )
    assert not bench.do(order).replayed
    assert bench.wallet(A).balance == 6


def test_what_is_in_doubt_is_not_called_undone_by_a_store_that_is_gone() -> None:
    """I4, E4: unknown stays unknown until the store has stored something again."""
    store, bench, _ = _funded()
    order = request(withdrawal(A, 4), "k")
    store.script += [lose_the_append, unavailable]
    for _ in range(2):
        (outcome,) = bench.handle(order)
        assert isinstance(outcome, Unknown)
    store.reads_raise = StoreFault("gone")
    assert isinstance(bench.handle(order)[0], Unknown)
    bench.refuse(withdrawal(A, 1), Code.STORE_UNAVAILABLE)
    store.reads_raise = None
    bench.do(deposit(A, 1))
    store.script.append(unavailable)
    bench.refuse(order, Code.STORE_UNAVAILABLE)
    assert not bench.do(order).replayed


def test_what_was_stored_in_doubt_is_unknown_until_it_is_looked_up() -> None:
    """I4, E4: that something else was stored since says nothing about it."""
    store, bench, _ = _funded()
    order = request(withdrawal(A, 4), "k")

    def step(behind: EventStore, append: Append) -> AppendResult:
        store.outcomes_raise = StoreFault("gone")
        return lose_the_answer(behind, append)

    store.script.append(step)
    assert isinstance(bench.handle(order)[0], Unknown)
    store.outcomes_raise = None
    bench.do(deposit(A, 1))
    store.reads_raise = store.outcomes_raise = StoreFault("gone")
    assert isinstance(bench.handle(order)[0], Unknown)
    store.reads_raise = store.outcomes_raise = None
    assert bench.do(order).replayed


def test_what_cannot_be_stored_costs_its_batch_nothing() -> None:
    """E5, T9: it alone is told of a bug; the others are done, in their order."""
    store, bench, notes = _funded()

    def refuse(behind: EventStore, append: Append) -> AppendResult:
        if any(event.aggregate_id == C for event in append.events):
            raise NotStorable("planted")
        return behind.append(append)

    store.script += [refuse] * 4
    bad = create(C)
    outcomes = bench.handle(withdrawal(A, 4), bad, withdrawal(A, 6), withdrawal(A, 1))
    first, spoilt, last, refused = outcomes
    assert isinstance(first, Committed)
    assert isinstance(last, Committed)
    assert [o.error.code for o in (spoilt, refused) if isinstance(o, Rejected)] == [
        Code.INTERNAL_ERROR,
        Code.INSUFFICIENT_FUNDS,
    ]
    assert [type(error) for _, error in notes.errors] == [NotStorable]
    assert bench.wallet(A).balance == 0


def test_what_cannot_be_looked_up_is_unknown_and_safe_to_repeat() -> None:
    """E4, I4: stored but not readable is Unknown; repeated, it is a replay."""
    for problem in (StoreFault("gone"), OSError("gone")):
        store, bench, _ = _funded()

        def step(
            behind: EventStore,
            append: Append,
            store: ScriptedStore = store,
            problem: Exception = problem,
        ) -> AppendResult:
            store.outcomes_raise = problem
            return lose_the_answer(behind, append)

        store.script.append(step)
        order = request(withdrawal(A, 4), "k")
        (outcome,) = bench.handle(order)
        assert isinstance(outcome, Unknown)
        store.outcomes_raise = None
        assert bench.do(order).replayed
        assert bench.wallet(A).balance == 6


def test_a_lost_answer_to_somebody_elses_command_is_a_replay() -> None:
    """I4: when another handler stored the command meanwhile, the answer is its own."""
    store, bench, _ = _funded()
    other = Workbench(store)
    order = request(withdrawal(A, 4), "k")
    other.clock.advance(seconds=5)
    other.do(deposit(A, 1))

    def step(behind: EventStore, append: Append) -> AppendResult:
        other.do(order)
        return lose_the_append(behind, append)

    store.somebody_else += 1
    store.script.append(step)
    (outcome,) = bench.handle(order)
    assert isinstance(outcome, Committed)


def test_a_store_that_cannot_be_read_is_unavailable() -> None:
    """E4: a fault of reading is STORE_UNAVAILABLE for each command of the batch."""
    store, bench, notes = _funded()
    store.reads_raise = StoreFault("gone")
    outcomes = bench.handle(withdrawal(A, 1), deposit(A, 1))
    codes = [o.error.code for o in outcomes if isinstance(o, Rejected)]
    assert codes == [Code.STORE_UNAVAILABLE] * 2
    assert notes.errors == []


def test_a_store_that_raises_while_reading_is_an_internal_error() -> None:
    """E5: the text of the exception stays inside; an id is answered and noted."""
    store, bench, notes = _funded()
    store.reads_raise = OSError("secret path")
    error = bench.refuse(withdrawal(A, 1), Code.INTERNAL_ERROR)
    assert isinstance(error, InternalError)
    assert notes.errors == [(error.error_id, store.reads_raise)]
    assert "secret" not in f"{error} {error.message}"
    store.reads_raise = None
    bench.do(withdrawal(A, 1))


def test_a_stream_that_the_store_cannot_understand_is_corrupt() -> None:
    """C5: what a store raises for one stream is answered with that stream's name."""

    class Garbled(InMemoryEventStore):
        def facts(self, stream, after=0, limit=None):  # type: ignore[no-untyped-def]
            if stream == wallet_stream(A):
                raise StreamCorrupted("not JSON")
            return super().facts(stream, after, limit)

    store = Garbled()
    Workbench(store).do(*funded(A, 10), *funded(B, 10))
    bench = Workbench(store)
    bench.refuse(withdrawal(A, 1), Code.CORRUPT_STREAM, stream=wallet_stream(A))
    bench.do(withdrawal(B, 1))


def _breaks_on(
    monkeypatch: pytest.MonkeyPatch, name: str, when: Callable[[object], bool]
) -> None:
    """Make a function of the domain raise for some of its first arguments."""
    whole: Callable[..., object] = getattr(domain, name)

    def broken(first: object, *rest: object) -> object:
        if when(first):
            raise ZeroDivisionError("a bug")
        return whole(first, *rest)

    monkeypatch.setattr(domain, name, broken)


@pytest.mark.parametrize("name", ["decide", "validate", "streams"])
def test_a_bug_fails_its_command_alone(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """E5: a decision that raises is INTERNAL_ERROR; the rest of the batch commits."""
    _, bench, notes = _funded()
    bug, well = withdrawal(A, 3), withdrawal(A, 4)
    _breaks_on(monkeypatch, name, lambda command: command is bug)
    first, second, third = bench.handle(well, bug, request(well, "k"))
    assert isinstance(first, Committed)
    assert isinstance(third, Committed)
    assert isinstance(second, Rejected)
    assert isinstance(second.error, InternalError)
    assert [type(error) for _, error in notes.errors] == [ZeroDivisionError]
    assert [error_id for error_id, _ in notes.errors] == [second.error.error_id]
    assert bench.wallet(A).balance == 2
    assert bench.store.outcomes((second.command_id,)) == {}


@pytest.mark.parametrize(
    "error", [ZeroDivisionError("a bug"), StreamCorrupted("a bug")]
)
@pytest.mark.parametrize("leg", range(4))
def test_a_bug_in_the_middle_of_a_command_leaves_none_of_it(
    monkeypatch: pytest.MonkeyPatch, error: Exception, leg: int
) -> None:
    """T4, E3: when a later fact of a transfer cannot be applied, no fact is stored."""
    _, bench, _ = _funded()
    whole = domain.evolve
    calls = iter(range(100))

    def broken(state, event):  # type: ignore[no-untyped-def]
        if next(calls) == leg + 1:
            raise error
        return whole(state, event)

    monkeypatch.setattr(domain, "evolve", broken)
    first, second, third = bench.handle(
        deposit(A, 1), transfer(A, B, 4, name="t"), withdrawal(A, 1)
    )
    monkeypatch.undo()
    assert isinstance(first, Committed)
    assert isinstance(third, Committed)
    assert isinstance(second, Rejected)
    assert isinstance(second.error, InternalError)
    assert bench.queries.transfer(transfer_id("t")) is None
    assert (bench.wallet(A).balance, bench.wallet(B).balance) == (10, 0)
    bench.do(transfer(A, B, 10, name="t"))


def test_observers_hear_of_every_batch_and_cannot_spoil_it() -> None:
    """E5: what an observer raises changes no answer, and the next one still hears."""
    _, bench, notes = _funded()
    orders = [request(withdrawal(A, 1)), request(withdrawal(A, 99))]
    outcomes = bench.handler.handle_many(orders)
    assert notes.batches[-1] == (orders, outcomes)


def test_an_empty_batch_is_no_work() -> None:
    """T9: nothing in, nothing out, nothing stored."""
    store, bench, _ = _funded()
    done = len(store.appends)
    assert bench.handler.handle_many(()) == []
    assert len(store.appends) == done


def test_the_cache_is_bounded() -> None:
    """V5: states that do not fit are read again when they are needed."""
    store = InMemoryEventStore()
    handler = CommandHandler(store, cached_streams=2, cached_receipts=0)
    for name in "abcde":
        for command in funded(wallet_id(name), 10):
            assert isinstance(handler.handle(request(command)), Committed)
    assert len(handler.states._entries) <= 2
    for name in "abcde":
        refused = request(withdrawal(wallet_id(name), 1), expected_version=9)
        assert isinstance(handler.handle(refused), Rejected)
    assert len(handler.states._entries) <= 3
    order = request(withdrawal(A, 10), "k")
    assert isinstance(handler.handle(order), Committed)
    again = handler.handle(order)
    assert isinstance(again, Committed)
    assert again.replayed


def test_an_interrupted_append_is_doubted() -> None:
    """V5: after an interrupt inside the store the state is read again."""
    store, bench, _ = _funded()

    def interrupted(behind: EventStore, append: Append) -> AppendResult:
        behind.append(append)
        raise KeyboardInterrupt

    store.script.append(interrupted)
    with pytest.raises(KeyboardInterrupt):
        bench.handle(withdrawal(A, 10))
    bench.refuse(withdrawal(A, 11), Code.INSUFFICIENT_FUNDS, available_amount=0)


def test_an_append_names_every_stream_that_it_touches() -> None:
    """V1: an event without an expected version is a mistake, not an append."""
    with pytest.raises(ValueError, match="no version is expected"):
        append_of("c", (stream("a"), 0), (stream("b"), 0), expected={stream("a"): 0})


@pytest.mark.parametrize(("every", "capacity"), [(0, 1), (1, 0), (-1, 1)])
def test_bounds_of_the_cache_are_at_least_one(every: int, capacity: int) -> None:
    """V5: a cache of nothing is a mistake."""
    with pytest.raises(ValueError, match="at least 1"):
        StateCache(InMemoryEventStore(), snapshot_every=every, capacity=capacity)
