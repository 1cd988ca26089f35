"""Totals of money by currency and status, kept by following the feed."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import Final, NamedTuple

from healthpay_core import (
    QueryPort,
    RecordedEvent,
    StoreFault,
    StreamCorrupted,
    WalletActivated,
    WalletClosed,
    WalletCreated,
    WalletCredited,
    WalletDebited,
    WalletSuspended,
)

_PAGE: Final = 5000


class _Wallet(NamedTuple):
    currency: str
    status: str
    balance: int


class BalanceTotals:
    """The sum of all balances per currency and status, never per wallet.

    Each look reads only what was appended since the last one. Remembers three
    small fields per wallet.

    Args:
        queries: Whose feed is followed.
    """

    def __init__(self, queries: QueryPort) -> None:
        self._queries = queries
        self._position = 0
        self._wallets: dict[str, _Wallet] = {}
        self._totals: dict[tuple[str, str], int] = {}
        self._known: Mapping[tuple[str, str], int] | None = None
        self._following = Lock()

    def current(self) -> Mapping[tuple[str, str], int] | None:
        """Totals in minor units, of all that was stored at some instant.

        May block; one caller follows the feed, another one meanwhile gets what
        was known before. None when the feed cannot be read now, and before it
        has been read once.
        """
        if self._following.acquire(blocking=False):
            try:
                self._follow()
            except (StoreFault, StreamCorrupted):
                return None
            finally:
                self._following.release()
        return self._known

    def _follow(self) -> None:
        while page := self._queries.feed(self._position, _PAGE):
            for recorded in page:
                self._apply(recorded)
                self._position = recorded.position
        self._known = dict(self._totals)

    def _apply(self, recorded: RecordedEvent) -> None:
        wallet_id = recorded.envelope.aggregate_id
        before = self._wallets.get(wallet_id)
        after = _after(before, recorded)
        if after is None or after == before:
            return
        self._wallets[wallet_id] = after
        totals = self._totals
        if before is not None:
            totals[before.currency, before.status] -= before.balance
        key = (after.currency, after.status)
        totals[key] = totals.get(key, 0) + after.balance


def _after(before: _Wallet | None, recorded: RecordedEvent) -> _Wallet | None:
    data = recorded.envelope.data
    if isinstance(data, WalletCreated):
        return _Wallet(data.currency, "pending", 0)
    if before is None:
        return None
    if isinstance(data, (WalletCredited, WalletDebited)):
        return before._replace(balance=data.balance_after)
    if isinstance(data, WalletActivated):
        return before._replace(status="active")
    if isinstance(data, WalletSuspended):
        return before._replace(status="suspended")
    if isinstance(data, WalletClosed):
        return before._replace(status="closed")
    return before
