"""Commands by the thousand, the same ones for the same seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from uuid import UUID

from healthpay_core import (
    ActivateWallet,
    Command,
    CommandHandler,
    CommandRequest,
    CreateWallet,
    CreditWallet,
    DebitWallet,
    TransferFunds,
    new_id,
)

BATCH = 64
DEPOSIT = 10_000
"""Large enough that few debits are refused, small enough that some are."""


def request(command: Command) -> CommandRequest:
    """As an edge makes it: with an id and the digest of what was asked."""
    return CommandRequest(command=command, command_id=new_id(), fingerprint=bytes(32))


def wallet_ids(count: int, seed: int = 1) -> list[str]:
    """Ids of wallets."""
    source = random.Random(seed)
    return [str(UUID(int=source.getrandbits(128), version=4)) for _ in range(count)]


def create(wallet_id: str) -> CreateWallet:
    """A wallet of a verified person under the default policy."""
    return CreateWallet(
        wallet_id=wallet_id,
        owner_id="owner-1",
        wallet_type="personal",
        currency="EGP",
        kyc_level="full",
    )


def credit(wallet_id: str, amount: int = 100) -> CreditWallet:
    """A deposit."""
    return CreditWallet(
        wallet_id=wallet_id, amount=amount, currency="EGP", reason="deposit"
    )


def debit(wallet_id: str, amount: int = 1) -> DebitWallet:
    """A withdrawal."""
    return DebitWallet(
        wallet_id=wallet_id, amount=amount, currency="EGP", reason="withdrawal"
    )


def transfer(source: str, destination: str, amount: int = 1) -> TransferFunds:
    """Money from one wallet to another."""
    return TransferFunds(
        transfer_id=new_id(),
        source_wallet_id=source,
        destination_wallet_id=destination,
        amount=amount,
        currency="EGP",
    )


def open_wallets(
    handler: CommandHandler, wallets: Sequence[str], balance: int = DEPOSIT
) -> None:
    """Create, activate and fill wallets."""
    for start in range(0, len(wallets), BATCH):
        some = wallets[start : start + BATCH]
        handler.handle_many([request(create(w)) for w in some])
        handler.handle_many([request(ActivateWallet(wallet_id=w)) for w in some])
        handler.handle_many([request(credit(w, balance)) for w in some])


def mixed(count: int, wallets: Sequence[str], seed: int) -> list[CommandRequest]:
    """The mix of row 1: a tenth creates, a tenth transfers, some are refused."""
    source = random.Random(seed)
    commands: list[Command] = []
    for _ in range(count):
        kind = source.random()
        wallet, other = source.sample(wallets, 2)
        if kind < 0.1:
            commands.append(create(new_id()))
        elif kind < 0.5:
            commands.append(credit(wallet))
        elif kind < 0.9:
            # One in twenty asks for more than is there.
            amount = DEPOSIT * 1000 if source.random() < 0.05 else 60
            commands.append(debit(wallet, amount))
        else:
            commands.append(transfer(wallet, other, 5))
    return [request(command) for command in commands]


def movements(count: int, wallets: Sequence[str], seed: int) -> list[CommandRequest]:
    """Credits and debits, one event each: what the durable rows are fed."""
    source = random.Random(seed)
    return [
        request(credit(w) if source.random() < 0.5 else debit(w))
        for w in source.choices(wallets, k=count)
    ]


def batches(
    requests: Sequence[CommandRequest], size: int = BATCH
) -> list[Sequence[CommandRequest]]:
    """Cut into batches."""
    return [requests[i : i + size] for i in range(0, len(requests), size)]
