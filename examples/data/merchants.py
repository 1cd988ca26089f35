"""The merchants of the programme, computed from their number and never stored."""

from __future__ import annotations

from dataclasses import dataclass

from examples.data import figures as f
from examples.data.draws import Draws
from examples.data.intents import OPERATOR, Intent, Story, Writer
from examples.data.schedule import SECOND
from healthpay_core import ActivateWallet, Actor, CreateWallet, DebitWallet, derive_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Merchant:
    """Somebody who is paid; `trade` is the merchant category."""

    wallet_id: str
    owner_id: str
    trade: str

    @property
    def actor(self) -> Actor:
        """The till as the one who gives an order."""
        return Actor(type="merchant", id=self.owner_id)


class Merchants:
    """All merchants; every twenty of them have the same trades."""

    def __init__(self, seed: int, members: int) -> None:
        self._seed = seed
        self.size = max(len(f.TRADES), members // f.MEMBERS_PER_MERCHANT)

    def merchant(self, index: int) -> Merchant:
        """The merchant of a number."""
        name = f"example/{self._seed}/merchant/{index}"
        return Merchant(
            wallet_id=derive_id(f"{name}/wallet"),
            owner_id=derive_id(name),
            trade=f.TRADES[index % len(f.TRADES)],
        )

    def some(self, draws: Draws) -> Merchant:
        """Any merchant."""
        return self.merchant(draws.below(self.size))

    def opening(self, index: int) -> Story:
        """A merchant's wallet is opened; its papers are in order."""
        shop = self.merchant(index)
        create = CreateWallet(
            wallet_id=shop.wallet_id,
            owner_id=shop.owner_id,
            wallet_type="merchant",
            currency=f.CURRENCY,
            kyc_level="full",
        )
        activate = ActivateWallet(wallet_id=shop.wallet_id)
        yield Intent(after=0, kind="create", actor=OPERATOR, command=create)
        yield Intent(
            after=30 * SECOND, kind="activate", actor=OPERATOR, command=activate
        )

    def payout(self, pen: Writer) -> Story:
        """A merchant takes some of its money to the bank."""
        shop = self.some(pen.draws)
        payout = DebitWallet(
            wallet_id=shop.wallet_id,
            amount=pen.pounds(f.PAYOUT),
            currency=f.CURRENCY,
            reason="withdrawal",
            counter_account="external:banks",
        )
        yield Intent(after=0, kind="payout", actor=shop.actor, command=payout)
