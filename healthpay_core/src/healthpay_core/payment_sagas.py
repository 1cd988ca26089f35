"""Running payments as sagas over any port that decides single-stream commands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from healthpay_core.domain import Command
from healthpay_core.fingerprints import fingerprint_of
from healthpay_core.ids import medcard_stream, payment_stream
from healthpay_core.medcard.events import CardLimits, MedCardIssued
from healthpay_core.outcome import (
    CommandRequest,
    Committed,
    Decided,
    Outcome,
    Unknown,
    unknown,
)
from healthpay_core.payment.commands import InitiatePayment, PaymentCommand
from healthpay_core.payment.events import PaymentInitiated, PaymentOperationBegun
from healthpay_core.payment.saga import (
    PaymentStep,
    Plan,
    next_payment_step,
    plan_initiation,
    plan_operation,
    step_id,
)
from healthpay_core.payment.steps import BeginOperation, EndOperation, Operation
from healthpay_core.ports import EventStore
from healthpay_core.sagas import Execute, as_root, child, finished, is_fault


class PaymentSaga:
    """Runs each order on a payment in steps, each on one stream (T5, T6).

    Args:
        execute: Decides a single-stream command, such as `CommandHandler.handle`.
        store: Where the payments' and cards' events are read.
    """

    def __init__(self, execute: Execute, store: EventStore) -> None:
        self._execute = execute
        self._store = store

    def run(self, request: CommandRequest, command: PaymentCommand) -> Outcome:
        """Run an order to its end, or on from where it was left.

        The refusals of `command`. `Unknown` when a step's outcome cannot be
        known now: run it again with the same request.
        """
        if isinstance(command, InitiatePayment):
            return self._initiate(request, command)
        begun = self._execute(begin_operation(request, command))
        if not isinstance(begun, Committed):
            return as_root(request, begun)
        operation = self._operation(command.payment_id, request.command_id)
        plan = self._plan(command.payment_id, operation)
        return self._run(request, plan, {"begin": begun})

    def resume(self, payment_id: str) -> Outcome | None:
        """Run the operation that is under way on a payment to its end (T6).

        Returns:
            None when none is under way.
        """
        facts = self._store.facts(payment_stream(payment_id))
        operation = facts[-1][1] if facts else None
        if not isinstance(operation, PaymentOperationBegun):
            return None
        plan = self._plan(payment_id, operation)
        # The steps' ids follow from the operation's, so any root will do.
        operation_id = operation.operation_id
        end = EndOperation(payment_id=payment_id, operation_id=operation_id)
        root = CommandRequest(command=end, command_id=operation_id)
        return self._run(root, plan, {})

    def pending(self, page_size: int = 1000) -> Iterator[str]:
        """The ids of the payments with an operation under way, oldest first."""
        begun: dict[str, None] = {}
        position = 0
        while page := self._store.feed(position, page_size):
            for recorded in page:
                envelope = recorded.envelope
                if isinstance(envelope.data, PaymentOperationBegun):
                    begun[envelope.aggregate_id] = None
                elif envelope.stream.startswith("payment/"):
                    begun.pop(envelope.aggregate_id, None)
            position = page[-1].position
        yield from begun

    def _initiate(self, request: CommandRequest, command: InitiatePayment) -> Outcome:
        plan = plan_initiation(request.command_id, command)
        first = plan.legs[0]
        order = payment_child(request, first.name, first.command)
        # Else another payment under the same id would be told of this one (I3).
        outcome = self._execute(replace(order, fingerprint=fingerprint_of(request)))
        if isinstance(outcome, Unknown):
            return unknown(request)
        return self._run(request, plan, {first.name: outcome})

    def _run(
        self, root: CommandRequest, plan: Plan, results: dict[str, Decided]
    ) -> Outcome:
        while isinstance(step := next_payment_step(plan, results), PaymentStep):
            outcome = self._execute(payment_child(root, step.name, step.command))
            if isinstance(outcome, Unknown) or is_fault(outcome):
                return as_root(root, outcome)
            results[step.name] = outcome
        return finished(root, step.refusal, results, "end")

    def _plan(self, payment_id: str, operation: PaymentOperationBegun) -> Plan:
        first = self._store.facts(payment_stream(payment_id), 0, 1)[0][1]
        assert isinstance(first, PaymentInitiated)
        limits = None if first.card_id is None else self._limits(first.card_id)
        return plan_operation(payment_id, first, operation, limits)

    def _limits(self, card_id: str) -> CardLimits:
        # A card's controls are part of its first fact and never change.
        issued = self._store.facts(medcard_stream(card_id), 0, 1)[0][1]
        assert isinstance(issued, MedCardIssued)
        return issued.controls.limits

    def _operation(self, payment_id: str, operation_id: str) -> PaymentOperationBegun:
        for _, event in self._store.facts(payment_stream(payment_id)):
            match event:
                case PaymentOperationBegun(operation_id=found) if found == operation_id:
                    return event
                case _:
                    pass
        raise AssertionError("an operation that was committed has not begun")


def payment_child(root: CommandRequest, name: str, command: Command) -> CommandRequest:
    """A step of an order on a payment; its id follows from the order's."""
    return child(root, command, step_id(root.command_id, name))


def begin_operation(root: CommandRequest, order: Operation) -> CommandRequest:
    """The first step of an order, on the payment's own stream."""
    begin = BeginOperation(
        payment_id=order.payment_id, operation_id=root.command_id, order=order
    )
    return replace(
        payment_child(root, "begin", begin),
        fingerprint=fingerprint_of(root),
        expected_version=root.expected_version,
    )
