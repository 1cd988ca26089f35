"""Closing with a sweep in saga form: the rest is moved, then the wallet ends (W7).

    hold all -> begin transfer -> credit destination -> book and close -> complete
                     |refused          |refused
                     v                 v
                  release     release -> fail transfer

Pure, like the saga of a transfer; its ids follow from the order's. Nothing comes
into the wallet meanwhile, so that it is empty when it closes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from healthpay_core.catalogue import Code
from healthpay_core.ids import derive_id
from healthpay_core.outcome import Committed, Decided, Rejected
from healthpay_core.refusals import NotDone
from healthpay_core.transfer.commands import (
    BeginTransfer,
    CompleteTransfer,
    FailTransfer,
)
from healthpay_core.transfer.events import TransferInitiated
from healthpay_core.views import WalletView
from healthpay_core.wallet.commands import (
    BeginSweep,
    CloseWallet,
    EndSweep,
    ReceiveTransfer,
    ReleaseHold,
)
from healthpay_core.wallet.sweep import sweep_hold_id

SweepCommand: TypeAlias = (
    BeginSweep
    | BeginTransfer
    | ReceiveTransfer
    | EndSweep
    | CompleteTransfer
    | ReleaseHold
    | FailTransfer
)
Results: TypeAlias = Mapping[str, Decided]

CLOSING_STEP: Final = "close"
"""The step after which the wallet is closed."""


@dataclass(frozen=True, slots=True)
class SweepStep:
    """One command on one stream; its id follows from the order's."""

    name: str
    command: SweepCommand


@dataclass(frozen=True, slots=True)
class SweepEnded:
    """Over: closed, `last` being the step that says so, or refused."""

    refusal: NotDone | None
    last: str = CLOSING_STEP


def sweep_id(command_id: str) -> str:
    """The transfer that an order to close makes."""
    return derive_id(f"{command_id}/sweep")


def next_sweep_step(
    command_id: str,
    order: CloseWallet,
    results: Results,
    initiated: TransferInitiated | None,
    *,
    time_limit_s: int,
) -> SweepStep | SweepEnded:
    """What to do now that the steps so far ended as `results` say.

    Args:
        command_id: The id of the order.
        order: The order, with its `sweep_to`.
        results: What became of the steps, by name.
        initiated: The transfer's first fact, once it has begun.
        time_limit_s: How long the transfer may take, seconds.
    """
    steps = _Steps(command_id, order, results)
    held = results.get("hold")
    if held is None:
        return steps.hold()
    if isinstance(held, Rejected):
        return SweepEnded(held.error)
    wallet = held.resource
    assert isinstance(wallet, WalletView)
    if wallet.status == "closed":
        return SweepEnded(None, last="hold")
    begun = results.get("begin")
    if begun is None:
        return steps.begin(wallet, time_limit_s)
    if isinstance(begun, Rejected):
        return steps.release() or SweepEnded(begun.error)
    assert initiated is not None
    credited = results.get("credit")
    if credited is None:
        return steps.credit(initiated)
    if isinstance(credited, Rejected):
        return steps.give_up(credited)
    return steps.close(credited)


class _Steps:
    def __init__(self, command_id: str, order: CloseWallet, results: Results) -> None:
        assert order.sweep_to is not None
        self._wallet_id, self._sweep_to = order.wallet_id, order.sweep_to
        self._reason_code = order.reason_code
        self._transfer_id = sweep_id(command_id)
        self._results = results

    def hold(self) -> SweepStep:
        command = BeginSweep(
            wallet_id=self._wallet_id,
            transfer_id=self._transfer_id,
            reason_code=self._reason_code,
        )
        return SweepStep("hold", command)

    def begin(self, wallet: WalletView, time_limit_s: int) -> SweepStep:
        command = BeginTransfer(
            transfer_id=self._transfer_id,
            source_wallet_id=self._wallet_id,
            destination_wallet_id=self._sweep_to,
            amount=wallet.held,
            currency=wallet.currency,
            time_limit_s=time_limit_s,
        )
        return SweepStep("begin", command)

    def credit(self, initiated: TransferInitiated) -> SweepStep:
        assert initiated.expires_at is not None
        command = ReceiveTransfer(
            wallet_id=self._sweep_to,
            transfer_id=self._transfer_id,
            source_wallet_id=self._wallet_id,
            amount=initiated.amount,
            currency=initiated.currency,
            not_after=initiated.expires_at,
        )
        return SweepStep("credit", command)

    def close(self, credited: Committed) -> SweepStep | SweepEnded:
        closed = self._results.get(CLOSING_STEP)
        if closed is None:
            command = EndSweep(
                wallet_id=self._wallet_id,
                transfer_id=self._transfer_id,
                sweep_to=self._sweep_to,
                reason_code=self._reason_code,
            )
            return SweepStep(CLOSING_STEP, command)
        if isinstance(closed, Rejected):
            raise AssertionError(f"what was set aside was not booked: {closed.error}")
        if "complete" in self._results:
            return SweepEnded(None)
        complete = CompleteTransfer(
            transfer_id=self._transfer_id,
            source_event_id=closed.events[0].event_id,
            destination_event_id=credited.events[0].event_id,
        )
        return SweepStep("complete", complete)

    def release(self) -> SweepStep | None:
        if "release" in self._results:
            return None
        command = ReleaseHold(
            wallet_id=self._wallet_id,
            hold_id=sweep_hold_id(self._wallet_id),
            reason="failed",
        )
        return SweepStep("release", command)

    def give_up(self, credited: Rejected) -> SweepStep | SweepEnded:
        released = self.release()
        if released is not None:
            return released
        if "fail" in self._results:
            return SweepEnded(credited.error)
        late = credited.error.code is Code.TRANSFER_TIMEOUT
        command = FailTransfer(
            transfer_id=self._transfer_id,
            stage="timeout" if late else "credit",
            failure_code=credited.error.code.value,
            hold_released=True,
            party=None if late else "destination",
        )
        return SweepStep("fail", command)
