"""A second set of books: what the events say, added up in plain dictionaries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from examples.payment_books import Legs, Payment
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
    """One wallet: what its own events add up to.

    `holds` is what is still open of each hold.
    """

    currency: str = ""
    balance: int = 0
    held: int = 0
    holds: dict[str, int] = field(default_factory=dict)
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
        payments: By payment id, as its own stream tells it.
        legs: By payment id, as the wallets' streams tell it.
        holds: How many were placed.
        movements: How often money moved.
    """

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.outside: dict[tuple[str, str], int] = defaultdict(int)
        self.told: dict[str, int] = defaultdict(int)
        self.passages: dict[str, Passage] = defaultdict(Passage)
        self.payments: dict[str, Payment] = {}
        self.legs: dict[str, Legs] = defaultdict(Legs)
        self.holds: int = 0
        self.movements: int = 0

    def enter(self, stream: StreamId, events: Sequence[RecordedEvent]) -> None:
        """Enter the events of one stream."""
        kind, _, aggregate_id = stream.partition("/")
        if kind == "wallet":
            account = self.accounts[aggregate_id] = Account()
            for recorded in events:
                self._wallet(account, recorded)
            return
        if kind == "payment":
            payment = self.payments[aggregate_id] = Payment()
            for recorded in events:
                payment.enter(recorded.envelope.data)
        if kind != "transfer":
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

    def stray_holds(self) -> Iterator[str]:
        """Wallets that hold what no open hold explains, and holds of nothing.

        A hold is open for what an authorised payment has not yet captured.
        """
        due = {p.hold_id: p.open for p in self.payments.values() if p.open}
        for wallet_id, account in self.accounts.items():
            if account.held != sum(account.holds.values()):
                yield f"wallet {wallet_id} holds {account.held}: {account.holds}"
            for hold_id, amount in account.holds.items():
                wanted = due.pop(hold_id, 0)
                if wanted != amount:
                    yield f"hold {hold_id} has {amount}, its payment wants {wanted}"
        for hold_id, amount in due.items():
            yield f"hold {hold_id} of {amount} is in no wallet"

    def torn_payments(self) -> Iterator[str]:
        """Payments that the wallets tell in another way than their own streams."""
        for payment_id in self.payments.keys() | self.legs.keys():
            payment, legs = self.payments.get(payment_id), self.legs[payment_id]
            if payment is None or legs != payment.legs():
                yield f"payment {payment_id}: {payment} but {legs}"

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
                if data.hold_id is not None:
                    account.held -= data.amount
                    _lessen(account, data.hold_id, data.amount)
                self._other_side(data, data.amount)
            case WalletHoldPlaced():
                self.holds += 1
                account.held += data.amount
                account.holds[data.hold_id] = data.amount
            case WalletHoldReleased():
                account.held -= data.amount
                _lessen(account, data.hold_id, data.amount)
            case _:
                return
        self._compare(account, data, recorded.envelope.sequence)

    def _other_side(self, data: WalletCredited | WalletDebited, amount: int) -> None:
        self.movements += 1
        payment_id = None if data.related is None else data.related.payment_id
        if payment_id is not None and self.legs[payment_id].enter(data):
            return
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


def _lessen(account: Account, hold_id: str, amount: int) -> None:
    left = account.holds.pop(hold_id, 0) - amount
    if left:
        account.holds[hold_id] = left
