"""A payer with a card and a merchant, as the tests of cards want them."""

from __future__ import annotations

from typing import Final

from healthpay_core import (
    NO_LIMITS,
    AuthorizePayment,
    CardControls,
    CardLimits,
    ChangeWalletKycLevel,
    Code,
    Command,
    EligibleAmounts,
    FailPayment,
    LimitPolicy,
    Limits,
    ManualClock,
    PolicyRef,
    SuspendMedCard,
    SuspendWallet,
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
    withdrawal,
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


FAULTS: Final[dict[str, Code]] = {
    "done already": Code.INVALID_STATE_TRANSITION,
    "card suspended": Code.CARD_NOT_ACTIVE,
    "payer suspended": Code.WALLET_NOT_ACTIVE,
    "merchant suspended": Code.WALLET_NOT_ACTIVE,
    "category": Code.MERCHANT_CATEGORY_NOT_ALLOWED,
    "not eligible": Code.AMOUNT_NOT_ELIGIBLE,
    "level": Code.KYC_LEVEL_INSUFFICIENT,
    "card limit": Code.CARD_LIMIT_EXCEEDED,
    "wallet limit": Code.LIMIT_EXCEEDED,
    "funds": Code.INSUFFICIENT_FUNDS,
}
"""Each fault of an authorisation by card with its code, in the order of D6 and E2."""

PARTIES: Final = {"payer suspended": "payer", "merchant suspended": "merchant"}


def faulty(*faults: str) -> Workbench:
    """A payment that has these faults as it is authorised."""
    row = Limits(per_transaction=99 if "wallet limit" in faults else None)
    levels = LimitPolicy(
        ref=PolicyRef(id="test", version=1),
        rows={
            ("personal", "full", "EGP"): row,
            ("personal", "basic", "EGP"): Limits(per_day=0),
        },
    )
    controls = CardControls(
        blocked_categories=("pharmacies",) if "category" in faults else None,
        limits=CardLimits(daily=99 if "card limit" in faults else None),
    )
    made = bench(policy=levels, controls=controls)
    eligible = EligibleAmounts(clinic=99) if "not eligible" in faults else None
    order = payment(AHMED, SHOP, 100, card=CARD, eligible=eligible)
    made.do(order)
    if "done already" in faults:
        made.do(FailPayment(payment_id=P))
    if "funds" in faults:
        take = [withdrawal(AHMED, 99)] * 101 if "wallet limit" in faults else []
        made.do(*(take or [withdrawal(AHMED, 10_000)]))
    if "level" in faults:
        made.do(ChangeWalletKycLevel(wallet_id=AHMED, kyc_level="basic"))
    if "card suspended" in faults:
        made.do(SuspendMedCard(card_id=CARD, reason_code="admin"))
    if "payer suspended" in faults:
        made.do(SuspendWallet(wallet_id=AHMED, reason_code="fraud"))
    if "merchant suspended" in faults:
        made.do(SuspendWallet(wallet_id=SHOP, reason_code="fraud"))
    return made
