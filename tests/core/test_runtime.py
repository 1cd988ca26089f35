"""The runtime: one queue for threads and asyncio, one commit a batch (C8, I5)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from threading import Event, Thread

import pytest

from healthpay_core import (
    Append,
    AppendResult,
    Code,
    CommandHandler,
    CommandRequest,
    Committed,
    EventStore,
    LocalRuntime,
    Outcome,
    Rejected,
    Unknown,
)
from healthpay_core.testing import (
    ScriptedStore,
    Workbench,
    create,
    deposit,
    funded,
    request,
    wallet_id,
    withdrawal,
)
from healthpay_core.testing.appends import race

A = wallet_id("a")


class Gate:
    """A step of a store that waits until it is let go."""

    def __init__(self) -> None:
        self.reached, self.go_on = Event(), Event()

    def __call__(self, behind: EventStore, append: Append) -> AppendResult:
        self.reached.set()
        assert self.go_on.wait(30)
        return behind.append(append)


def _world(balance: int = 100) -> tuple[ScriptedStore, Workbench]:
    store = ScriptedStore()
    bench = Workbench(store)
    bench.do(*funded(A, balance))
    return store, bench


def _code(outcome: Outcome) -> Code:
    assert isinstance(outcome, Rejected), outcome
    return outcome.error.code


def test_commands_of_one_turn_of_the_loop_are_one_commit() -> None:
    """T9: what coroutines submit at the same time is appended at once."""
    store, bench = _world()
    runtime = LocalRuntime(bench.handler)
    done = len(store.appends)

    async def main() -> list[Outcome]:
        orders = (request(withdrawal(A, 1)) for _ in range(20))
        return await asyncio.gather(*map(runtime.submit, orders))

    outcomes = asyncio.run(main())
    assert all(isinstance(outcome, Committed) for outcome in outcomes)
    assert len(store.appends) - done == 1


def test_batches_are_bounded() -> None:
    """T9: more than a batch holds is more than one commit, and all are answered."""
    store, bench = _world()
    runtime = LocalRuntime(bench.handler, max_batch=8)
    done = len(store.appends)

    async def main() -> list[Outcome]:
        orders = (request(withdrawal(A, 1)) for _ in range(20))
        return await asyncio.gather(*map(runtime.submit, orders))

    assert len(asyncio.run(main())) == 20
    assert [len(a.outcomes) for a in store.appends[done:]] == [8, 8, 4]


def test_threads_and_coroutines_share_one_queue() -> None:
    """C8: both kinds of callers at once, and exactly what is there is spent."""
    _, bench = _world(30)
    runtime = LocalRuntime(bench.handler, max_batch=5)

    async def coroutines() -> list[Outcome]:
        outcomes: list[Outcome] = []
        for _ in range(5):
            orders = (request(withdrawal(A, 1)) for _ in range(4))
            outcomes += await asyncio.gather(*map(runtime.submit, orders))
        return outcomes

    def threads() -> list[Outcome]:
        return [runtime.execute(request(withdrawal(A, 1))) for _ in range(10)]

    results = race(
        partial(asyncio.run, coroutines()),
        partial(asyncio.run, coroutines()),
        threads,
        threads,
    )
    done = [o for part in results for o in part if isinstance(o, Committed)]
    assert len(done) == 30
    assert bench.wallet(A).balance == 0
    assert runtime.waiting == 0


def test_a_waiting_thread_is_answered_by_whoever_drives() -> None:
    """T9: what queued up behind a slow commit is the next one batch."""
    store, bench = _world()
    runtime = LocalRuntime(bench.handler)
    gate = Gate()
    store.script.append(gate)
    results: list[Outcome] = []

    def call() -> None:
        results.append(runtime.execute(request(withdrawal(A, 1))))

    threads = [Thread(target=call) for _ in range(6)]
    threads[0].start()
    assert gate.reached.wait(30)
    done = len(store.appends)
    for thread in threads[1:]:
        thread.start()
    while runtime.waiting < 6:
        pass
    gate.go_on.set()
    for thread in threads:
        thread.join(30)
    assert [isinstance(outcome, Committed) for outcome in results] == [True] * 6
    assert [len(a.outcomes) for a in store.appends[done:]] == [5]


def test_a_full_queue_is_unavailable() -> None:
    """E4: no more than the capacity waits; the others may come again."""
    store, bench = _world()
    runtime = LocalRuntime(bench.handler, capacity=2)

    async def main() -> list[Outcome]:
        orders = (request(withdrawal(A, 1)) for _ in range(3))
        return await asyncio.gather(*map(runtime.submit, orders))

    first, second, third = asyncio.run(main())
    assert isinstance(first, Committed)
    assert isinstance(second, Committed)
    assert _code(third) is Code.STORE_UNAVAILABLE
    assert isinstance(runtime.execute(request(withdrawal(A, 1))), Committed)
    assert store.appends


def test_a_closed_runtime_takes_nothing_more() -> None:
    """E4: after close both kinds of callers are told to come again."""
    _, bench = _world()
    runtime = LocalRuntime(bench.handler)
    runtime.close()
    runtime.close()
    assert _code(runtime.execute(request(withdrawal(A, 1)))) is Code.STORE_UNAVAILABLE
    order = request(withdrawal(A, 1))
    assert _code(asyncio.run(runtime.submit(order))) is Code.STORE_UNAVAILABLE


def test_close_finishes_what_was_taken() -> None:
    """E4: coroutines that wait are answered before close returns."""
    store, bench = _world()
    runtime = LocalRuntime(bench.handler, max_batch=2)

    async def main() -> list[Outcome]:
        tasks = [
            asyncio.ensure_future(runtime.submit(request(withdrawal(A, 1))))
            for _ in range(5)
        ]
        await asyncio.sleep(0)
        runtime.close()
        assert runtime.waiting == 0
        assert len(store.appends) == 3 + 3
        return await asyncio.gather(*tasks)

    assert all(isinstance(outcome, Committed) for outcome in asyncio.run(main()))


def test_close_waits_for_the_batch_under_way() -> None:
    """E4: when close returns, nobody is in the middle of a commit."""
    store, bench = _world()
    runtime = LocalRuntime(bench.handler)
    gate = Gate()
    store.script.append(gate)
    results: list[Outcome] = []
    order = request(withdrawal(A, 1))
    driver = Thread(target=lambda: results.append(runtime.execute(order)))
    driver.start()
    assert gate.reached.wait(30)
    closed = Event()

    def close() -> None:
        runtime.close()
        closed.set()

    closer = Thread(target=close)
    closer.start()
    assert not closed.wait(0.05)
    gate.go_on.set()
    assert closed.wait(30)
    driver.join(30)
    closer.join(30)
    assert isinstance(results[0], Committed)


def test_a_caller_that_goes_away_does_not_cancel_its_command() -> None:
    """I4: the command is stored, and asking again is a replay."""
    _, bench = _world()
    runtime = LocalRuntime(bench.handler)
    order = request(withdrawal(A, 1), "k")

    async def main() -> Outcome:
        task = asyncio.ensure_future(runtime.submit(order))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0)
        return await runtime.submit(order)

    outcome = asyncio.run(main())
    assert isinstance(outcome, Committed)
    assert outcome.replayed
    assert bench.wallet(A).balance == 99


def test_a_loop_that_ended_leaves_nobody_waiting() -> None:
    """I4: commands of a loop that was closed are decided by the next caller."""
    _, bench = _world()
    runtime = LocalRuntime(bench.handler)
    order = request(withdrawal(A, 1), "k")
    loop = asyncio.new_event_loop()
    coroutine = runtime.submit(order)
    task = loop.create_task(coroutine)
    loop.call_soon(loop.stop)
    # The task runs up to its first wait; the loop stops before it drives.
    loop.run_forever()
    task.cancel()
    waiting = runtime.waiting
    ready = loop._ready  # type: ignore[attr-defined]
    ready.clear()
    loop.close()
    coroutine.close()
    assert waiting == 1
    outcome = runtime.execute(request(deposit(A, 1)))
    assert isinstance(outcome, Committed)
    assert runtime.waiting == 0
    assert bench.wallet(A).balance == 100


class Broken(CommandHandler):
    """A handler that raises for batches that hold a creation."""

    def handle_many(self, requests: Sequence[CommandRequest]) -> list[Outcome]:
        if any(type(r.command).__name__ == "CreateWallet" for r in requests):
            raise ZeroDivisionError("a bug")
        return super().handle_many(requests)


def test_a_handler_that_raises_leaves_no_thread_waiting() -> None:
    """E4: the others are told Unknown, and the keys are free again."""
    store, bench = _world()
    runtime = LocalRuntime(Broken(store, clock=bench.clock))
    order = request(create(wallet_id("b")), "k")
    with pytest.raises(ZeroDivisionError):
        runtime.execute(order)
    assert runtime.waiting == 0
    assert isinstance(runtime.execute(request(withdrawal(A, 1))), Committed)


def test_a_handler_that_raises_leaves_no_coroutine_waiting() -> None:
    """E4: callers of the batch get Unknown, those after it are served."""
    store, bench = _world()
    runtime = LocalRuntime(Broken(store, clock=bench.clock), max_batch=2)
    reported: list[object] = []

    async def main() -> list[Outcome]:
        asyncio.get_running_loop().set_exception_handler(
            lambda _, problem: reported.append(problem["exception"])
        )
        orders = [
            request(withdrawal(A, 1)),
            request(create(wallet_id("b"))),
            request(withdrawal(A, 1)),
        ]
        return await asyncio.gather(*map(runtime.submit, orders))

    first, second, third = asyncio.run(main())
    assert isinstance(first, Unknown)
    assert isinstance(second, Unknown)
    assert isinstance(third, Committed)
    assert [type(error) for error in reported] == [ZeroDivisionError]


@pytest.mark.parametrize("bounds", [{"capacity": 0}, {"max_batch": 0}])
def test_bounds_are_at_least_one(bounds: dict[str, int]) -> None:
    """E4: a queue or batch of nothing is a mistake, of one is enough."""
    _, bench = _world()
    with pytest.raises(
        ValueError, match=r"^capacity and max_batch must be at least 1$"
    ):
        LocalRuntime(bench.handler, **bounds)
    narrow = LocalRuntime(bench.handler, **dict.fromkeys(bounds, 1))
    for _ in range(2):
        assert isinstance(narrow.execute(request(withdrawal(A, 1))), Committed)


def test_a_thread_that_drives_answers_a_coroutine_on_its_own_loop() -> None:
    """C8: a future is only ever settled by its loop, whoever decided its command."""
    _, bench = _world()
    runtime = LocalRuntime(bench.handler)

    async def main() -> tuple[Outcome, list[Outcome]]:
        waiting = asyncio.create_task(runtime.submit(request(withdrawal(A, 1))))
        await asyncio.sleep(0)
        answers: list[Outcome] = []
        # The loop stands still while the thread drives both commands.
        other = Thread(
            target=lambda: answers.append(runtime.execute(request(withdrawal(A, 1))))
        )
        other.start()
        other.join(30)
        return await waiting, answers

    # In debug mode a loop refuses to be called from another thread.
    waited, answers = asyncio.run(main(), debug=True)
    assert isinstance(waited, Committed)
    assert [type(answer) for answer in answers] == [Committed]
    assert bench.wallet(A).balance == 98


@pytest.mark.parametrize("again", ["in a thread", "on a loop"])
def test_a_command_of_a_loop_that_stopped_is_driven_by_its_repetition(
    again: str,
) -> None:
    """I5: told that it is under way, its caller finds it done the next time."""
    bench = Workbench()
    bench.do(*funded(A, 10))
    runtime = LocalRuntime(bench.handler)
    order = request(withdrawal(A, 4), "k")
    loop = asyncio.new_event_loop()

    async def submit() -> None:
        left = asyncio.ensure_future(runtime.submit(order))
        await asyncio.sleep(0)
        loop.stop()
        await left

    task = loop.create_task(submit())
    loop.run_forever()
    assert runtime.waiting == 1
    if again == "in a thread":
        outcome = runtime.execute(order)
    else:

        async def repeat() -> Outcome:
            first = await runtime.submit(order)
            await asyncio.sleep(0.01)
            return first

        outcome = asyncio.run(repeat())
    assert isinstance(outcome, Rejected)
    assert outcome.error.code is Code.IDEMPOTENCY_KEY_IN_USE
    assert runtime.waiting == 0
    assert bench.wallet(A).balance == 6
    loop.run_until_complete(task)
    loop.close()
