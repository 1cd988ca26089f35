"""Which command comes next: any that makes sense, and many that do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from healthpay_core.domain import Command
from healthpay_core.making import maker
from healthpay_core.policy import KycLevel, WalletType
from healthpay_core.testing.simulation.card_orders import CardOrders
from healthpay_core.testing.simulation.payment_orders import PaymentOrders
from healthpay_core.testing.simulation.pools import Pools
from healthpay_core.testing.simulation.steps import PAYMENT_COMMANDS
from healthpay_core.transfer.commands import TransferFunds
from healthpay_core.wallet import commands as w
from healthpay_core.wallet.events import CreditReason, DebitReason

_make_credit = maker(w.CreditWallet)
_make_debit = maker(w.DebitWallet)
_make_transfer = maker(TransferFunds)
_TYPES: Final[tuple[WalletType, ...]] = ("personal", "business", "merchant", "merchant")
_CREDITS: Final[tuple[CreditReason, ...]] = (
    *("deposit", "deposit", "deposit", "cashback", "refund", "reversal"),
    *("adjustment", "transfer_in"),
)
_DEBITS: Final[tuple[DebitReason, ...]] = (
    *("withdrawal", "withdrawal", "withdrawal", "fee", "payment", "reversal"),
    *("adjustment", "transfer_out"),
)
_LEVELS: Final[tuple[KycLevel, ...]] = (
    "basic",
    "basic",
    "enhanced",
    "full",
    "full",
    "unverified",
)


class Orders:
    """Draws commands, knowing what there is."""

    def __init__(self, pools: Pools, *, slips: bool) -> None:
        self._pools, self._slips = pools, slips
        self.payments: PaymentOrders = PaymentOrders(pools)
        self._cards = cards = CardOrders(pools)
        kinds: tuple[tuple[Callable[[], Command], int], ...] = (
            (self._create, 3),
            (self._activate, 8),
            (self._suspend, 2),
            (self._close, 2),
            (self._level, 3),
            (self._credit, 14),
            (self._debit, 10),
            (self.transfer, 14),
            (self.payments.initiate, 9),
            (self.payments.step, 32),
            (cards.issue, 3),
            (cards.step, 7),
        )
        self._kinds = [make for make, weight in kinds for _ in range(weight)]

    def any(self) -> Command:
        """Any public command."""
        pools = self._pools
        if pools.hot and pools.chance(0.15):
            return self._meddle(pools.one(pools.hot))
        return pools.one(self._kinds)()

    def saga(self) -> Command:
        """What runs as a saga."""
        chance = self._pools.chance
        if self._slips and chance(0.25):
            return self._sweep() if chance(0.6) else self._cards.issue()
        if chance(0.3):
            return self.transfer()
        return self.payments.initiate() if chance(0.15) else self.payments.step()

    def opening(self) -> list[Command]:
        """A few wallets with money, so that something can happen."""
        main, other = self._pools.currencies
        wallets: tuple[tuple[WalletType, str, KycLevel], ...] = (
            ("personal", main, "enhanced"),
            ("merchant", main, "full"),
            ("personal", main, "full"),
            ("personal", other, "enhanced"),
            ("merchant", other, "full"),
        )
        return [
            command
            for wallet_type, currency, level in wallets
            for command in self._funded(wallet_type, currency, level)
        ]

    def _funded(
        self, wallet_type: WalletType, currency: str, level: KycLevel
    ) -> tuple[Command, ...]:
        wallet_id = self._pools.new(self._pools.wallets, "wallet")
        return (
            w.CreateWallet(
                wallet_id=wallet_id,
                owner_id="owner",
                wallet_type=wallet_type,
                currency=currency,
                kyc_level=level,
            ),
            w.ActivateWallet(wallet_id=wallet_id),
            w.CreditWallet(
                wallet_id=wallet_id, amount=900, currency=currency, reason="deposit"
            ),
        )

    def stopped(self, command: Command) -> None:
        """A saga stops halfway: its wallets are hot for a while."""
        hot = self._pools.hot
        if isinstance(command, w.CloseWallet):
            hot.append(command.wallet_id)
            hot += [command.sweep_to] if command.sweep_to else []
        elif isinstance(command, TransferFunds):
            hot += (command.source_wallet_id, command.destination_wallet_id)
        elif isinstance(command, PAYMENT_COMMANDS):
            payment = self._pools.rows.payments.get(command.payment_id)
            if payment is not None:
                order = payment.order
                hot += (order.payer_wallet_id, order.merchant_wallet_id)
        del hot[:-6]

    def transfer(self) -> TransferFunds:
        """A transfer between any two wallets, or one and itself."""
        pools = self._pools
        reused = pools.transfers and pools.chance(0.08)
        transfer_id = (
            pools.one(pools.transfers)
            if reused
            else pools.new(pools.transfers, "transfer")
        )
        source = pools.wallet()
        return _make_transfer(
            transfer_id=transfer_id,
            source_wallet_id=source,
            destination_wallet_id=pools.wallet_beside(source),
            amount=pools.amount(),
            currency=pools.currency(source),
            reference=pools.reference(),
        )

    def _create(self) -> Command:
        pools = self._pools
        again = pools.wallets and pools.chance(0.3)
        return w.CreateWallet(
            wallet_id=pools.wallet() if again else pools.new_wallet(),
            owner_id="owner",
            wallet_type=pools.one(_TYPES),
            currency=pools.any_currency(),
            kyc_level=pools.one(_LEVELS),
        )

    def _meddle(self, wallet_id: str) -> Command:
        draw = self._pools.random()
        if draw < 0.55:
            sweep_to = self._pools.wallet_beside(wallet_id)
            return w.CloseWallet(wallet_id=wallet_id, sweep_to=sweep_to)
        if draw < 0.75:
            return w.SuspendWallet(wallet_id=wallet_id, reason_code="fraud")
        if draw < 0.9:
            level = self._pools.one(_LEVELS)
            return w.ChangeWalletKycLevel(wallet_id=wallet_id, kyc_level=level)
        return self.payments.step()

    def _activate(self) -> Command:
        pools = self._pools
        waiting = pools.chance(0.7)
        wallet_id = pools.wallet_not_active() if waiting else pools.wallet()
        return w.ActivateWallet(wallet_id=wallet_id)

    def _suspend(self) -> Command:
        return w.SuspendWallet(wallet_id=self._pools.wallet(), reason_code="other")

    def _close(self) -> Command:
        wallet_id = self._pools.wallet()
        sweeps = self._pools.chance(0.5)
        sweep_to = self._pools.wallet_beside(wallet_id) if sweeps else None
        return w.CloseWallet(wallet_id=wallet_id, sweep_to=sweep_to)

    def _sweep(self) -> Command:
        wallet_id = self._pools.wallet()
        sweep_to = self._pools.wallet_beside(wallet_id)
        if sweep_to == wallet_id:
            # That no step is asked: an order of this kind never travels.
            sweep_to = self._pools.names.id("wallet of nobody")
        return w.CloseWallet(wallet_id=wallet_id, sweep_to=sweep_to)

    def _level(self) -> Command:
        return w.ChangeWalletKycLevel(
            wallet_id=self._pools.wallet(), kyc_level=self._pools.one(_LEVELS)
        )

    def _credit(self) -> Command:
        pools = self._pools
        wallet_id = pools.wallet()
        amount = pools.amount() * (12 if pools.chance(0.5) else 1)
        return _make_credit(
            wallet_id=wallet_id,
            amount=amount,
            currency=pools.currency(wallet_id),
            reason=pools.one(_CREDITS),
            reference=pools.reference(),
        )

    def _debit(self) -> Command:
        pools = self._pools
        wallet_id = pools.wallet()
        return _make_debit(
            wallet_id=wallet_id,
            amount=pools.amount(),
            currency=pools.currency(wallet_id),
            reason=pools.one(_DEBITS),
            reference=pools.reference(),
        )
