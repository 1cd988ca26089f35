"""Whether the books and the reference model say the same."""

from __future__ import annotations

from dataclasses import asdict

from healthpay_core.ids import StreamId, wallet_stream
from healthpay_core.ports import EventStore
from healthpay_core.states import ABSENT, Versioned, load
from healthpay_core.testing.model import ReferenceModel, WalletRow
from healthpay_core.testing.simulation.ledger import Ledger, Violation
from healthpay_core.wallet.events import LimitUsage
from healthpay_core.wallet.state import OpenWallet


class Agreement:
    """Compares what the last events say with what was predicted.

    Args:
        model: What was predicted.
        truth: The store, to fold a wallet whose last event does not say it all.
        ledger: What the events say.
    """

    def __init__(
        self, model: ReferenceModel, truth: EventStore, ledger: Ledger
    ) -> None:
        self._rows = model.rows
        self._truth, self._ledger = truth, ledger
        self._folded: dict[StreamId, Versioned] = {}

    def of_stream(self, stream: StreamId) -> None:
        """What a stream says now is what the model has.

        Raises:
            Violation: It is not.
        """
        kind, _, key = stream.partition("/")
        rows, version = self._rows, self._ledger.sequences[stream]
        if kind == "wallet":
            self._of_wallet(rows.wallets[key], version)
            return
        row = rows.transfers.get(key) or rows.payments.get(key) or rows.cards.get(key)
        if row is None or row.version != version:
            raise Violation("the state is as predicted", f"{stream} is at {version}")

    def in_flight(self) -> None:
        """Money between two wallets belongs to a saga that is under way (T5).

        Raises:
            Violation: It does not, or it could be spent twice.
        """
        rows = self._rows
        for (currency, key), amount in self._ledger.in_flight.items():
            transfer, payment = rows.transfers.get(key), rows.payments.get(key)
            if transfer is not None and transfer.status == "initiated":
                source = rows.wallets[transfer.source_wallet_id]
            elif payment is not None and payment.operation is not None:
                refunds = payment.operation.kind == "refund"
                order = payment.order
                held_at = order.merchant_wallet_id if refunds else order.payer_wallet_id
                source = rows.wallets[held_at]
            else:
                raise Violation("money conserved", f"{amount} {currency} in {key}")
            if source.currency != currency:
                raise Violation("money conserved", f"{amount} {currency} of others")
            if source.held < amount:
                raise Violation("money in both is held", f"{amount} {currency}")

    def _of_wallet(self, wallet: WalletRow, version: int) -> None:
        figures = self._ledger.wallets[wallet.wallet_id]
        found = (version, figures.balance, figures.held)
        expected = (wallet.version, wallet.balance, wallet.held)
        if found != expected:
            text = f"{wallet.wallet_id}: {found}, expected {expected}"
            raise Violation("the state is as predicted", text)
        if figures.usage is not None:
            check_windows(wallet, figures.usage)
        elif wallet.outflows:
            self._after_a_release(wallet)

    def _after_a_release(self, wallet: WalletRow) -> None:
        """What a hold gave back stands in no event: it is found by folding.

        From where it was folded last, because what is stored only grows.
        """
        stream = wallet_stream(wallet.wallet_id)
        start = self._folded.get(stream, ABSENT)
        state, _ = self._folded[stream] = load(self._truth, stream, start=start)
        if isinstance(state, OpenWallet):
            check_windows(wallet, state.usage)
            check_card_windows(wallet, state)


def check_windows(wallet: WalletRow, usage: LimitUsage) -> None:
    """The windows that were counted are what the outflows add up to (K3, K4).

    Raises:
        Violation: They are not.
    """
    date = max([outflow.date for outflow in wallet.outflows], default="")
    of_day = [o.amount for o in wallet.outflows if o.date == date]
    of_month = [o.amount for o in wallet.outflows if o.date[:7] == date[:7]]
    found = (usage.date, usage.day, usage.month, usage.day_count, usage.month_count)
    expected = (date, sum(of_day), sum(of_month), len(of_day), len(of_month))
    if found != expected:
        text = f"{wallet.wallet_id}: {found}, expected {expected}"
        raise Violation("limit windows exact", text)


def check_card_windows(wallet: WalletRow, state: OpenWallet) -> None:
    """The same for what was spent by each card of a wallet (D8).

    Raises:
        Violation: They are not.
    """
    for card_id, usage in state.card_usage.items():
        spent = [o for o in wallet.outflows if o.card_id == card_id]
        date = max(o.date for o in spent)
        day = sum(o.amount for o in spent if o.date == date)
        total = sum(o.amount for o in spent)
        if (usage.date, usage.day, usage.all_time) != (date, day, total):
            raise Violation("limit windows exact", f"{card_id}: {asdict(usage)}")
