"""Processes as slips that travel: each place does its step and says the next.

Where aggregates live in different places (partitions of a log) and no append
spans them, the orders of a process travel from place to place with a slip: what
was asked, what became of the steps so far, and the facts that the next steps need.
`first` and `after` are pure, over the same sagas as everywhere (T5, T6): the same
step with the same outcome always has the same successor, so that to repeat any of
it is to replay it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, TypeAlias, TypeVar, cast

from healthpay_core.domain import Command, State
from healthpay_core.events import Event
from healthpay_core.medcard.commands import IssueMedCard, RecordIssue
from healthpay_core.medcard.events import MedCardIssued
from healthpay_core.medcard.state import (
    ActiveCard,
    CancelledCard,
    ExpiredCard,
    IssuedCard,
    SuspendedCard,
)
from healthpay_core.outcome import (
    CommandRequest,
    Committed,
    Decided,
    Outcome,
    Rejected,
)
from healthpay_core.payment.commands import (
    AuthorizePayment,
    CapturePayment,
    ExpireAuthorization,
    FailPayment,
    InitiatePayment,
    RefundPayment,
    VoidPayment,
)
from healthpay_core.payment.events import PaymentInitiated, PaymentOperationBegun
from healthpay_core.payment.saga import (
    PaymentStep,
    next_payment_step,
    plan_initiation,
    plan_operation,
)
from healthpay_core.payment.state import PaymentState, pending_of
from healthpay_core.payment_sagas import begin_operation, payment_child
from healthpay_core.sagas import (
    as_root,
    as_transfer,
    begin_request,
    child,
    finished,
    step_request,
)
from healthpay_core.transfer.commands import TransferFunds
from healthpay_core.transfer.events import TransferInitiated
from healthpay_core.transfer.saga import Step, next_step, step_id
from healthpay_core.transfer.state import (
    CompletedTransfer,
    FailedTransfer,
    InitiatedTransfer,
)
from healthpay_core.transfer.sweep_saga import SweepStep, next_sweep_step
from healthpay_core.wallet.commands import CloseWallet, ConfirmWallet

Process: TypeAlias = (
    TransferFunds
    | InitiatePayment
    | AuthorizePayment
    | CapturePayment
    | RefundPayment
    | VoidPayment
    | ExpireAuthorization
    | FailPayment
    | IssueMedCard
    | CloseWallet
)
"""Orders that touch several aggregates: `CloseWallet` only with `sweep_to`."""

_OPERATIONS: Final = (
    AuthorizePayment,
    CapturePayment,
    RefundPayment,
    VoidPayment,
    ExpireAuthorization,
    FailPayment,
)
_ALWAYS: Final = (TransferFunds, InitiatePayment, IssueMedCard, *_OPERATIONS)
_TRANSFERS: Final = (InitiatedTransfer, CompletedTransfer, FailedTransfer)
_CARDS: Final = (IssuedCard, ActiveCard, SuspendedCard, ExpiredCard, CancelledCard)
_NO_RESULTS: Final[Mapping[str, Decided]] = MappingProxyType({})

FactT = TypeVar("FactT", bound=Event)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slip:
    """What travels with a step.

    Attributes:
        root: What was asked, by whom.
        step: The name of the step that it travels with.
        results: What became of the steps before, by name, in order.
        facts: What later steps need to know: the first fact of the transfer or
            payment, the operation that has begun, the card.
        time_limit_s: How long a transfer may take, seconds (T7).
    """

    root: CommandRequest
    step: str
    results: Mapping[str, Decided] = field(default_factory=lambda: _NO_RESULTS)
    facts: tuple[Event, ...] = ()
    time_limit_s: int = 60


@dataclass(frozen=True, slots=True)
class Travel:
    """A step to do at the place of its aggregate, with its slip."""

    request: CommandRequest
    slip: Slip


@dataclass(frozen=True, slots=True)
class Finished:
    """The process is over: the answer to its root command."""

    outcome: Outcome


def is_process(command: Command) -> bool:
    """Whether an order needs several aggregates, and so a slip."""
    if isinstance(command, CloseWallet):
        return command.sweep_to is not None
    return isinstance(command, _ALWAYS)


def first(root: CommandRequest, *, time_limit_s: int = 60) -> Travel:
    """The first step of a process.

    Raises:
        TypeError: The order is no process.
    """
    slip = Slip(root=root, step="", time_limit_s=time_limit_s)
    going = _go_on(slip)
    assert isinstance(going, Travel)
    return going


def after(slip: Slip, outcome: Decided, state: State | None) -> Travel | Finished:
    """What follows a step.

    Args:
        slip: What travelled with it.
        outcome: What became of it; not a fault of the machinery.
        state: The aggregate of the step as it is now.
    """
    facts = slip.facts + _learnt(slip, outcome, state)
    results = MappingProxyType({**slip.results, slip.step: outcome})
    return _go_on(replace(slip, results=results, facts=facts))


def _go_on(slip: Slip) -> Travel | Finished:
    command = slip.root.command
    if isinstance(command, TransferFunds):
        return _transfer(slip, command)
    if isinstance(command, InitiatePayment):
        return _planned(slip, command)
    if isinstance(command, _OPERATIONS):
        return _operation(slip, command)
    if isinstance(command, IssueMedCard):
        return _issue(slip, command)
    if isinstance(command, CloseWallet) and command.sweep_to is not None:
        return _close(slip, command)
    raise TypeError(f"{type(command).__name__} is no process")


def _transfer(slip: Slip, command: TransferFunds) -> Travel | Finished:
    root = slip.root
    begun = slip.results.get("begin")
    if begun is None:
        return _travel(slip, "begin", begin_request(root, command, slip.time_limit_s))
    if isinstance(begun, Rejected):
        return Finished(as_root(root, as_transfer(begun, command)))
    order = _fact(slip, TransferInitiated)
    assert order is not None
    step = next_step(command.transfer_id, order, slip.results)
    if isinstance(step, Step):
        request = step_request(command.transfer_id, step, root)
        return _travel(slip, step.name, request)
    return Finished(finished(root, step.refusal, slip.results, "complete"))


def _planned(slip: Slip, command: InitiatePayment) -> Travel | Finished:
    plan = plan_initiation(slip.root.command_id, command)
    step = next_payment_step(plan, slip.results)
    if isinstance(step, PaymentStep):
        request = payment_child(slip.root, step.name, step.command)
        if step.name == "end":
            request = _conditional(request, slip.root)
        return _travel(slip, step.name, request)
    return Finished(finished(slip.root, step.refusal, slip.results, "end"))


def _operation(
    slip: Slip,
    command: AuthorizePayment
    | CapturePayment
    | RefundPayment
    | VoidPayment
    | ExpireAuthorization
    | FailPayment,
) -> Travel | Finished:
    root = slip.root
    begun = slip.results.get("begin")
    if begun is None:
        return _travel(slip, "begin", begin_operation(root, command))
    if isinstance(begun, Rejected):
        return Finished(as_root(root, begun))
    order = _fact(slip, PaymentInitiated)
    operation = _fact(slip, PaymentOperationBegun)
    assert order is not None
    assert operation is not None
    card = _fact(slip, MedCardIssued)
    limits = None if card is None else card.controls.limits
    plan = plan_operation(command.payment_id, order, operation, limits)
    step = next_payment_step(plan, slip.results)
    if isinstance(step, PaymentStep):
        request = payment_child(root, step.name, step.command)
        return _travel(slip, step.name, request)
    return Finished(finished(root, step.refusal, slip.results, "end"))


def _issue(slip: Slip, command: IssueMedCard) -> Travel | Finished:
    """The wallet is confirmed, then the card is written (D1)."""
    root = slip.root
    confirmed = slip.results.get("wallet")
    if confirmed is None:
        confirm = ConfirmWallet(wallet_id=command.wallet_id, currency=None)
        return _travel(slip, "wallet", payment_child(root, "wallet", confirm))
    if isinstance(confirmed, Rejected):
        return Finished(as_root(root, confirmed))
    if "record" not in slip.results:
        record = RecordIssue(card_id=command.card_id, order=command)
        request = _conditional(payment_child(root, "record", record), root)
        return _travel(slip, "record", request)
    recorded = slip.results["record"]
    refusal = recorded.error if isinstance(recorded, Rejected) else None
    return Finished(finished(root, refusal, slip.results, "record"))


def _close(slip: Slip, command: CloseWallet) -> Travel | Finished:
    root = slip.root
    step = next_sweep_step(
        root.command_id,
        command,
        slip.results,
        _fact(slip, TransferInitiated),
        time_limit_s=slip.time_limit_s,
    )
    if isinstance(step, SweepStep):
        request = child(root, step.command, step_id(root.command_id, step.name))
        if step.name == "hold":
            request = _conditional(request, root)
        return _travel(slip, step.name, request)
    return Finished(finished(root, step.refusal, slip.results, step.last))


def _conditional(request: CommandRequest, root: CommandRequest) -> CommandRequest:
    """The step on the resource itself: the caller's version counts there (V3)."""
    return replace(request, expected_version=root.expected_version)


def _travel(slip: Slip, name: str, request: CommandRequest) -> Travel:
    return Travel(request, replace(slip, step=name))


def _learnt(slip: Slip, outcome: Decided, state: State | None) -> tuple[Event, ...]:
    """The facts that a step's place knows and that later steps need."""
    if not isinstance(outcome, Committed):
        return ()
    if slip.step == "begin" and isinstance(state, _TRANSFERS):
        return (state.order,)
    if slip.step == "begin":
        payment = cast("PaymentState", state)
        operation = pending_of(payment)
        assert operation is not None
        return (payment.order, operation)
    if slip.step == "card" and isinstance(state, _CARDS):
        return (state.card,)
    return ()


def _fact(slip: Slip, kind: type[FactT]) -> FactT | None:
    for fact in slip.facts:
        if isinstance(fact, kind):
            return fact
    return None
