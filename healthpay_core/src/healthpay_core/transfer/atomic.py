"""The atomic form: both legs are decided on copies, all is appended or nothing.

The stages run across both wallets in the order of rule E2, so that the first
refusal is the same whichever wallet is at fault.
"""

from __future__ import annotations

from dataclasses import dataclass

from healthpay_core.context import Context
from healthpay_core.ids import event_id
from healthpay_core.refusals import (
    DestinationWalletNotFound,
    Refusal,
    SelfTransferNotAllowed,
    SourceWalletNotFound,
    TransferAlreadyExists,
)
from healthpay_core.result import Err, Ok
from healthpay_core.transfer.commands import TransferFunds
from healthpay_core.transfer.events import TransferCompleted, TransferInitiated
from healthpay_core.transfer.state import TransferState
from healthpay_core.wallet import guards
from healthpay_core.wallet.events import Related, WalletCredited, WalletDebited
from healthpay_core.wallet.movements import credited, debited
from healthpay_core.wallet.state import ActiveWallet, WalletState
from healthpay_core.wallet.sweep import closing_refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferLegs:
    """The four facts of a transfer, in the order in which they are appended."""

    initiated: TransferInitiated
    debited: WalletDebited
    credited: WalletCredited
    completed: TransferCompleted


def validate_transfer(command: TransferFunds) -> Refusal | None:
    """The checks that need no state: two wallets (T2), a possible amount."""
    if command.source_wallet_id == command.destination_wallet_id:
        return SelfTransferNotAllowed()
    return guards.amount_refusal(command.amount, command.currency)


def decide_transfer(
    command: TransferFunds,
    *,
    transfer: TransferState | None,
    source: WalletState | None,
    destination: WalletState | None,
    context: Context,
    command_id: str,
) -> Ok[TransferLegs] | Err[Refusal]:
    """Decide the whole transfer (T3, T4); the refusals stand at the command."""
    if transfer is not None:
        return Err(TransferAlreadyExists(transfer_id=command.transfer_id))
    if source is None:
        return Err(SourceWalletNotFound(wallet_id=command.source_wallet_id))
    if destination is None:
        return Err(DestinationWalletNotFound(wallet_id=command.destination_wallet_id))
    if not isinstance(source, ActiveWallet):
        return Err(guards.not_active(source, "source"))
    if not isinstance(destination, ActiveWallet):
        return Err(guards.not_active(destination, "destination"))
    reference, currency = command.reference, command.currency
    refusal = (
        closing_refusal(command.destination_wallet_id, destination)
        or guards.reference_refusal(source, "transfer_out", reference, context)
        or guards.reference_refusal(destination, "transfer_in", reference, context)
        or guards.currency_refusal(source, currency, "source")
        or guards.currency_refusal(destination, currency, "destination")
    )
    if refusal is not None:
        return Err(refusal)
    usage = guards.limits_after(source, command.amount, context, "source")
    full = guards.inflow_refusal(
        destination, command.amount, "transfer_in", context, "destination"
    )
    if isinstance(usage, Err):
        return Err(guards.eligibility_first(usage.error, full) or usage.error)
    refusal = full or guards.funds_refusal(source, command.amount)
    if refusal is not None:
        return Err(refusal)
    related = Related(transfer_id=command.transfer_id)
    return Ok(
        TransferLegs(
            initiated=_initiated(command),
            debited=debited(
                source,
                context,
                amount=command.amount,
                reason="transfer_out",
                counter_account="wallet:" + command.destination_wallet_id,
                reference=command.reference,
                usage=usage.value,
                related=related,
            ),
            credited=credited(
                destination,
                context,
                amount=command.amount,
                reason="transfer_in",
                counter_account="wallet:" + command.source_wallet_id,
                reference=command.reference,
                related=related,
            ),
            completed=_completed(command, command_id, context.now),
        )
    )


def _initiated(command: TransferFunds) -> TransferInitiated:
    return TransferInitiated(
        source_wallet_id=command.source_wallet_id,
        destination_wallet_id=command.destination_wallet_id,
        amount=command.amount,
        currency=command.currency,
        mode="atomic",
        reference=command.reference,
        reverses_transfer_id=command.reverses_transfer_id,
    )


def _completed(command: TransferFunds, command_id: str, now: int) -> TransferCompleted:
    # The indexes are the places of the legs in `TransferLegs`.
    return TransferCompleted(
        source_event_id=event_id(command.source_wallet_id, command_id, 1),
        destination_event_id=event_id(command.destination_wallet_id, command_id, 2),
        completed_at=now,
    )
