"""A second set of books: what the events say, added up in plain dictionaries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from healthpay_core import (
    RecordedEvent,
    StreamId,
    TransferCompleted,
    TransferInitiated,
    WalletCreated,
    WalletCredited,
    WalletDebited,
    WalletHoldPlaced,
    WalletHoldReleased,
)

Movement: TypeAlias = (
    WalletCredited | WalletDebited | WalletHoldPlaced | WalletHoldReleased
)


@dataclass(slots=True)
class Account:
    """One wallet: what its own events add up to."""

    currency: str = ""
    balance: int = 0
    held: int = 0
    faults: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Passage:
    """One transfer, as each of the streams that it touches tells it."""

    announced: int = 0
    left: int = 0
    arrived: int = 0
    completed: bool = False

    @property
    def whole(self) -> bool:
        """Whether all tell the same, and it came to its end."""
        return self.completed and self.announced == self.left == self.arrived


class Books:
    """Accounts of wallets, counter-accounts of the outside, transfers between.

    Attributes:
        accounts: By wallet id.
        outside: By currency and counter-account; what came in is negative (C6).
        told: By currency; what the library says that all wallets have.
        passages: By transfer id.
        movements: How often money moved.
    """

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.outside: dict[tuple[str, str], int] = defaultdict(int)
        self.told: dict[str, int] = defaultdict(int)
        self.passages: dict[str, Passage] = defaultdict(Passage)
        self.movements: int = 0

    def enter(self, stream: StreamId, events: Sequence[RecordedEvent]) -> None:
        """Enter the events of one stream."""
        kind, _, aggregate_id = stream.partition("/")
        if kind == "wallet":
            account = self.accounts[aggregate_id] = Account()
            for recorded in events:
                self._wallet(account, recorded)
            return
        passage = self.passages[aggregate_id]
        for recorded in events:
            match recorded.envelope.data:
                case TransferInitiated() as initiated:
                    passage.announced = initiated.amount
                case TransferCompleted():
                    passage.completed = True
                case _:
                    pass

    def imbalances(self) -> Iterator[str]:
        """Currencies whose money is not all accounted for, and torn transfers."""
        totals = dict(self.told)
        for (currency, _), amount in self.outside.items():
            totals[currency] = totals.get(currency, 0) + amount
        for currency, total in totals.items():
            if total:
                yield f"{currency}: wallets and counter-accounts add up to {total}"
        for transfer_id, passage in self.passages.items():
            if not passage.whole:
                yield f"transfer {transfer_id}: {passage}"

    def _wallet(self, account: Account, recorded: RecordedEvent) -> None:
        data = recorded.envelope.data
        match data:
            case WalletCreated():
                account.currency = data.currency
                return
            case WalletCredited():
                account.balance += data.amount
                self._other_side(data, -data.amount)
            case WalletDebited():
                account.balance -= data.amount
                account.held -= data.amount if data.hold_id is not None else 0
                self._other_side(data, data.amount)
            case WalletHoldPlaced():
                account.held += data.amount
            case WalletHoldReleased():
                account.held -= data.amount
            case _:
                return
        self._compare(account, data, recorded.envelope.sequence)

    def _other_side(self, data: WalletCredited | WalletDebited, amount: int) -> None:
        self.movements += 1
        transfer_id = None if data.related is None else data.related.transfer_id
        if transfer_id is None:
            self.outside[data.currency, data.counter_account] += amount
            return
        if isinstance(data, WalletDebited):
            self.passages[transfer_id].left += data.amount
        else:
            self.passages[transfer_id].arrived += data.amount

    def _compare(self, account: Account, data: Movement, sequence: int) -> None:
        """What the event says of the balance after it, against the sum so far."""
        if (data.balance_after, data.held_after) != (account.balance, account.held):
            account.faults.append(
                f"event {sequence} says {data.balance_after} and {data.held_after} "
                f"held, its events add up to {account.balance} and {account.held}"
            )
        if data.currency != account.currency:
            account.faults.append(f"event {sequence} is in {data.currency}")
        if account.held < 0 or account.balance < account.held:
            account.faults.append(f"event {sequence} leaves less than is held")
