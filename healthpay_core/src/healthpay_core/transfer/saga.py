"""The saga form: single-stream steps, where no append spans several streams.

    begin -> hold at source -> credit at destination -> capture the hold -> complete
                  |refused             |refused
                  v                    v
                 fail        release the hold -> fail

`next_step` is a pure function of what has become of the steps so far. Every step
has an id that follows from the transfer's, so that to run a step again is to
replay it (T6): after a crash the saga is run again from the start. The money is
never in both wallets, and in neither only as a hold of the source (T5).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from healthpay_core.catalogue import Code
from healthpay_core.ids import derive_id
from healthpay_core.outcome import Committed, Decided, Rejected
from healthpay_core.refusals import NotDone, Party
from healthpay_core.transfer.commands import CompleteTransfer, FailTransfer
from healthpay_core.transfer.events import TransferInitiated, TransferStage
from healthpay_core.wallet.commands import (
    CaptureHold,
    PlaceHold,
    ReceiveTransfer,
    ReleaseHold,
)
from healthpay_core.wallet.events import Related

StepCommand: TypeAlias = (
    PlaceHold
    | ReceiveTransfer
    | CaptureHold
    | ReleaseHold
    | CompleteTransfer
    | FailTransfer
)
Results: TypeAlias = Mapping[str, Decided]
"""What has become of the steps, by name."""

_HOLD_LASTS_US: Final = 30 * 86_400_000_000
"""Far beyond the transfer's end: the saga alone ends its hold."""


@dataclass(frozen=True, slots=True)
class Step:
    """One command on one stream; its id follows from the transfer's."""

    name: str
    command: StepCommand

    def command_id(self, transfer_id: str) -> str:
        """The same step of the same transfer has the same id (T6)."""
        return step_id(transfer_id, self.name)


@dataclass(frozen=True, slots=True)
class Ended:
    """The saga is over: completed, or failed with the refusal of a step."""

    refusal: NotDone | None


def step_id(transfer_id: str, name: str) -> str:
    """The command id of a step."""
    return derive_id(f"{transfer_id}/step/{name}")


def hold_id_of(transfer_id: str) -> str:
    """The hold at the source; there is one at most."""
    return derive_id(f"{transfer_id}/hold")


def next_step(
    transfer_id: str, order: TransferInitiated, results: Results
) -> Step | Ended:
    """What to do now that the steps so far ended as `results` say.

    Any step may have been run before, in another process, any number of times.

    Raises:
        ValueError: The transfer is not in the saga form.
    """
    if order.expires_at is None:
        raise ValueError("a transfer in atomic form has no steps")
    held = results.get("hold")
    if held is None:
        return Step("hold", _hold(transfer_id, order, order.expires_at))
    if isinstance(held, Rejected):
        return _fail(transfer_id, results, "hold", held, released=False)
    credited = results.get("credit")
    if credited is None:
        return Step("credit", _credit(transfer_id, order, order.expires_at))
    if isinstance(credited, Rejected):
        return _give_up(transfer_id, order, results, credited)
    captured = results.get("capture")
    if captured is None:
        return Step("capture", _capture(transfer_id, order))
    return _complete(transfer_id, results, credited, captured)


def _complete(
    transfer_id: str, results: Results, credited: Committed, captured: Decided
) -> Step | Ended:
    if isinstance(captured, Rejected):
        raise AssertionError(f"a hold that is open was not captured: {captured.error}")
    completed = results.get("complete")
    if completed is None:
        command = CompleteTransfer(
            transfer_id=transfer_id,
            source_event_id=captured.events[0].event_id,
            destination_event_id=credited.events[0].event_id,
        )
        return Step("complete", command)
    return Ended(None)


def _give_up(
    transfer_id: str, order: TransferInitiated, results: Results, credited: Rejected
) -> Step | Ended:
    """Compensate: what is held goes back to the source, once (T7)."""
    if "release" not in results:
        release = ReleaseHold(
            wallet_id=order.source_wallet_id,
            hold_id=hold_id_of(transfer_id),
            reason="failed",
        )
        return Step("release", release)
    late = credited.error.code is Code.TRANSFER_TIMEOUT
    stage: TransferStage = "timeout" if late else "credit"
    return _fail(transfer_id, results, stage, credited, released=True)


def _fail(
    transfer_id: str,
    results: Results,
    stage: TransferStage,
    cause: Rejected,
    *,
    released: bool,
) -> Step | Ended:
    if "fail" in results:
        return Ended(cause.error)
    party: Party = "source" if stage == "hold" else "destination"
    command = FailTransfer(
        transfer_id=transfer_id,
        stage=stage,
        failure_code=cause.error.code.value,
        hold_released=released,
        party=None if stage == "timeout" else party,
    )
    return Step("fail", command)


def _hold(transfer_id: str, order: TransferInitiated, expires_at: int) -> PlaceHold:
    return PlaceHold(
        wallet_id=order.source_wallet_id,
        hold_id=hold_id_of(transfer_id),
        amount=order.amount,
        currency=order.currency,
        purpose="transfer",
        expires_at=expires_at + _HOLD_LASTS_US,
        related=Related(transfer_id=transfer_id),
        party="source",
    )


def _credit(
    transfer_id: str, order: TransferInitiated, expires_at: int
) -> ReceiveTransfer:
    return ReceiveTransfer(
        wallet_id=order.destination_wallet_id,
        transfer_id=transfer_id,
        source_wallet_id=order.source_wallet_id,
        amount=order.amount,
        currency=order.currency,
        not_after=expires_at,
        reference=order.reference,
    )


def _capture(transfer_id: str, order: TransferInitiated) -> CaptureHold:
    return CaptureHold(
        wallet_id=order.source_wallet_id,
        hold_id=hold_id_of(transfer_id),
        amount=order.amount,
        currency=order.currency,
        reason="transfer_out",
        counter_account="wallet:" + order.destination_wallet_id,
        reference=order.reference,
        related=Related(transfer_id=transfer_id),
    )
