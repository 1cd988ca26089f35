"""A payer with a card and a merchant, as the tests of cards want them."""

from __future__ import annotations

from typing import Final

from healthpay_core import (
    NO_LIMITS,
    AuthorizePayment,
    CardControls,
    CardLimits,
    Command,
    LimitPolicy,
    ManualClock,
)
from healthpay_core.medcard.events import HEALTH_CARE_ONLY
from healthpay_core.testing import (
    Workbench,
    card_id,
    funded,
    instant,
    issued,
    opened,
    payment,
    payment_id,
    wallet_id,
)

AHMED, SHOP = wallet_id("ahmed"), wallet_id("shop")
CARD = card_id("card")
P = payment_id("payment")
AUTHORIZE: Final = AuthorizePayment(payment_id=P)


def bench(
    *orders: Command,
    controls: CardControls = HEALTH_CARE_ONLY,
    policy: LimitPolicy = NO_LIMITS,
    at: str | None = None,
) -> Workbench:
    """A payer with 10,000 and an active card, a merchant, and what the orders do."""
    clock = None if at is None else ManualClock(instant(at))
    made = Workbench(policy=policy, clock=clock)
    made.do(*funded(AHMED, 10_000), *opened(SHOP, wallet_type="merchant"))
    made.do(*issued(CARD, AHMED, exp_year=2030, controls=controls), *orders)
    return made


def limited(**limits: int) -> CardControls:
    """Health care everywhere, within these limits."""
    return CardControls(limits=CardLimits(**limits))


def spend(
    room: Workbench, amount: int, name: str, *, card: str | None = CARD
) -> AuthorizePayment:
    """Agree on a payment by card; the order to authorise it."""
    room.do(payment(AHMED, SHOP, amount, name=name, card=card))
    return AuthorizePayment(payment_id=payment_id(name))
