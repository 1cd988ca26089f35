"""Orders that must be refused, and whose refusals tell how things are."""

from __future__ import annotations

from collections.abc import Iterator

from healthpay_core.domain import Command
from healthpay_core.medcard.commands import CancelMedCard
from healthpay_core.outcome import CommandRequest
from healthpay_core.payment.commands import FailPayment
from healthpay_core.testing.model import Rows
from healthpay_core.transfer.commands import TransferFunds
from healthpay_core.wallet.commands import CloseWallet, SuspendWallet


def probes_of(rows: Rows) -> Iterator[CommandRequest]:
    """One for each version, balance and hold of a model; none changes anything.

    An expected version that is not the current one is refused before all else and
    tells it (V3, E2). A wallet that holds something is not closed, and tells what
    is held or is left (W6).
    """
    for wallet in list(rows.wallets.values()):
        suspend = SuspendWallet(wallet_id=wallet.wallet_id, reason_code="other")
        yield _version(suspend, wallet.version)
        if wallet.status != "closed" and (wallet.held or wallet.balance):
            yield CommandRequest(command=CloseWallet(wallet_id=wallet.wallet_id))
    for name, transfer in rows.transfers.items():
        again = TransferFunds(
            transfer_id=name,
            source_wallet_id=transfer.source_wallet_id,
            destination_wallet_id=transfer.destination_wallet_id,
            amount=transfer.amount,
            currency=transfer.currency,
        )
        yield _version(again, transfer.version)
    for name, payment in rows.payments.items():
        yield _version(FailPayment(payment_id=name), payment.version)
    for name, card in rows.cards.items():
        cancel = CancelMedCard(card_id=name, reason="admin")
        yield _version(cancel, card.version)


def _version(command: Command, version: int) -> CommandRequest:
    return CommandRequest(command=command, expected_version=version + 1)
