"""What a transfer's own stream answers to the steps of its saga; pure."""

from __future__ import annotations

from typing import TypeAlias, assert_never

from healthpay_core.context import Context
from healthpay_core.money import amount_refusal
from healthpay_core.refusals import (
    InvalidStateTransition,
    Refusal,
    SelfTransferNotAllowed,
    TransferAlreadyExists,
    TransferNotFound,
)
from healthpay_core.result import Err, Ok
from healthpay_core.transfer.commands import (
    BeginTransfer,
    CompleteTransfer,
    FailTransfer,
    TransferStep,
)
from healthpay_core.transfer.events import (
    TransferCompleted,
    TransferEvent,
    TransferFailed,
    TransferInitiated,
)
from healthpay_core.transfer.state import (
    InitiatedTransfer,
    TransferState,
    transfer_status_of,
)

Decision: TypeAlias = Ok[tuple[TransferEvent, ...]] | Err[Refusal]


def validate_step(command: TransferStep) -> Refusal | None:
    """The checks that need no state, as of a transfer."""
    if not isinstance(command, BeginTransfer):
        return None
    if command.source_wallet_id == command.destination_wallet_id:
        return SelfTransferNotAllowed()
    return amount_refusal(command.amount, command.currency)


def decide_step(
    command: TransferStep, state: TransferState | None, context: Context
) -> Decision:
    """Decide one step; completed and failed are final and exclusive (T7)."""
    if isinstance(command, BeginTransfer):
        return _begin(command, state, context)
    if state is None:
        return Err(TransferNotFound(transfer_id=command.transfer_id))
    if not isinstance(state, InitiatedTransfer):
        status = transfer_status_of(state)
        return Err(InvalidStateTransition(current_status=status, requested="an end"))
    match command:
        case CompleteTransfer():
            completed = TransferCompleted(
                source_event_id=command.source_event_id,
                destination_event_id=command.destination_event_id,
                completed_at=context.now,
            )
            return Ok((completed,))
        case FailTransfer():
            failed = TransferFailed(
                stage=command.stage,
                failure_code=command.failure_code,
                hold_released=command.hold_released,
                party=command.party,
            )
            return Ok((failed,))
    assert_never(command)


def _begin(
    command: BeginTransfer, state: TransferState | None, context: Context
) -> Decision:
    if state is not None:
        return Err(TransferAlreadyExists(transfer_id=command.transfer_id))
    initiated = TransferInitiated(
        source_wallet_id=command.source_wallet_id,
        destination_wallet_id=command.destination_wallet_id,
        amount=command.amount,
        currency=command.currency,
        mode="saga",
        reference=command.reference,
        expires_at=context.now + command.time_limit_s * 1_000_000,
        reverses_transfer_id=command.reverses_transfer_id,
    )
    return Ok((initiated,))
