"""From events to rows: pure, and the same for every database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Final, NamedTuple

from healthpay_core import (
    Event,
    WalletActivated,
    WalletClosed,
    WalletCreated,
    WalletCredited,
    WalletDebited,
    WalletHoldPlaced,
    WalletHoldReleased,
    WalletKycLevelChanged,
    WalletSuspended,
)
from healthpay_kafka.projection import Arrival, PoisonousEvent


@dataclass(slots=True)
class Balance:
    """One row of the balance view: a wallet as it is now."""

    wallet_id: str
    version: int
    owner_id: str
    wallet_type: str
    currency: str
    kyc_level: str
    status: str
    balance_minor: int
    held_minor: int
    changed_at: str


WALLET: Final = "wallet/"
"""What the streams of wallets begin with; others are not in their topic."""
row_values = attrgetter(*(field.name for field in fields(Balance)))
"""The columns of a row of the balance view, in their order."""


class Entry(NamedTuple):
    """One row of the history: what moved or held money, once and for ever.

    `amount_minor` is what the balance grew by: negative for a debit, 0 where
    money was only held or released.
    """

    wallet_id: str
    version: int
    event_id: str
    event_type: str
    occurred_at: str
    currency: str
    amount_minor: int
    balance_minor: int
    held_minor: int
    reason: str
    counter_account: str | None
    reference: str | None


@dataclass(slots=True)
class Total:
    """What one UTC day brought in one currency."""

    credited_minor: int = 0
    debited_minor: int = 0
    movements: int = 0

    def values(self) -> tuple[int, int, int]:
        """The columns, in their order."""
        return self.credited_minor, self.debited_minor, self.movements


@dataclass(slots=True)
class Changes:
    """What a batch of events does to the rows.

    Attributes:
        balances: Every wallet of the batch, as it is after it.
        totals: By (UTC day, currency); to be added to what is there.
        with_history: Whether history and totals are wanted at all.
    """

    with_history: bool = True

    balances: dict[str, Balance] = field(default_factory=dict)
    history: list[Entry] = field(default_factory=list)
    totals: dict[tuple[str, str], Total] = field(default_factory=dict)


def changes_of(
    arrivals: Iterable[Arrival],
    before: Mapping[str, Balance],
    *,
    with_history: bool = True,
) -> Changes:
    """What the events do, one after the other.

    Args:
        arrivals: Events of wallets, in order.
        before: The rows of those of their wallets that have one; changed in place.
        with_history: Leave history and totals out when False.

    Raises:
        PoisonousEvent: An event is not a wallet's, or comes before its creation.
    """
    changes = Changes(with_history=with_history)
    balances = changes.balances
    for arrival in arrivals:
        wallet_id, event = arrival.stream[len(WALLET) :], arrival.event()
        row = balances.get(wallet_id)
        if row is None:
            known = before.get(wallet_id)
            row = _created(arrival, event) if known is None else known
            balances[wallet_id] = row
        _apply(row, arrival, event, changes)
        row.version = arrival.version
        row.changed_at = arrival.occurred_at
    return changes


def _created(arrival: Arrival, event: Event) -> Balance:
    if not isinstance(event, WalletCreated):
        raise PoisonousEvent(arrival.record, f"{arrival.name} before wallet.created")
    return Balance(
        wallet_id=arrival.aggregate_id,
        version=0,
        owner_id=event.owner_id,
        wallet_type=event.wallet_type,
        currency=event.currency,
        kyc_level=event.kyc_level,
        status="pending",
        balance_minor=0,
        held_minor=0,
        changed_at=arrival.occurred_at,
    )


def _apply(row: Balance, arrival: Arrival, event: Event, changes: Changes) -> None:
    match event:
        case WalletCredited() | WalletDebited():
            _move(row, arrival, event, changes)
        case WalletHoldPlaced():
            _hold(row, arrival, event, event.purpose, changes)
        case WalletHoldReleased():
            _hold(row, arrival, event, event.reason, changes)
        case WalletCreated():
            pass
        case WalletActivated():
            row.status = "active"
        case WalletSuspended():
            row.status = "suspended"
        case WalletClosed():
            row.status = "closed"
        case WalletKycLevelChanged():
            row.kyc_level = event.to_level
        case _:
            raise PoisonousEvent(arrival.record, f"{arrival.name} is not a wallet's")


def _move(
    row: Balance,
    arrival: Arrival,
    event: WalletCredited | WalletDebited,
    changes: Changes,
) -> None:
    row.balance_minor, row.held_minor = event.balance_after, event.held_after
    if not changes.with_history:
        return
    key = (arrival.occurred_at[:10], event.currency)
    total = changes.totals.get(key)
    if total is None:
        total = changes.totals[key] = Total()
    total.movements += 1
    if isinstance(event, WalletCredited):
        total.credited_minor += event.amount
        amount_minor = event.amount
    else:
        total.debited_minor += event.amount
        amount_minor = -event.amount
    origin = (event.reason, event.counter_account, event.reference)
    changes.history.append(_entry(row, arrival, amount_minor, *origin))


def _hold(
    row: Balance,
    arrival: Arrival,
    event: WalletHoldPlaced | WalletHoldReleased,
    reason: str,
    changes: Changes,
) -> None:
    row.balance_minor, row.held_minor = event.balance_after, event.held_after
    if changes.with_history:
        changes.history.append(_entry(row, arrival, 0, reason))


def _entry(
    row: Balance,
    arrival: Arrival,
    amount_minor: int,
    reason: str,
    counter_account: str | None = None,
    reference: str | None = None,
) -> Entry:
    return Entry(
        row.wallet_id,
        arrival.version,
        arrival.event_id,
        arrival.name,
        arrival.occurred_at,
        row.currency,
        amount_minor,
        row.balance_minor,
        row.held_minor,
        reason,
        counter_account,
        reference,
    )
