"""One key, one effect (rules I3-I10 at the handler and the runtime)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from threading import Event, Thread

from healthpay_core import (
    Append,
    AppendResult,
    ChangeWalletKycLevel,
    Code,
    CommandRequest,
    Committed,
    EventStore,
    InMemoryEventStore,
    LocalRuntime,
    Outcome,
    OutcomeRecord,
    Rejected,
    SuspendWallet,
    event_id,
)
from healthpay_core.outcome import rejected
from healthpay_core.refusals import IdempotencyKeyInUse, IdempotencyKeyReused
from healthpay_core.testing import (
    ScriptedStore,
    Workbench,
    after,
    command_id,
    create,
    deposit,
    funded,
    opened,
    request,
    transfer,
    wallet_id,
    withdrawal,
)
from healthpay_core.testing.appends import race

A, B = wallet_id("a"), wallet_id("b")


def _code(outcome: Outcome) -> Code:
    assert isinstance(outcome, Rejected), outcome
    return outcome.error.code


def test_the_same_request_gets_the_same_answer() -> None:
    """I4: the stored outcome again, marked as a replay, and no new event."""
    bench = Workbench()
    bench.do(*funded(A, 10))
    order = request(withdrawal(A, 4), "k", fingerprint=b"x")
    first = bench.do(order)
    bench.do(withdrawal(A, 1))
    before = list(bench.feed())
    assert bench.do(order) == replace(first, replayed=True)
    assert list(bench.feed()) == before


def test_the_answer_outlives_the_handler() -> None:
    """I4, I7: another handler on the same store answers from what is stored."""
    store = InMemoryEventStore()
    first_bench, second_bench = Workbench(store), Workbench(store)
    first_bench.do(*funded(A, 10))
    order = request(withdrawal(A, 4), "k")
    first = first_bench.do(order)
    assert second_bench.do(order) == replace(first, replayed=True)


def test_another_request_under_the_key_is_refused() -> None:
    """I3: another fingerprint is no replay, and the first answer stays."""
    bench = Workbench()
    bench.do(*funded(A, 10))
    order = request(withdrawal(A, 4), "k", fingerprint=b"x")
    first = bench.do(order)
    other = request(withdrawal(A, 5), "k", fingerprint=b"y")
    bench.refuse(other, Code.IDEMPOTENCY_KEY_REUSED, command_id=command_id("k"))
    assert bench.do(order) == replace(first, replayed=True)
    assert bench.wallet(A).balance == 6


def test_idempotency_comes_before_every_other_check() -> None:
    """E2: a replay or a reused key is answered before amount, existence and state."""
    bench = Workbench()
    bench.do(*funded(A, 10))
    first = bench.do(request(withdrawal(A, 4), "k", fingerprint=b"x"))
    bench.do(SuspendWallet(wallet_id=A, reason_code="fraud"))
    again = request(withdrawal(A, 4), "k", fingerprint=b"x")
    assert bench.do(again) == replace(first, replayed=True)
    senseless = request(transfer(B, B, 0), "k", fingerprint=b"y")
    bench.refuse(senseless, Code.IDEMPOTENCY_KEY_REUSED)


def test_decided_refusals_are_pinned() -> None:
    """I6: a state or value refusal is the answer for good, whatever comes after."""
    bench = Workbench()
    bench.do(*opened(A))
    order = request(withdrawal(A, 4), "k")
    (first,) = bench.handle(order)
    bench.do(deposit(A, 10))
    (again,) = bench.handle(order)
    assert isinstance(first, Rejected)
    assert again == replace(first, replayed=True)
    assert bench.store.outcomes((command_id("k"),))[command_id("k")].outcome == first


def test_a_pinned_static_refusal_is_stored_though_nothing_was_read() -> None:
    """I6: an amount of zero is decided, and stays so under its key."""
    bench = Workbench()
    order = request(withdrawal(A, 0), "k")
    bench.refuse(order, Code.INVALID_AMOUNT)
    (again,) = bench.handle(order)
    assert isinstance(again, Rejected)
    assert again.replayed


def test_what_was_not_decided_is_not_pinned() -> None:
    """I6: 400, 404, 412 and 5xx leave the key free for the same request."""
    store = ScriptedStore()
    bench = Workbench(store)
    later = request(withdrawal(A, 4), "absent")
    bench.refuse(later, Code.WALLET_NOT_FOUND)
    bench.do(*funded(A, 10))
    bench.do(later)
    early = request(withdrawal(A, 1), "early", expected_version=9)
    bench.refuse(early, Code.VERSION_MISMATCH)
    bench.do(replace(early, expected_version=4))
    shapeless = replace(
        request(withdrawal(A, 1), "shapeless"),
        command=replace(withdrawal(A, 1), reason="payment"),
    )
    bench.refuse(shapeless, Code.VALIDATION_ERROR)
    assert bench.store.outcomes((command_id("shapeless"),)) == {}
    store.outcomes_raise = OSError("gone")
    bench.refuse(request(withdrawal(A, 1), "broken"), Code.INTERNAL_ERROR)
    store.outcomes_raise = None
    bench.do(request(withdrawal(A, 1), "broken"))


def test_the_outcome_is_in_the_append_of_the_events() -> None:
    """I7: one append holds the events and the record of each command of a batch."""
    store = ScriptedStore()
    bench = Workbench(store)
    bench.do(*funded(A, 10))
    done = len(store.appends)
    bench.handle(request(withdrawal(A, 4), "k"), request(withdrawal(A, 7), "l"))
    (append,) = store.appends[done:]
    assert [event.meta.command_id for event in append.events] == [command_id("k")]
    assert [r.meta.command_id for r in append.outcomes] == [
        command_id("k"),
        command_id("l"),
    ]


def test_the_same_key_twice_in_a_batch_has_one_effect() -> None:
    """I9: the second of a batch is a replay of the first, or another request."""
    bench = Workbench()
    bench.do(*funded(A, 10))
    order = request(withdrawal(A, 4), "k", fingerprint=b"x")
    first, again, other = bench.handle(order, order, replace(order, fingerprint=b"y"))
    assert isinstance(first, Committed)
    assert again == replace(first, replayed=True)
    assert _code(other) is Code.IDEMPOTENCY_KEY_REUSED
    assert bench.wallet(A).balance == 6


def test_an_unpinned_refusal_frees_the_key_within_the_batch() -> None:
    """I6: the same id again in the batch is decided on what is there by then."""
    bench = Workbench()
    order = request(deposit(A, 4), "k")
    outcomes = bench.handle(order, *opened(A), order)
    assert _code(outcomes[0]) is Code.WALLET_NOT_FOUND
    assert isinstance(outcomes[3], Committed)
    assert not outcomes[3].replayed


def test_event_ids_follow_from_the_command() -> None:
    """I8: the same command makes the same event ids, whenever it is decided."""
    bench = Workbench()
    bench.do(request(create(A), "k"))
    (recorded,) = bench.feed()
    assert recorded.envelope.event_id == event_id(A, command_id("k"), 0)
    assert after(create(A)) == after(create(A))


class _Forgetful(ScriptedStore):
    """A store whose outcomes have expired; its events have not."""

    expired = False

    def outcomes(self, command_ids: object) -> dict[str, OutcomeRecord]:
        found = super().outcomes(command_ids)  # type: ignore[arg-type]
        return {} if self.expired else dict(found)


def test_after_expiry_the_events_are_the_answer() -> None:
    """I8: a command whose record is gone is replayed from its events."""
    store = _Forgetful()
    bench = Workbench(store)
    bench.do(*funded(A, 10), *opened(B))
    order = request(transfer(A, B, 4, name="t"), "k")
    first = bench.do(order)
    bench.do(withdrawal(A, 1))
    store.expired = True
    fresh = Workbench(store)
    moved_on = request(withdrawal(A, 1), "new")
    for key_reused in (order, request(withdrawal(A, 4), "k")):
        (outcome, done) = fresh.handle(key_reused, moved_on)
        assert isinstance(done, Committed)
        if key_reused is order:
            assert outcome == replace(first, replayed=True)
        moved_on = request(withdrawal(A, 1), "newer")
    assert fresh.wallet(B).balance == 4


def test_after_expiry_a_command_is_never_stored_twice() -> None:
    """I8: what left no event in the streams of the request is a conflict, no effect."""
    store = _Forgetful()
    bench = Workbench(store)
    bench.do(*funded(A, 10), *opened(B))
    bench.do(request(deposit(B, 4), "k"))
    store.expired = True
    fresh = Workbench(store)
    fresh.refuse(request(withdrawal(A, 4), "k"), Code.CONCURRENCY_CONFLICT)
    assert fresh.wallet(A).balance == 10


def test_fifty_threads_with_one_key_have_one_effect() -> None:
    """I9: one commits, the others are replayed or told that it is under way."""
    bench = Workbench()
    bench.do(*funded(A, 100))
    order = request(withdrawal(A, 1), "k", fingerprint=b"x")
    runtime = LocalRuntime(bench.handler)
    outcomes = race(*(partial(runtime.execute, order) for _ in range(50)))
    first = [o for o in outcomes if isinstance(o, Committed) and not o.replayed]
    assert len(first) == 1
    codes = {_code(o) for o in outcomes if not isinstance(o, Committed)}
    assert codes <= {Code.IDEMPOTENCY_KEY_IN_USE}
    assert bench.wallet(A).balance == 99


def test_fifty_threads_on_the_handler_have_one_effect() -> None:
    """I9: without the runtime's queue all but one are replays."""
    bench = Workbench()
    bench.do(*funded(A, 100))
    order = request(withdrawal(A, 1), "k", fingerprint=b"x")
    outcomes = race(*(partial(bench.handler.handle, order) for _ in range(50)))
    replayed = [isinstance(o, Committed) and o.replayed for o in outcomes]
    assert sorted(replayed) == [False] + [True] * 49
    assert bench.wallet(A).balance == 99


def test_while_a_command_runs_its_key_is_in_use() -> None:
    """I5, I3: meanwhile the same request is in use, another one is reused."""
    store = ScriptedStore()
    bench = Workbench(store)
    bench.do(*funded(A, 10))
    runtime = LocalRuntime(bench.handler)
    appending, go_on = Event(), Event()

    def slowly(behind: EventStore, append: Append) -> AppendResult:
        appending.set()
        assert go_on.wait(30)
        return behind.append(append)

    store.script.append(slowly)
    order = request(withdrawal(A, 4), "k", fingerprint=b"x")
    results: list[Outcome] = []
    running = Thread(target=lambda: results.append(runtime.execute(order)))
    running.start()
    assert appending.wait(30)
    assert runtime.waiting == 1
    in_use = IdempotencyKeyInUse(command_id=command_id("k"))
    assert runtime.execute(order) == rejected(order, in_use)
    other = replace(order, fingerprint=b"y")
    reused = IdempotencyKeyReused(command_id=command_id("k"))
    assert runtime.execute(other) == rejected(other, reused)
    go_on.set()
    running.join(30)
    assert runtime.waiting == 0
    again = runtime.execute(order)
    (first,) = results
    assert isinstance(first, Committed)
    assert again == replace(first, replayed=True)


def test_a_replay_does_not_look_at_the_version() -> None:
    """I10: what has succeeded is answered again, though the version has moved on."""
    bench = Workbench()
    bench.do(*funded(A, 10))
    order = request(withdrawal(A, 4), "k", expected_version=3)
    first = bench.do(order)
    assert bench.do(order) == replace(first, replayed=True)


def test_a_conflict_of_keys_is_never_an_internal_error() -> None:
    """I11: two handlers that race with one key: one commits, the other replays."""
    store = ScriptedStore()
    slow, fast = Workbench(store), Workbench(store)
    slow.do(*funded(A, 10))
    order = request(withdrawal(A, 4), "k")
    firsts: list[Committed] = []

    def step(behind: EventStore, append: Append) -> AppendResult:
        store.somebody_else += 1
        firsts.append(fast.do(order))
        return behind.append(append)

    store.script.append(step)
    assert slow.do(order) == replace(firsts[0], replayed=True)
    assert slow.wallet(A).balance == 6


def test_a_raced_creation_is_a_replay_too() -> None:
    """I11: the same for two commands that expect no stream."""
    store = ScriptedStore()
    slow, fast = Workbench(store), Workbench(store)
    order: CommandRequest = request(create(A), "k")

    def step(behind: EventStore, append: Append) -> AppendResult:
        store.somebody_else += 1
        fast.do(order)
        return behind.append(append)

    store.script.append(step)
    assert slow.do(order).replayed


def test_a_raced_refusal_is_a_replay_too() -> None:
    """I11: two handlers refuse under one key; the second is told so by the store."""
    store = ScriptedStore()
    slow, fast = Workbench(store), Workbench(store)
    slow.do(*opened(A))
    order = request(ChangeWalletKycLevel(wallet_id=A, kyc_level="full"), "k")

    def step(behind: EventStore, append: Append) -> AppendResult:
        fast.refuse(order, Code.INVALID_STATE_TRANSITION)
        return behind.append(append)

    store.script.append(step)
    (outcome,) = slow.handle(order)
    assert isinstance(outcome, Rejected)
    assert outcome.replayed


def test_coroutines_with_one_key_are_one_effect() -> None:
    """I9, I5: on one event loop the second submit finds the first under way."""
    bench = Workbench()
    bench.do(*funded(A, 10))
    runtime = LocalRuntime(bench.handler)
    order = request(withdrawal(A, 4), "k")

    async def main() -> list[Outcome]:
        return await asyncio.gather(*(runtime.submit(order) for _ in range(3)))

    first, second, third = asyncio.run(main())
    assert isinstance(first, Committed)
    assert _code(second) is _code(third) is Code.IDEMPOTENCY_KEY_IN_USE
