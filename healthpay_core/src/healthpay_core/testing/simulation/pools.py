"""What there is to order something of, and the draws that choose from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Final, TypeVar

from healthpay_core.clock import ManualClock
from healthpay_core.testing.model import ReferenceModel, Rows
from healthpay_core.testing.simulation.names import Names

T = TypeVar("T")

LARGEST: Final = 2**53 - 1
_UNKNOWN: Final = ("XXX", "egp")


class Pools:
    """The ids of a story, a few of each kind, and one source of chance.

    Args:
        draw: Decides everything.
        names: Gives ids.
        model: Knows what has become of them.
        clock: The story's.
        currencies: The two that wallets have, the more frequent one first.

    Attributes:
        hot: Wallets of sagas that stopped halfway; others meddle with them.
    """

    def __init__(
        self,
        draw: Random,
        names: Names,
        model: ReferenceModel,
        clock: ManualClock,
        currencies: tuple[str, str],
    ) -> None:
        self.random: Callable[[], float] = draw.random
        self.names: Names = names
        self.rows: Rows = model.rows
        self.clock: ManualClock = clock
        self.currencies: tuple[str, str] = currencies
        self.hot: list[str] = []
        self.wallets: list[str] = []
        self.payments: list[str] = []
        self.cards: list[str] = []
        self.transfers: list[str] = []

    def chance(self, probability: float) -> bool:
        """True so often."""
        return self.random() < probability

    def below(self, end: int) -> int:
        """0 to end - 1."""
        return int(self.random() * end)

    def one(self, of: tuple[T, ...] | list[T]) -> T:
        """Any of them."""
        return of[int(self.random() * len(of))]

    def new(self, pool: list[str], kind: str, most: int = 8) -> str:
        """A new id in a pool; an old one of many leaves it."""
        found = self.names.new(kind)
        pool.append(found)
        if len(pool) > most:
            del pool[self.below(most // 2)]
        return found

    def new_wallet(self) -> str:
        """A new wallet; of many, a closed one leaves the pool."""
        rows, pool = self.rows.wallets, self.wallets
        if len(pool) > 8:
            gone = [
                key for key in pool if key not in rows or rows[key].status == "closed"
            ]
            pool.remove(self.one(gone or pool))
        return self.new(pool, "wallet", 12)

    def wallet(self) -> str:
        """Any wallet, most of the time an active one."""
        draw = self.random()
        if not self.wallets or draw < 0.02:
            return self.names.id("wallet of nobody")
        if draw < 0.06:
            return self.wallet_not_active()
        if draw < 0.75:
            rows = self.rows.wallets
            active = [
                key
                for key in self.wallets
                if key in rows and rows[key].status == "active"
            ]
            if active:
                return self.one(active)
        return self.one(self.wallets)

    def wallet_not_active(self) -> str:
        """A wallet that waits for being activated, if there is one."""
        rows = self.rows.wallets
        waiting = [
            key
            for key in self.wallets
            if key in rows and rows[key].status in ("pending", "suspended")
        ]
        return self.one(waiting or self.wallets)

    def wallet_beside(self, wallet_id: str, *, merchant: bool = False) -> str:
        """Another active wallet of the same currency; now and then any."""
        row = self.rows.wallets.get(wallet_id)
        if row is None or self.chance(0.15):
            return self.wallet()
        found = [
            other.wallet_id
            for other in map(self.rows.wallets.get, self.wallets)
            if other is not None
            and other is not row
            and other.status == "active"
            and other.currency == row.currency
            and (not merchant or other.wallet_type == "merchant")
        ]
        return self.one(found) if found else self.wallet()

    def payment(self) -> str:
        """A payment that is there; seldom one that is not."""
        return self._known(self.payments, self.rows.payments, "payment of nobody")

    def card(self) -> str:
        """A card that is there; seldom one that is not."""
        return self._known(self.cards, self.rows.cards, "card of nobody")

    def currency(self, wallet_id: str) -> str:
        """The currency of a wallet; seldom another."""
        if self.chance(0.03):
            return self.one((*self.currencies, "XXX"))
        row = self.rows.wallets.get(wallet_id)
        return self.currencies[0] if row is None else row.currency

    def any_currency(self) -> str:
        """Of a new wallet."""
        draw = self.random()
        if draw < 0.05:
            return self.one(_UNKNOWN)
        return self.currencies[draw > 0.65]

    def reference(self) -> str | None:
        """None, or one of a few, so that they meet."""
        if self.chance(0.6):
            return None
        return "r" + str(self.below(12)) if self.chance(0.97) else ""

    def amount(self) -> int:
        """Mostly small; seldom impossible."""
        draw = self.random()
        if draw < 0.88:
            return 1 + self.below(60)
        if draw < 0.96:
            return 1 + self.below(1_000)
        return self.one((0, -1, LARGEST, LARGEST, LARGEST + 1))

    def _known(self, pool: list[str], rows: Mapping[str, object], nobody: str) -> str:
        if self.chance(0.95):
            known = [key for key in pool if key in rows]
            if known:
                return self.one(known)
        return self.names.id(nobody)
