"""HealthPay inside another program: no server, one file, an answer per command.

`python -m examples.embed`
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from healthpay_core import (
    ActivateWallet,
    CommandHandler,
    CommandRequest,
    Committed,
    CreateWallet,
    CreditWallet,
    DebitWallet,
    LocalRuntime,
    Outcome,
    Rejected,
    StoreQueries,
    Unknown,
    WalletView,
    derive_id,
    new_id,
)
from healthpay_sql import SqliteEventStore


def main() -> None:
    """A wallet's first day."""
    with TemporaryDirectory() as folder, SqliteEventStore(_file(folder)) as store:
        pay = LocalRuntime(CommandHandler(store)).execute
        wallet = new_id()
        for command in (
            CreateWallet(
                wallet_id=wallet,
                owner_id=new_id(),
                wallet_type="personal",
                currency="EGP",
                kyc_level="basic",
            ),
            ActivateWallet(wallet_id=wallet),
            CreditWallet(
                wallet_id=wallet, amount=50_000, currency="EGP", reason="deposit"
            ),
        ):
            say(type(command).__name__, pay(CommandRequest(command=command)))

        medicine = CommandRequest(
            command=DebitWallet(
                wallet_id=wallet,
                amount=12_550,
                currency="EGP",
                reason="payment",
                reference="RX-0000001",
            ),
            # Your own key of the intent: the same key again is the same command.
            command_id=derive_id("order-4711"),
        )
        say("DebitWallet", pay(medicine))
        say("DebitWallet, sent again", pay(medicine))
        too_much = DebitWallet(
            wallet_id=wallet, amount=90_000, currency="EGP", reason="withdrawal"
        )
        say("DebitWallet of 900.00", pay(CommandRequest(command=too_much)))

        before = StoreQueries(store).wallet(wallet, version=3)
        if before is not None:
            say_line("At version 3", f"balance {pounds(before.balance)}")


def say(what: str, outcome: Outcome) -> None:
    """Print one answer; these three are all there are."""
    match outcome:
        case Committed(resource=WalletView() as wallet, replayed=replayed):
            again = ", nothing happened now" if replayed else ""
            balance = pounds(wallet.balance)
            say_line(what, f"{wallet.status}, balance {balance}{again}")
        case Committed(resource=resource):
            say_line(what, str(resource))
        case Rejected(error=error):
            say_line(what, f"{error.code}: {error.message}")
        case Unknown(command_id=command_id):
            say_line(what, f"not known yet; ask again with {command_id}")


def say_line(what: str, answer: str) -> None:
    """Print one line of two columns."""
    sys.stdout.write(f"{what:<24} {answer}\n")


def pounds(piastres: int) -> str:
    """Minor units as people read them."""
    return f"EGP {piastres // 100}.{piastres % 100:02d}"


def _file(folder: str) -> Path:
    return Path(folder) / "wallets.db"


if __name__ == "__main__":
    main()
