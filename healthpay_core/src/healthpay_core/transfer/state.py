"""What a transfer is: the fold of its events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, assert_never

from healthpay_core.corruption import StreamCorrupted
from healthpay_core.making import maker
from healthpay_core.transfer.events import (
    TransferCompleted,
    TransferEvent,
    TransferFailed,
    TransferInitiated,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class InitiatedTransfer:
    """On its way."""

    order: TransferInitiated


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletedTransfer:
    """Booked; final (T7)."""

    order: TransferInitiated


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedTransfer:
    """Not booked; final (T7)."""

    order: TransferInitiated


TransferState: TypeAlias = InitiatedTransfer | CompletedTransfer | FailedTransfer

_make_initiated = maker(InitiatedTransfer)
_make_completed = maker(CompletedTransfer)


def transfer_status_of(state: TransferState) -> str:
    """The status on the wire."""
    match state:
        case InitiatedTransfer():
            return "initiated"
        case CompletedTransfer():
            return "completed"
        case FailedTransfer():
            return "failed"
    assert_never(state)


def evolve_transfer(state: TransferState | None, event: TransferEvent) -> TransferState:
    """Apply a fact.

    Raises:
        StreamCorrupted: The fact cannot follow the state (T7).
    """
    match event:
        case TransferInitiated():
            if state is not None:
                raise StreamCorrupted("initiated twice")
            return _make_initiated(order=event)
        case TransferCompleted():
            return _make_completed(order=_under_way(state).order)
        case TransferFailed():
            return FailedTransfer(order=_under_way(state).order)
    assert_never(event)


def _under_way(state: TransferState | None) -> InitiatedTransfer:
    if isinstance(state, InitiatedTransfer):
        return state
    raise StreamCorrupted("ended before it began, or twice")
