"""Closing with a sweep in steps, rule by rule (W6, W7)."""

from __future__ import annotations

from healthpay_core.catalogue import Code
from healthpay_core.testing.model import rules
from healthpay_core.testing.model.prediction import Effect, Refuse
from healthpay_core.testing.model.rows import Rows, WalletRow
from healthpay_core.wallet.commands import BeginSweep, EndSweep


def begin(command: BeginSweep, rows: Rows) -> Effect:
    """All that is there is set aside; where nothing is, the wallet closes."""
    wallet = rows.wallets[command.wallet_id]
    if wallet.status == "closed":
        raise Refuse(Code.WALLET_CLOSED, party="source")
    if wallet.held:
        raise Refuse(Code.WALLET_HAS_OPEN_HOLDS, held_amount=wallet.held)
    if wallet.balance == 0:
        return lambda: _close(wallet)
    rules.active(wallet, "source")
    rules.may_send_at_all(rows, wallet, "source")
    rules.outflow_limits(rows, wallet, wallet.balance, "source")
    hold_id = rules.sweep_hold_of(wallet.wallet_id)
    return lambda: rules.hold(rows, wallet, hold_id, wallet.balance)


def end(command: EndSweep, rows: Rows) -> Effect:
    """What was set aside is booked, and the wallet is closed."""
    wallet = rows.wallets[command.wallet_id]
    hold_id = rules.sweep_hold_of(wallet.wallet_id)
    if hold_id not in wallet.holds:
        raise Refuse(Code.PAYMENT_NOT_AUTHORIZED)

    def effect() -> None:
        rules.take_from_hold(wallet, hold_id, wallet.holds[hold_id].amount)
        _close(wallet)

    return effect


def _close(wallet: WalletRow) -> None:
    wallet.status = "closed"
    wallet.version += 1
