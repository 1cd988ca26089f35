"""One process of a story: a handler with its own handle on the store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from healthpay_core.clock import Clock
from healthpay_core.handler import CommandHandler
from healthpay_core.outcome import CommandRequest, Outcome
from healthpay_core.payment_sagas import PaymentSaga
from healthpay_core.policy import LimitPolicy
from healthpay_core.ports import EventStore, SnapshotStore
from healthpay_core.sagas import TransferSaga
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


class Process:
    """A handler with its saga runners and its sweeper.

    Args:
        store: Its own handle, which fails when it is told to.
        handler: Decides.
        execute: Plays a saga's or a sweep's command.
        clock: The story's.
    """

    def __init__(
        self,
        store: FaultyStore,
        handler: Handler,
        execute: Callable[[CommandRequest], Outcome],
        clock: Clock,
    ) -> None:
        self.store: FaultyStore = store
        self.handler: Handler = handler
        self.sweeper: Sweeper = Sweeper(execute, store.behind, clock)
        self._transfers = TransferSaga(execute, store.behind, time_limit_s=120)
        self._payments = PaymentSaga(execute, store.behind)

    def run(self, request: CommandRequest) -> Outcome:
        """Run a transfer or an order on a payment as a saga."""
        command = request.command
        if isinstance(command, TransferFunds):
            return self._transfers.run(request, command)
        assert isinstance(command, PAYMENT_COMMANDS)
        return self._payments.run(request, command)

    def resume_all(self) -> int:
        """Run every saga that was left behind; how many there were."""
        number = 0
        for transfer_id in self._transfers.pending():
            self._transfers.resume(transfer_id)
            number += 1
        for payment_id in self._payments.pending():
            self._payments.resume(payment_id)
            number += 1
        return number
