"""What the processes order of a wallet: holds, and settling what was owed."""

from __future__ import annotations

from healthpay_core.catalogue import Code
from healthpay_core.testing.model import rules
from healthpay_core.testing.model.prediction import Effect, Refuse
from healthpay_core.testing.model.rows import HoldRow, Outflow, Rows, WalletRow
from healthpay_core.wallet.commands import (
    CaptureHold,
    ConfirmWallet,
    PlaceHold,
    ReceiveTransfer,
    ReleaseHold,
    SettleCredit,
    SettleDebit,
)


def place_hold(command: PlaceHold, rows: Rows) -> Effect:
    """K3, K10, K11, D8, C3; the limits of a card before those of its wallet (D6)."""
    wallet = rows.wallets[command.wallet_id]
    if command.purpose == "refund":
        return _hold_for_refund(command, rows, wallet)
    party = command.party
    rules.active(wallet, party)
    if command.hold_id in wallet.holds:
        raise Refuse(Code.INVALID_STATE_TRANSITION, current_status="active")
    rules.same_currency(wallet, command.currency, party)
    rules.may_send_at_all(rows, wallet, party)
    card_id = None if command.card_limits is None else command.card_id
    if card_id is not None and command.card_limits is not None:
        rules.card_limits(rows, wallet, card_id, command.card_limits, command.amount)
    rules.outflow_limits(rows, wallet, command.amount, party)
    rules.funds(wallet, command.amount)
    return lambda: rules.hold(rows, wallet, command.hold_id, command.amount, card_id)


def _hold_for_refund(command: PlaceHold, rows: Rows, wallet: WalletRow) -> Effect:
    """W5, K7, P14: what was owed before, counted nowhere."""
    rules.open_to_settle(wallet, command.party)
    if command.hold_id in wallet.holds:
        raise Refuse(Code.INVALID_STATE_TRANSITION, current_status=wallet.status)
    rules.same_currency(wallet, command.currency, command.party)
    rules.funds(wallet, command.amount, command.party)

    def effect() -> None:
        wallet.holds[command.hold_id] = HoldRow(command.amount, Outflow("", 0))
        wallet.version += 1

    return effect


def release_hold(command: ReleaseHold, rows: Rows) -> Effect:
    """W5, W8, P16."""
    wallet = _with_hold(rows.wallets[command.wallet_id], command.hold_id)
    return lambda: rules.release(wallet, command.hold_id)


def capture_hold(command: CaptureHold, rows: Rows) -> Effect:
    """W5, W8, K5, P16."""
    wallet = _with_hold(rows.wallets[command.wallet_id], command.hold_id)
    rules.same_currency(wallet, command.currency)
    if wallet.holds[command.hold_id].amount < command.amount:
        raise Refuse(Code.PAYMENT_NOT_AUTHORIZED)
    return lambda: rules.take_from_hold(wallet, command.hold_id, command.amount)


def receive(command: ReceiveTransfer, rows: Rows) -> Effect:
    """T5, T7, and as any credit."""
    wallet = rows.wallets[command.wallet_id]
    if rows.now >= command.not_after:
        raise Refuse(Code.TRANSFER_TIMEOUT)
    rules.active(wallet, "destination")
    rules.not_closing(wallet)
    rules.new_reference(rows, wallet, "transfer_in", command.reference)
    rules.same_currency(wallet, command.currency, "destination")
    rules.may_receive_at_all(rows, wallet, "transfer_in", "destination")
    rules.balance_limit(rows, wallet, command.amount, "transfer_in", "destination")

    def effect() -> None:
        wallet.balance += command.amount
        wallet.version += 1
        rules.claim(rows, wallet, "transfer_in", command.reference)

    return effect


def settle_credit(command: SettleCredit, rows: Rows) -> Effect:
    """W5, K7, P10: no limit, but a fee."""
    wallet = rows.wallets[command.wallet_id]
    rules.open_to_settle(wallet, command.party)
    rules.not_closing(wallet)
    rules.same_currency(wallet, command.currency, command.party)
    rules.room(wallet, command.amount)

    def effect() -> None:
        wallet.balance += command.amount
        wallet.version += 1
        rules.claim(rows, wallet, command.reason, command.reference)
        if command.fee is not None:
            wallet.balance -= command.fee
            wallet.version += 1
            rules.claim(rows, wallet, "fee", command.reference)

    return effect


def settle_debit(command: SettleDebit, rows: Rows) -> Effect:
    """W5, K7, P14: no limit, but funds."""
    wallet = rows.wallets[command.wallet_id]
    rules.open_to_settle(wallet, command.party)
    rules.same_currency(wallet, command.currency, command.party)
    rules.funds(wallet, command.amount, command.party)

    def effect() -> None:
        wallet.balance -= command.amount
        wallet.version += 1
        rules.claim(rows, wallet, command.reason, command.reference)

    return effect


def confirm(command: ConfirmWallet, rows: Rows) -> None:
    """A question (W10)."""
    wallet = rows.wallets[command.wallet_id]
    rules.active(wallet, command.party)
    if command.currency is not None:
        rules.same_currency(wallet, command.currency, command.party)
    if command.merchant and wallet.wallet_type != "merchant":
        raise Refuse(Code.PAYEE_NOT_MERCHANT)


def _with_hold(wallet: WalletRow, hold_id: str) -> WalletRow:
    if wallet.status == "closed":
        raise Refuse(Code.WALLET_CLOSED)
    if hold_id not in wallet.holds:
        raise Refuse(Code.PAYMENT_NOT_AUTHORIZED)
    return wallet
