"""One process of a story: a handler with its own handle on the store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias

from healthpay_core.clock import Clock
from healthpay_core.domain import primary_stream
from healthpay_core.handler import CommandHandler
from healthpay_core.ids import StreamId
from healthpay_core.outcome import (
    CommandRequest,
    Committed,
    Decided,
    Outcome,
    Unknown,
)
from healthpay_core.payment_sagas import PaymentSaga
from healthpay_core.policy import LimitPolicy
from healthpay_core.ports import EventStore, SnapshotStore
from healthpay_core.sagas import TransferSaga, as_root, is_fault
from healthpay_core.slips import Finished, Travel, after, first
from healthpay_core.states import ABSENT, Versioned, load
from healthpay_core.sweeps import Sweeper
from healthpay_core.testing.simulation.steps import PAYMENT_COMMANDS
from healthpay_core.testing.simulation.stores import FaultyStore
from healthpay_core.transfer.commands import TransferFunds


class Handler(Protocol):
    """What the simulation needs of a `CommandHandler`."""

    def handle(self, request: CommandRequest) -> Outcome:
        """Decide one command."""
        ...

    def handle_many(self, requests: tuple[CommandRequest, ...]) -> list[Outcome]:
        """Decide a batch."""
        ...


TIME_LIMIT_S: Final = 120

MakeHandler: TypeAlias = Callable[
    [EventStore, Clock, LimitPolicy, SnapshotStore], Handler
]


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


@dataclass(slots=True)
class Journal:
    """What outlives a process that runs sagas as slips.

    Attributes:
        begun: The orders that are not finished, by command id.
        follows: What follows on each step that was decided for good.
    """

    begun: dict[str, CommandRequest] = field(default_factory=dict)
    follows: dict[str, Travel | Finished] = field(default_factory=dict)


class Process:
    """A handler with its saga runners and its sweeper.

    Args:
        store: Its own handle, which fails when it is told to.
        handler: Decides.
        execute: Plays a saga's or a sweep's command.
        clock: The story's.
        journal: Where sagas travel as slips, what follows on which step.
    """

    def __init__(
        self,
        store: FaultyStore,
        handler: Handler,
        execute: Callable[[CommandRequest], Outcome],
        clock: Clock,
        journal: Journal | None,
    ) -> None:
        self.store: FaultyStore = store
        self.handler: Handler = handler
        self.sweeper: Sweeper = Sweeper(execute, store.behind, clock)
        self._execute = execute
        self._journal = journal
        self._folded: dict[StreamId, Versioned] = {}
        self._transfers = TransferSaga(execute, store.behind, time_limit_s=TIME_LIMIT_S)
        self._payments = PaymentSaga(execute, store.behind)

    def run(self, request: CommandRequest) -> Outcome:
        """Run what touches several aggregates as a saga."""
        command = request.command
        if self._journal is not None:
            return self._travel(request, self._journal)
        if isinstance(command, TransferFunds):
            return self._transfers.run(request, command)
        assert isinstance(command, PAYMENT_COMMANDS)
        return self._payments.run(request, command)

    def resume_all(self) -> int:
        """Run every saga that was left behind; how many there were."""
        if self._journal is not None:
            left_behind = list(self._journal.begun.values())
            for request in left_behind:
                self._travel(request, self._journal)
            return len(left_behind)
        number = 0
        for transfer_id in self._transfers.pending():
            self._transfers.resume(transfer_id)
            number += 1
        for payment_id in self._payments.pending():
            self._payments.resume(payment_id)
            number += 1
        return number

    def _travel(self, request: CommandRequest, journal: Journal) -> Outcome:
        """Go with a slip from step to step; what was done before is done again."""
        journal.begun[request.command_id] = request
        going: Travel | Finished = first(request, time_limit_s=TIME_LIMIT_S)
        while isinstance(going, Travel):
            outcome = self._execute(going.request)
            if isinstance(outcome, Unknown) or is_fault(outcome):
                return as_root(request, outcome)
            going = self._following(going, outcome, journal)
        del journal.begun[request.command_id]
        return going.outcome

    def _following(
        self, travel: Travel, outcome: Decided, journal: Journal
    ) -> Travel | Finished:
        step_id = travel.request.command_id
        known = journal.follows.get(step_id)
        if known is None:
            stream = primary_stream(travel.request.command)
            # As a processor does, which has the states of what it owns.
            start = self._folded.get(stream, ABSENT)
            folded = load(self.store.behind, stream, start=start)
            state, _ = self._folded[stream] = folded
            known = after(travel.slip, outcome, state)
            if isinstance(outcome, Committed) or outcome.error.pinned:
                journal.follows[step_id] = known
        return known
