"""Drives a transfer's saga step by step: repeated, reordered, lost."""

from __future__ import annotations

from collections.abc import Callable

from healthpay_core.ids import transfer_stream
from healthpay_core.outcome import (
    CommandRequest,
    Committed,
    Decided,
    Outcome,
    Unknown,
)
from healthpay_core.ports import EventStore
from healthpay_core.states import load
from healthpay_core.transfer.commands import BeginTransfer, TransferFunds
from healthpay_core.transfer.events import TransferInitiated
from healthpay_core.transfer.saga import Ended, Step, next_step, step_id
from healthpay_core.transfer.state import InitiatedTransfer


class SagaDriver:
    """A transfer in saga form, one step at a time.

    Args:
        execute: Decides a single-stream command, such as `CommandHandler.handle`.
        store: Where its events are.
        command: The transfer; it is begun at once.
        time_limit_s: After so many seconds no money moves any more.
    """

    def __init__(
        self,
        execute: Callable[[CommandRequest], Outcome],
        store: EventStore,
        command: TransferFunds,
        *,
        time_limit_s: int = 60,
    ) -> None:
        self._execute = execute
        self.transfer_id: str = command.transfer_id
        self.results: dict[str, Decided] = {}
        self.done: list[Step] = []
        begin = BeginTransfer(
            transfer_id=command.transfer_id,
            source_wallet_id=command.source_wallet_id,
            destination_wallet_id=command.destination_wallet_id,
            amount=command.amount,
            currency=command.currency,
            time_limit_s=time_limit_s,
        )
        command_id = step_id(self.transfer_id, "begin")
        outcome = execute(CommandRequest(command=begin, command_id=command_id))
        assert isinstance(outcome, Committed), outcome
        state, _ = load(store, transfer_stream(self.transfer_id))
        assert isinstance(state, InitiatedTransfer), state
        self.order: TransferInitiated = state.order

    def next(self) -> Step | Ended:
        """What the saga wants to do now."""
        return next_step(self.transfer_id, self.order, self.results)

    def step(self) -> str | None:
        """Do the next step; its name, or None when the saga has ended."""
        step = self.next()
        if isinstance(step, Ended):
            return None
        self.results[step.name] = self.repeat(step)
        self.done.append(step)
        return step.name

    def repeat(self, step: Step) -> Decided:
        """Do a step again, whatever came after it."""
        command_id = step.command_id(self.transfer_id)
        request = CommandRequest(command=step.command, command_id=command_id)
        outcome = self._execute(request)
        assert not isinstance(outcome, Unknown), outcome
        return outcome

    def forget(self) -> None:
        """Lose what is known of the steps, as in a crash (T6)."""
        self.results.clear()

    def finish(self) -> Ended:
        """Do what is left."""
        while self.step() is not None:
            pass
        ended = self.next()
        assert isinstance(ended, Ended)
        return ended
