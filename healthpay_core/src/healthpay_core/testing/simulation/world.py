"""The world of a story: two handlers on one storage, beside the reference model."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol, TypeAlias

from healthpay_core.clock import Clock, ManualClock
from healthpay_core.handler import CommandHandler
from healthpay_core.outcome import CommandRequest, Committed, Outcome
from healthpay_core.payment_sagas import PaymentSaga
from healthpay_core.policy import LimitPolicy
from healthpay_core.ports import EventStore, SnapshotStore
from healthpay_core.sagas import TransferSaga
from healthpay_core.sweeps import Sweeper
from healthpay_core.testing.model import ReferenceModel
from healthpay_core.testing.simulation.coverage import Coverage
from healthpay_core.testing.simulation.judge import Judge
from healthpay_core.testing.simulation.ledger import Ledger, Violation
from healthpay_core.testing.simulation.projection import BalanceProjection
from healthpay_core.testing.simulation.rest import check_everything, come_to_rest
from healthpay_core.testing.simulation.steps import (
    PAYMENT_COMMANDS,
    Deliver,
    Fault,
    Jump,
    LoseSnapshots,
    Restart,
    Resume,
    RunSaga,
    Send,
    Step,
    Sweep,
)
from healthpay_core.testing.simulation.stores import (
    Crash,
    FaultySnapshots,
    FaultyStore,
    Storage,
)
from healthpay_core.transfer.commands import TransferFunds

HANDLERS: Final = 2
_DEEP_EVERY: Final = 150
_LOOK_BACK: Final = 40
_DAY_US: Final = 86_400_000_000


class Handler(Protocol):
    """What the simulation needs of a `CommandHandler`."""

    def handle(self, request: CommandRequest) -> Outcome:
        """Decide one command."""
        ...

    def handle_many(self, requests: tuple[CommandRequest, ...]) -> list[Outcome]:
        """Decide a batch."""
        ...


MakeHandler: TypeAlias = Callable[
    [EventStore, Clock, LimitPolicy, SnapshotStore], Handler
]


class _Stopped(BaseException):
    """A saga's process is gone between two steps."""


def make_handler(
    store: EventStore, clock: Clock, policy: LimitPolicy, snapshots: SnapshotStore
) -> Handler:
    """A `CommandHandler` that takes snapshots often and never waits."""
    return CommandHandler(
        store,
        clock=clock,
        policy=policy,
        snapshots=snapshots,
        snapshot_every=3,
        cached_streams=24,
        cached_receipts=16,
        pause=lambda _: None,
    )


class _Process:
    """One handler with its own handle, saga runners and sweeper."""

    def __init__(self, world: World, number: int) -> None:
        self.store = FaultyStore(world.storage.open())
        self.handler = world.make(
            self.store, world.clock, world.policy, world.snapshots
        )

        def execute(request: CommandRequest) -> Outcome:
            return world.execute(number, request)

        self.transfers = TransferSaga(execute, self.store.behind, time_limit_s=120)
        self.payments = PaymentSaga(execute, self.store.behind)
        self.sweeper = Sweeper(execute, self.store.behind, world.clock)


class World:
    """Plays steps, and raises `Violation` at the first that breaks a rule.

    Args:
        storage: Where events are kept.
        policy: The limits.
        start: The clock's first instant, microseconds.
        make: Makes the handlers.
    """

    def __init__(
        self,
        storage: Storage,
        *,
        policy: LimitPolicy,
        start: int,
        make: MakeHandler = make_handler,
    ) -> None:
        self.storage: Storage = storage
        self.policy: LimitPolicy = policy
        self.make: MakeHandler = make
        self.clock: ManualClock = ManualClock(start)
        self.snapshots: FaultySnapshots = FaultySnapshots()
        self.model: ReferenceModel = ReferenceModel(policy)
        self.coverage: Coverage = Coverage(stories=1)
        self.truth: EventStore = storage.open()
        self.ledger: Ledger = Ledger(storage)
        self.judge: Judge = Judge(
            self.model, self.truth, self.ledger, self.clock, self.coverage
        )
        self.projection: BalanceProjection = BalanceProjection()
        self.processes: list[_Process] = [
            _Process(self, number) for number in range(HANDLERS)
        ]
        self._delivered = 0
        self._left: int | None = None

    def close(self) -> None:
        """Let go of the storage."""
        for process in self.processes:
            self.storage.close(process.store.behind)
        self.storage.close(self.truth)

    def play(self, step: Step) -> None:
        """Play one step and look at everything that is cheap to look at.

        Raises:
            Violation: A rule is broken.
        """
        self.coverage.steps += 1
        if isinstance(step, Send):
            self._send(step)
        elif isinstance(step, Jump):
            self._jump(step.by_us)
        else:
            self._play_rare(step)
        if self.coverage.steps % _DEEP_EVERY == 0:
            self.check()

    def check(self) -> None:
        """Look at everything, however long it takes."""
        check_everything(self)

    def rest(self) -> None:
        """Faults off: all comes to its end, and nothing is left over."""
        come_to_rest(self)

    def execute(self, number: int, request: CommandRequest) -> Outcome:
        """A saga's or sweep's command: played like any other."""
        if self._left is not None:
            if self._left == 0:
                raise _Stopped
            self._left -= 1
        process = self.processes[number]
        try:
            outcome = process.handler.handle(request)
        except Crash:
            self.judge.after_a_crash((request,))
            raise
        self.judge.outcomes((request,), [outcome], process.store.fired)
        process.store.end_of_command()
        return outcome

    def _play_rare(self, step: Step) -> None:
        match step:
            case RunSaga():
                self._run_saga(step)
            case Resume():
                self._resume(step)
            case Sweep():
                swept = self.processes[step.handler].sweeper.sweep()
                happenings = self.coverage.happenings
                happenings["authorization swept"] += swept.authorizations
                happenings["card swept"] += swept.cards
            case Restart():
                self.restart(step.handler)
            case LoseSnapshots():
                self.snapshots.lose(stale=step.stale)
                self._happened("snapshots stale" if step.stale else "snapshots lost")
            case Deliver():
                self._deliver(step.seed)
            case _:
                raise TypeError(step)

    def _send(self, step: Send) -> None:
        process, requests = self.processes[step.handler], step.requests
        if step.fault is None:
            outcomes = process.handler.handle_many(requests)
            self.judge.outcomes(requests, outcomes, ())
            return
        self._arm(step.handler, step.fault, step)
        answers: list[Outcome] | None = None
        with suppress(Crash):
            answers = process.handler.handle_many(requests)
        self._disarm(process, requests, answers)
        if answers is None:
            self.restart(step.handler)

    def _arm(self, number: int, fault: Fault, step: Send | None) -> None:
        process = self.processes[number]
        if fault.name == "snapshots raise":
            self.snapshots.raising = True
        if step is None or fault.name not in ("another first", "the same first"):
            process.store.arm(fault)
            return
        request = step.requests[0]
        rival = step.meanwhile or request
        other = self.processes[1 - number].handler

        def first() -> None:
            self.judge.rival(request, rival, other.handle(rival))

        process.store.arm(fault, first)

    def _disarm(
        self,
        process: _Process,
        requests: tuple[CommandRequest, ...],
        outcomes: list[Outcome] | None,
    ) -> None:
        fired = process.store.disarm()
        if self.snapshots.raised:
            fired.append("snapshots raise")
        self.snapshots.raising, self.snapshots.raised = False, 0
        self.coverage.faults.update(fired[:1])
        if outcomes is None:
            self.judge.after_a_crash(requests)
        elif requests:
            self.judge.outcomes(requests, outcomes, fired)

    def _jump(self, by_us: int) -> None:
        before = self.clock.business_day(self.clock.now())
        self.clock.instant += by_us
        after = self.clock.business_day(self.clock.now())
        if by_us < 0:
            self._happened("clock set back")
        if before.date != after.date:
            self._happened("midnight passed")
            if before.date[:7] != after.date[:7]:
                self._happened("month ended")
            if after.ends_at - after.starts_at != _DAY_US:
                self._happened("clocks changed")

    def _run_saga(self, step: RunSaga) -> None:
        process, request = self.processes[step.handler], step.request
        self._left = step.stops_after
        if step.fault is not None:
            self._arm(step.handler, step.fault, None)
        outcome: Outcome | None = None
        try:
            outcome = self._saga(process, request)
        except _Stopped:
            self._happened("saga stopped halfway")
        except Crash:
            self.restart(step.handler)
        finally:
            self._left = None
            self._disarm(process, (), [])
        if isinstance(outcome, Committed):
            self._saga_committed(request, outcome)

    def _saga(self, process: _Process, request: CommandRequest) -> Outcome:
        command = request.command
        if isinstance(command, TransferFunds):
            return process.transfers.run(request, command)
        assert isinstance(command, PAYMENT_COMMANDS)
        return process.payments.run(request, command)

    def _saga_committed(self, request: CommandRequest, outcome: Committed) -> None:
        status = self.model.status(request.command)
        if status == "none":
            raise Violation("no acknowledged command lost", f"{outcome.command_id}")

    def _resume(self, step: Resume) -> None:
        process = self.processes[step.handler]
        if step.fault is not None:
            self._arm(step.handler, step.fault, None)
        try:
            self.resume_all(step.handler)
        except Crash:
            self.restart(step.handler)
        finally:
            self._disarm(process, (), [])

    def resume_all(self, number: int) -> None:
        """Run every saga that was left behind."""
        process = self.processes[number]
        for transfer_id in process.transfers.pending():
            process.transfers.resume(transfer_id)
            self._happened("saga resumed")
        for payment_id in process.payments.pending():
            process.payments.resume(payment_id)
            self._happened("saga resumed")

    def restart(self, number: int) -> None:
        """A process starts anew on what is stored."""
        self.storage.close(self.processes[number].store.behind)
        self.processes[number] = _Process(self, number)
        self._happened("restart")

    def _deliver(self, seed: int) -> None:
        shuffled = random.Random(seed)  # noqa: S311
        after = max(0, self._delivered - shuffled.randrange(_LOOK_BACK))
        events = list(self.truth.feed(after, shuffled.randrange(1, 2 * _LOOK_BACK)))
        if events:
            self._delivered = max(self._delivered, events[-1].position)
        shuffled.shuffle(events)
        projection = self.projection
        duplicates, early = projection.duplicates, projection.early
        projection.deliver(events)
        if projection.duplicates > duplicates:
            self._happened("feed delivered twice")
        if projection.early > early:
            self._happened("feed delivered out of order")

    def _happened(self, what: str) -> None:
        self.coverage.happenings[what] += 1
