"""What the public may order of a wallet, rule by rule (W, K, C)."""

from __future__ import annotations

from healthpay_core.catalogue import Code
from healthpay_core.currency import MINOR_UNIT_DIGITS
from healthpay_core.ids import derive_id
from healthpay_core.testing.model import rules
from healthpay_core.testing.model.prediction import Effect, Refuse
from healthpay_core.testing.model.rows import Rows, WalletRow
from healthpay_core.testing.model.transfers import move
from healthpay_core.wallet.commands import (
    ActivateWallet,
    ChangeWalletKycLevel,
    CloseWallet,
    CreateWallet,
    CreditWallet,
    DebitWallet,
    SuspendWallet,
)


def check_create(command: CreateWallet) -> None:
    """M2."""
    if command.currency not in MINOR_UNIT_DIGITS:
        raise Refuse(Code.UNSUPPORTED_CURRENCY)


def check_movement(command: CreditWallet | DebitWallet) -> None:
    """C2, then the amount."""
    if command.reason in ("payment", "refund") and not command.reference:
        raise Refuse(Code.VALIDATION_ERROR)
    if command.reason in ("transfer_in", "transfer_out"):
        raise Refuse(Code.REASON_NOT_ALLOWED)
    rules.possible_amount(command.amount, command.currency)


def check_close(command: CloseWallet) -> None:
    """A wallet is not swept into itself."""
    if command.sweep_to == command.wallet_id:
        raise Refuse(Code.VALIDATION_ERROR)


def create(command: CreateWallet, rows: Rows) -> Effect:
    """W1, W2."""
    if command.wallet_id in rows.wallets:
        raise Refuse(Code.WALLET_ALREADY_EXISTS)

    def effect() -> None:
        rows.wallets[command.wallet_id] = WalletRow(
            wallet_id=command.wallet_id,
            owner_id=command.owner_id,
            wallet_type=command.wallet_type,
            currency=command.currency,
            kyc_level=command.kyc_level,
        )

    return effect


def activate(command: ActivateWallet, rows: Rows) -> Effect:
    """W4, W8, K10."""
    wallet = rows.wallets[command.wallet_id]
    if wallet.status == "closed":
        raise Refuse(Code.WALLET_CLOSED)
    if wallet.status == "active":
        raise Refuse(Code.INVALID_STATE_TRANSITION, current_status="active")
    if wallet.kyc_level == "unverified":
        raise Refuse(Code.KYC_LEVEL_INSUFFICIENT)
    return _status(wallet, "active")


def suspend(command: SuspendWallet, rows: Rows) -> Effect:
    """W5, W8."""
    wallet = rows.wallets[command.wallet_id]
    if wallet.status == "closed":
        raise Refuse(Code.WALLET_CLOSED)
    if wallet.status != "active":
        raise Refuse(Code.INVALID_STATE_TRANSITION, current_status=wallet.status)
    return _status(wallet, "suspended")


def change_level(command: ChangeWalletKycLevel, rows: Rows) -> Effect:
    """K9."""
    wallet = rows.wallets[command.wallet_id]
    if wallet.status == "closed":
        raise Refuse(Code.WALLET_CLOSED)
    if wallet.kyc_level == command.kyc_level:
        raise Refuse(Code.INVALID_STATE_TRANSITION, current_status=wallet.status)

    def effect() -> None:
        wallet.kyc_level = command.kyc_level
        wallet.version += 1

    return effect


def close(command: CloseWallet, rows: Rows) -> Effect:
    """W6, W7, W8; with money left and somewhere to go, a transfer comes first."""
    wallet = rows.wallets[command.wallet_id]
    sweeps = command.sweep_to is not None and wallet.balance > 0
    if sweeps and command.sweep_to not in rows.wallets:
        raise Refuse(Code.DESTINATION_WALLET_NOT_FOUND)
    if wallet.status == "closed":
        raise Refuse(Code.WALLET_CLOSED)
    if wallet.held:
        raise Refuse(Code.WALLET_HAS_OPEN_HOLDS, held_amount=wallet.held)
    closed = _status(wallet, "closed")
    if not sweeps or command.sweep_to is None:
        if wallet.balance:
            raise Refuse(Code.WALLET_HAS_BALANCE, balance=wallet.balance)
        return closed
    sweep_id, number = derive_id(command.wallet_id + "/sweep"), 0
    while sweep_id in rows.transfers:
        number += 1
        sweep_id = derive_id(f"{command.wallet_id}/sweep/{number}")
    moved = move(
        rows,
        transfer_id=sweep_id,
        source=wallet,
        destination=rows.wallets[command.sweep_to],
        amount=wallet.balance,
        currency=wallet.currency,
        reference=None,
    )

    def effect() -> None:
        moved()
        closed()

    return effect


def credit(command: CreditWallet, rows: Rows) -> Effect:
    """W5, C7, M4, K10, K6, M5."""
    wallet = rows.wallets[command.wallet_id]
    rules.active(wallet)
    rules.not_closing(wallet)
    rules.new_reference(rows, wallet, command.reason, command.reference)
    rules.same_currency(wallet, command.currency)
    rules.may_receive_at_all(rows, wallet, command.reason)
    rules.balance_limit(rows, wallet, command.amount, command.reason)

    def effect() -> None:
        wallet.balance += command.amount
        wallet.version += 1
        rules.claim(rows, wallet, command.reason, command.reference)

    return effect


def debit(command: DebitWallet, rows: Rows) -> Effect:
    """W5, C7, M4, K10, K3, C3."""
    wallet = rows.wallets[command.wallet_id]
    rules.active(wallet)
    rules.new_reference(rows, wallet, command.reason, command.reference)
    rules.same_currency(wallet, command.currency)
    rules.may_send_at_all(rows, wallet)
    rules.outflow_limits(rows, wallet, command.amount)
    rules.funds(wallet, command.amount)

    def effect() -> None:
        rules.count(rows, wallet, command.amount)
        wallet.balance -= command.amount
        wallet.version += 1
        rules.claim(rows, wallet, command.reason, command.reference)

    return effect


def _status(wallet: WalletRow, status: str) -> Effect:
    def effect() -> None:
        wallet.status = status
        wallet.version += 1

    return effect
