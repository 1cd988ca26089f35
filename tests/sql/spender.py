"""A process that debits a wallet over and over: `spender.py FILE WALLET COUNT`."""

from __future__ import annotations

import sys

from healthpay_core import (
    NO_LIMITS,
    CommandHandler,
    CommandRequest,
    DebitWallet,
    Unknown,
)
from healthpay_sql import SqliteEventStore

_, file, wallet_id, count = sys.argv
with SqliteEventStore(file) as store:
    handler = CommandHandler(store, policy=NO_LIMITS)
    for _turn in range(int(count)):
        command = DebitWallet(
            wallet_id=wallet_id, amount=1, currency="EGP", reason="withdrawal"
        )
        outcome = handler.handle(CommandRequest(command=command))
        if isinstance(outcome, Unknown):
            sys.exit("a store that works must know what it stored")
