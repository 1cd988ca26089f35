"""What a view must hold after a history, and what one holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeAlias

from healthpay_core import (
    RecordedEvent,
    WalletCredited,
    WalletDebited,
    WalletHoldPlaced,
    WalletHoldReleased,
)

Money: TypeAlias = (
    WalletCredited | WalletDebited | WalletHoldPlaced | WalletHoldReleased
)
_STATUS = {
    "wallet.created": "pending",
    "wallet.activated": "active",
    "wallet.suspended": "suspended",
    "wallet.closed": "closed",
}


@dataclass(slots=True)
class Rows:
    """The rows of a view, sorted.

    Attributes:
        balances: wallet, version, balance, held, status.
        history: wallet, version, event id, amount, balance after.
        totals: day, currency, credited, debited, movements.
    """

    balances: list[tuple[str, int, int, int, str]] = field(default_factory=list)
    history: list[tuple[str, int, str, int, int]] = field(default_factory=list)
    totals: list[tuple[str, str, int, int, int]] = field(default_factory=list)


def rows_of(events: Iterable[RecordedEvent]) -> Rows:
    """What events must become, in one plain pass; each is given once, in order."""
    balances: dict[str, tuple[int, int, int, str]] = {}
    totals: dict[str, tuple[int, int, int]] = {}
    rows = Rows()
    for event in events:
        envelope, data = event.envelope, event.envelope.data
        wallet = envelope.aggregate_id
        version, balance, held, status = balances.get(wallet, (0, 0, 0, ""))
        assert envelope.sequence == version + 1, "the history itself has a gap"
        if isinstance(data, Money):
            amount = _amount(data)
            balance, held = balance + amount, data.held_after
            entry = (envelope.event_id, amount, balance)
            rows.history.append((wallet, envelope.sequence, *entry))
            if amount:
                day = _day(event)
                came, went, count = totals.get(day, (0, 0, 0))
                came, went = came + max(amount, 0), went - min(amount, 0)
                totals[day] = (came, went, count + 1)
        status = _STATUS.get(envelope.event_type, status)
        balances[wallet] = (envelope.sequence, balance, held, status)
    rows.history.sort()
    rows.balances = sorted((wallet, *row) for wallet, row in balances.items())
    rows.totals = sorted((day, "EGP", *sums) for day, sums in totals.items())
    return rows


def _amount(data: Money) -> int:
    if isinstance(data, WalletCredited):
        return data.amount
    return -data.amount if isinstance(data, WalletDebited) else 0


def _day(event: RecordedEvent) -> str:
    seconds = event.envelope.meta.occurred_at // 1_000_000
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()
