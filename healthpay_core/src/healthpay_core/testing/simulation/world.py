"""The world of a story: two handlers on one storage, beside the reference model."""

from __future__ import annotations

import random
from contextlib import suppress
from functools import partial
from typing import Final

from healthpay_core.clock import ManualClock
from healthpay_core.ids import StreamId
from healthpay_core.outcome import CommandRequest, Committed, Outcome
from healthpay_core.policy import LimitPolicy
from healthpay_core.ports import EventStore
from healthpay_core.states import Versioned
from healthpay_core.testing.model import ReferenceModel
from healthpay_core.testing.simulation.coverage import Coverage
from healthpay_core.testing.simulation.judge import Judge
from healthpay_core.testing.simulation.ledger import Ledger, Violation
from healthpay_core.testing.simulation.process import (
    Journal,
    MakeHandler,
    Process,
    make_handler,
)
from healthpay_core.testing.simulation.projection import BalanceProjection
from healthpay_core.testing.simulation.rest import check_everything, come_to_rest
from healthpay_core.testing.simulation.steps import (
    RIVALS,
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

HANDLERS: Final = 2
_DEEP_EVERY: Final = 150
_LOOK_BACK: Final = 40
_DAY_US: Final = 86_400_000_000


class _Stopped(BaseException):
    """A saga's process is gone between two steps."""


class World:
    """Plays steps, and raises `Violation` at the first that breaks a rule.

    Args:
        storage: Where events are kept.
        policy: The limits.
        start: The clock's first instant, microseconds.
        make: Makes the handlers.
        slips: Whether sagas travel as slips, or are run by one runner each.
    """

    def __init__(
        self,
        storage: Storage,
        *,
        policy: LimitPolicy,
        start: int,
        make: MakeHandler = make_handler,
        slips: bool = False,
    ) -> None:
        self.storage: Storage = storage
        self.policy: LimitPolicy = policy
        self.make: MakeHandler = make
        self.clock: ManualClock = ManualClock(start)
        self.snapshots: FaultySnapshots = FaultySnapshots()
        self.model: ReferenceModel = ReferenceModel(policy)
        self.truth: EventStore = storage.open()
        self.ledger: Ledger = Ledger(storage)
        self.coverage: Coverage = Coverage(stories=1, movements=self.ledger.movements)
        self.judge: Judge = Judge(
            self.model, self.truth, self.ledger, self.clock, self.coverage
        )
        self.projection: BalanceProjection = BalanceProjection()
        self.folded: dict[StreamId, Versioned] = {}
        self.journal: Journal | None = Journal() if slips else None
        self.processes: list[Process] = [self._process(n) for n in range(HANDLERS)]
        self._delivered = 0
        self._left: int | None = None
        self._asked: CommandRequest | None = None
        self._of_rival: Exception | None = None

    def close(self) -> None:
        """Let go of the storage."""
        for process in self.processes:
            self.storage.close(process.store.behind)
        self.storage.close(self.truth)

    def play(self, step: Step) -> None:
        """Play one step and look at everything that it can have changed.

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
        self._asked = request
        try:
            outcome = process.handler.handle(request)
        except Crash:
            self.judge.after_a_crash((request,))
            raise
        self._look_at_rival()
        self.judge.outcomes((request,), [outcome], process.store.fired)
        process.store.end_of_command()
        return outcome

    def resume_all(self, number: int) -> None:
        """Run every saga that was left behind."""
        resumed = self.processes[number].resume_all()
        self.coverage.happenings["saga resumed"] += resumed

    def restart(self, number: int) -> None:
        """A process starts anew on what is stored."""
        self.storage.close(self.processes[number].store.behind)
        self.processes[number] = self._process(number)
        self._happened("restart")

    def _process(self, number: int) -> Process:
        store = FaultyStore(self.storage.open())
        handler = self.make(store, self.clock, self.policy, self.snapshots)
        execute = partial(self.execute, number)
        return Process(store, handler, execute, self.clock, self.journal)

    def _play_rare(self, step: Step) -> None:
        match step:
            case RunSaga():
                self._run_saga(step)
            case Resume() | Sweep():
                self._catch_up(step)
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
        self._asked = requests[0]
        self._arm(step.handler, step.fault)
        answers: list[Outcome] | None = None
        with suppress(Crash):
            answers = process.handler.handle_many(requests)
        self._look_at_rival()
        fired = self._disarm(process, "command" if len(requests) == 1 else "batch")
        if answers is None:
            self.judge.after_a_crash(requests)
            self.restart(step.handler)
        else:
            self.judge.outcomes(requests, answers, fired)

    def _arm(self, number: int, fault: Fault | None) -> None:
        if fault is None:
            return
        store = self.processes[number].store
        self.snapshots.raising = fault.name == "snapshots raise"
        if fault.name not in RIVALS:
            store.arm(fault)
            return
        other = self.processes[1 - number].handler

        def first() -> None:
            assert self._asked is not None
            rival = fault.meanwhile or self._asked
            try:
                self.judge.rival(self._asked, rival, other.handle(rival))
            except Exception as error:
                # The handler that appends would take it for the store's.
                self._of_rival = error

        store.arm(fault, first)

    def _look_at_rival(self) -> None:
        if self._of_rival is not None:
            raise self._of_rival

    def _disarm(self, process: Process, place: str) -> list[str]:
        fired = process.store.disarm()
        if self.snapshots.raised:
            fired.append("snapshots raise")
        self.snapshots.raising, self.snapshots.raised = False, 0
        for fault in fired[:1]:
            self.coverage.faults[fault, place] += 1
        return fired

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
        self._arm(step.handler, step.fault)
        outcome: Outcome | None = None
        try:
            outcome = process.run(request)
        except _Stopped:
            self._happened("saga stopped halfway")
        except Crash:
            self.restart(step.handler)
        finally:
            self._left = None
            self._disarm(process, "saga")
        if isinstance(outcome, Committed) and self._is_lost(request):
            raise Violation("no acknowledged command lost", outcome.command_id)

    def _is_lost(self, request: CommandRequest) -> bool:
        return self.model.status(request.command) == "none"

    def _catch_up(self, step: Resume | Sweep) -> None:
        process = self.processes[step.handler]
        self._arm(step.handler, step.fault)
        try:
            if isinstance(step, Resume):
                self.resume_all(step.handler)
            else:
                self._sweep(process)
        except Crash:
            self.restart(step.handler)
        finally:
            self._disarm(process, "resume or sweep")

    def _sweep(self, process: Process) -> None:
        swept = process.sweeper.sweep()
        happenings = self.coverage.happenings
        happenings["authorization swept"] += swept.authorizations
        happenings["card swept"] += swept.cards

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
