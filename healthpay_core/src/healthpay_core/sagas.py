"""Running transfers as sagas over any port that decides single-stream commands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from typing import TypeGuard

from healthpay_core.domain import Command
from healthpay_core.fingerprints import fingerprint_of
from healthpay_core.ids import transfer_stream
from healthpay_core.making import maker
from healthpay_core.outcome import (
    CommandRequest,
    Committed,
    Decided,
    EventRef,
    Outcome,
    Rejected,
    Unknown,
    rejected,
    unknown,
)
from healthpay_core.ports import EventStore
from healthpay_core.refusals import (
    Fault,
    IdempotencyKeyReused,
    NotDone,
    TransferAlreadyExists,
)
from healthpay_core.states import load
from healthpay_core.transfer.commands import BeginTransfer, TransferFunds
from healthpay_core.transfer.events import (
    TransferCompleted,
    TransferFailed,
    TransferInitiated,
)
from healthpay_core.transfer.saga import Step, next_step, step_id
from healthpay_core.transfer.state import (
    CompletedTransfer,
    FailedTransfer,
    InitiatedTransfer,
)

Execute = Callable[[CommandRequest], Outcome]

_make_request = maker(CommandRequest)


class TransferSaga:
    """Moves money in steps, each on one stream (T5, T6).

    Args:
        execute: Decides a single-stream command, such as `CommandHandler.handle`.
        store: Where the transfers' events are read.
        time_limit_s: How long a transfer may take; then it fails for good (T7).
    """

    def __init__(
        self, execute: Execute, store: EventStore, *, time_limit_s: int = 60
    ) -> None:
        if time_limit_s < 1:
            raise ValueError("time_limit_s must be at least 1")
        self._execute = execute
        self._store = store
        self._time_limit_s = time_limit_s

    def run(self, request: CommandRequest, command: TransferFunds) -> Outcome:
        """Run a transfer to its end, or on from where it was left.

        The refusals of `TransferFunds`; unlike the atomic form, a refusal after
        the first step leaves a failed transfer. `Unknown` when a step's outcome
        cannot be known now: run it again with the same request.
        """
        begun = self._begin(request, command)
        if not isinstance(begun, Committed):
            return as_root(request, as_transfer(begun, command))
        return self.resume(command.transfer_id, request)

    def resume(
        self, transfer_id: str, request: CommandRequest | None = None
    ) -> Outcome:
        """Run a transfer that has begun to its end; idempotent (T6).

        The sweep of transfers that were left behind calls it, also past their
        time: then money that was not credited goes back (T7).

        Raises:
            LookupError: No such transfer has begun in saga form.
        """
        order = self._order(transfer_id)
        root = request or CommandRequest(
            command=_command_of(transfer_id, order),
            command_id=step_id(transfer_id, "resume"),
        )
        results: dict[str, Decided] = {}
        while isinstance(step := next_step(transfer_id, order, results), Step):
            outcome = self._execute(step_request(transfer_id, step, root))
            if isinstance(outcome, Unknown) or is_fault(outcome):
                return as_root(root, outcome)
            results[step.name] = outcome
        return finished(root, step.refusal, results, "complete")

    def pending(self, limit: int = 1000) -> Iterator[str]:
        """The ids of the transfers that have begun and not ended, oldest first."""
        position = 0
        begun: dict[str, None] = {}
        while page := self._store.feed(position, limit):
            for recorded in page:
                data = recorded.envelope.data
                if isinstance(data, TransferInitiated):
                    begun[recorded.envelope.aggregate_id] = None
                elif isinstance(data, (TransferCompleted, TransferFailed)):
                    begun.pop(recorded.envelope.aggregate_id, None)
            position = page[-1].position
        yield from begun

    def _begin(self, root: CommandRequest, command: TransferFunds) -> Outcome:
        first = begin_request(root, command, self._time_limit_s)
        begun = self._execute(first)
        if _is_reused(begun) and not root.fingerprint:
            # It may have begun before commands had digests, with its root's id alone.
            begun = self._execute(replace(first, fingerprint=_asked(root, b"")))
        return begun

    def _order(self, transfer_id: str) -> TransferInitiated:
        state, _ = load(self._store, transfer_stream(transfer_id))
        known = (InitiatedTransfer, CompletedTransfer, FailedTransfer)
        if isinstance(state, known) and state.order.mode == "saga":
            return state.order
        raise LookupError(f"transfer {transfer_id} has not begun as a saga")


def begin_request(
    root: CommandRequest, command: TransferFunds, time_limit_s: int
) -> CommandRequest:
    """The first step of a transfer, on its own stream."""
    begin = BeginTransfer(
        transfer_id=command.transfer_id,
        source_wallet_id=command.source_wallet_id,
        destination_wallet_id=command.destination_wallet_id,
        amount=command.amount,
        currency=command.currency,
        time_limit_s=time_limit_s,
        reference=command.reference,
        reverses_transfer_id=command.reverses_transfer_id,
    )
    return replace(
        child(root, begin, step_id(command.transfer_id, "begin")),
        fingerprint=_asked(root, fingerprint_of(root)),
        expected_version=root.expected_version,
    )


def as_transfer(begun: Outcome, command: TransferFunds) -> Outcome:
    """The answer to the first step: its id taken says that the transfer exists."""
    if _is_reused(begun):
        return replace(
            begun, error=TransferAlreadyExists(transfer_id=command.transfer_id)
        )
    return begun


def step_request(transfer_id: str, step: Step, root: CommandRequest) -> CommandRequest:
    """A later step; who runs it does not matter (T6)."""
    return child(root, step.command, step.command_id(transfer_id))


def child(root: CommandRequest, command: Command, command_id: str) -> CommandRequest:
    """A step of a root command, caused by it."""
    # No fingerprint: the step's id says it all; who runs it does not matter (T6).
    return _make_request(
        command=command,
        command_id=command_id,
        actor=root.actor,
        correlation_id=root.correlation_id or root.command_id,
        causation_id=root.command_id,
        tenant_id=root.tenant_id,
        traceparent=root.traceparent,
    )


def is_fault(outcome: Decided) -> bool:
    """Whether the machinery failed, so that the step is to be run again."""
    return isinstance(outcome, Rejected) and isinstance(outcome.error, Fault)


def finished(
    root: CommandRequest,
    refusal: NotDone | None,
    results: Mapping[str, Decided],
    last: str,
) -> Outcome:
    """The answer to the root command of a saga that is over.

    Args:
        root: What was asked.
        refusal: Why it was not done, or None.
        results: What became of the steps, in order.
        last: The step whose resource is answered with.
    """
    if refusal is not None:
        return rejected(root, refusal)
    outcome = results[last]
    if isinstance(outcome, Rejected):
        raise AssertionError(f"a saga was not completed: {outcome.error}")
    return committed(root, outcome, results)


def committed(
    root: CommandRequest, last: Committed, results: Mapping[str, Decided]
) -> Committed:
    """The answer to the root command: the last step's, with the events of all."""
    events: list[EventRef] = []
    for outcome in results.values():
        if isinstance(outcome, Committed):
            events += outcome.events
    return replace(
        last,
        command_id=root.command_id,
        correlation_id=root.correlation_id or root.command_id,
        events=tuple(events),
        replayed=False,
    )


def as_root(root: CommandRequest, outcome: Outcome) -> Outcome:
    """What did not commit, as the answer to the root command."""
    if isinstance(outcome, Rejected):
        return rejected(root, outcome.error)
    return unknown(root)


def _is_reused(outcome: Outcome) -> TypeGuard[Rejected]:
    return isinstance(outcome, Rejected) and isinstance(
        outcome.error, IdempotencyKeyReused
    )


def _asked(root: CommandRequest, fingerprint: bytes) -> bytes:
    # The root's id is part of it: another command cannot run on this one.
    return sha256(root.command_id.encode() + fingerprint).digest()


def _command_of(transfer_id: str, order: TransferInitiated) -> TransferFunds:
    return TransferFunds(
        transfer_id=transfer_id,
        source_wallet_id=order.source_wallet_id,
        destination_wallet_id=order.destination_wallet_id,
        amount=order.amount,
        currency=order.currency,
        reference=order.reference,
        reverses_transfer_id=order.reverses_transfer_id,
    )
