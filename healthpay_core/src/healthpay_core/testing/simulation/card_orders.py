"""Orders on cards: issue them, and whatever may be asked of one."""

from __future__ import annotations

from typing import Final

from healthpay_core.domain import Command
from healthpay_core.medcard import commands as c
from healthpay_core.medcard.events import CardControls, CardLimits, CardSuspensionReason
from healthpay_core.testing.simulation.pools import Pools

_SUSPENSIONS: Final[tuple[CardSuspensionReason, ...]] = (
    "lost",
    "stolen",
    "user_request",
    "admin",
)


class CardOrders:
    """Draws commands on cards, from what is there."""

    def __init__(self, pools: Pools) -> None:
        self._pools = pools

    def issue(self) -> Command:
        """A card, new or not, that expires soon or has expired."""
        pools = self._pools
        reused = pools.cards and pools.chance(0.2)
        today = pools.clock.business_day(pools.clock.now()).date
        months = int(today[:4]) * 12 + int(today[5:7]) - 1
        months += pools.one((0, 0, 0, 1, 1, 2, 6, -1))
        return c.IssueMedCard(
            card_id=pools.card() if reused else pools.new(pools.cards, "card", 6),
            wallet_id=pools.wallet(),
            card_token="token",  # noqa: S106
            last4="12x4" if pools.chance(0.04) else "1234",
            exp_month=months % 12 + 1,
            exp_year=months // 12,
            form="virtual",
            controls=self._controls(),
        )

    def step(self) -> Command:
        """Any order on a card that is there, or is not."""
        pools = self._pools
        if not any(key in pools.rows.cards for key in pools.cards):
            return self.issue()
        card_id, draw = pools.card(), pools.random()
        if draw < 0.60:
            return c.ActivateMedCard(card_id=card_id)
        if draw < 0.75:
            reason = pools.one(_SUSPENSIONS)
            return c.SuspendMedCard(card_id=card_id, reason_code=reason)
        if draw < 0.85:
            return c.CancelMedCard(card_id=card_id, reason="admin")
        return c.ExpireMedCard(card_id=card_id)

    def _controls(self) -> CardControls:
        chance = self._pools.chance
        allowed = ("doctors", "casinos") if chance(0.15) else None
        return CardControls(
            allowed_categories=allowed,
            blocked_categories=("dentists",) if chance(0.15) else None,
            limits=self._limits() if chance(0.5) else CardLimits(),
        )

    def _limits(self) -> CardLimits:
        below, chance = self._pools.below, self._pools.chance
        amounts = [below(90) if chance(0.3) else None for _ in range(6)]
        return CardLimits(
            per_authorization=amounts[0],
            daily=amounts[1],
            weekly=amounts[2],
            monthly=amounts[3],
            yearly=amounts[4],
            all_time=amounts[5],
        )
