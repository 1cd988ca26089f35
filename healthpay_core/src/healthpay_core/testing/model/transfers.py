"""Transfers: whole ones, and the steps of the saga on the transfer itself (T)."""

from __future__ import annotations

from healthpay_core.catalogue import Code
from healthpay_core.testing.model import rules
from healthpay_core.testing.model.prediction import Effect, Refuse
from healthpay_core.testing.model.rows import Rows, TransferRow, WalletRow
from healthpay_core.transfer.commands import (
    BeginTransfer,
    CompleteTransfer,
    FailTransfer,
    TransferFunds,
)


def check_transfer(command: TransferFunds | BeginTransfer) -> None:
    """T2, then the amount."""
    if command.source_wallet_id == command.destination_wallet_id:
        raise Refuse(Code.SELF_TRANSFER_NOT_ALLOWED)
    rules.possible_amount(command.amount, command.currency)


def transfer(command: TransferFunds, rows: Rows) -> Effect:
    """T3, T4: all at once."""
    if command.transfer_id in rows.transfers:
        raise Refuse(Code.TRANSFER_ALREADY_EXISTS)
    source = rows.wallets.get(command.source_wallet_id)
    if source is None:
        raise Refuse(Code.SOURCE_WALLET_NOT_FOUND)
    destination = rows.wallets.get(command.destination_wallet_id)
    if destination is None:
        raise Refuse(Code.DESTINATION_WALLET_NOT_FOUND)
    return move(
        rows,
        transfer_id=command.transfer_id,
        source=source,
        destination=destination,
        amount=command.amount,
        currency=command.currency,
        reference=command.reference,
    )


def move(
    rows: Rows,
    *,
    transfer_id: str,
    source: WalletRow,
    destination: WalletRow,
    amount: int,
    currency: str,
    reference: str | None,
) -> Effect:
    """Both legs of a transfer between wallets that exist, stage by stage (E2)."""
    rules.active(source, "source")
    rules.active(destination, "destination")
    rules.not_closing(destination)
    rules.new_reference(rows, source, "transfer_out", reference)
    rules.new_reference(rows, destination, "transfer_in", reference)
    rules.same_currency(source, currency, "source")
    rules.same_currency(destination, currency, "destination")
    rules.may_send_at_all(rows, source, "source")
    rules.may_receive_at_all(rows, destination, "transfer_in", "destination")
    rules.outflow_limits(rows, source, amount, "source")
    rules.balance_limit(rows, destination, amount, "transfer_in", "destination")
    rules.funds(source, amount)

    def effect() -> None:
        rules.count(rows, source, amount)
        for wallet, change, reason in (
            (source, -amount, "transfer_out"),
            (destination, amount, "transfer_in"),
        ):
            wallet.balance += change
            wallet.version += 1
            rules.claim(rows, wallet, reason, reference)
        rows.transfers[transfer_id] = TransferRow(
            transfer_id=transfer_id,
            source_wallet_id=source.wallet_id,
            destination_wallet_id=destination.wallet_id,
            amount=amount,
            currency=currency,
            reference=reference,
            status="completed",
            version=2,
            mode="atomic",
        )

    return effect


def begin(command: BeginTransfer, rows: Rows) -> Effect:
    """T5: noted, nothing moved."""
    if command.transfer_id in rows.transfers:
        raise Refuse(Code.TRANSFER_ALREADY_EXISTS)

    def effect() -> None:
        rows.transfers[command.transfer_id] = TransferRow(
            transfer_id=command.transfer_id,
            source_wallet_id=command.source_wallet_id,
            destination_wallet_id=command.destination_wallet_id,
            amount=command.amount,
            currency=command.currency,
            reference=command.reference,
            status="initiated",
            version=1,
            mode="saga",
        )

    return effect


def end(command: CompleteTransfer | FailTransfer, rows: Rows) -> Effect:
    """T7: completed and failed are final and exclusive."""
    row = rows.transfers[command.transfer_id]
    if row.status != "initiated":
        raise Refuse(Code.INVALID_STATE_TRANSITION, current_status=row.status)
    completes = isinstance(command, CompleteTransfer)

    def effect() -> None:
        row.status = "completed" if completes else "failed"
        row.version += 1

    return effect
