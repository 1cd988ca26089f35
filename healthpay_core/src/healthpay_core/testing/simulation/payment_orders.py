"""Orders on payments: initiate them, and whatever may be asked of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, TypeAlias

from healthpay_core.making import maker
from healthpay_core.payment import commands as p
from healthpay_core.payment.events import EligibleAmounts
from healthpay_core.testing.model import PaymentRow
from healthpay_core.testing.simulation.pools import Pools

PaymentOrder: TypeAlias = Callable[[str], p.PaymentCommand]

_make_initiate = maker(p.InitiatePayment)
CATEGORIES: Final = ("pharmacies", "doctors", "doctors", "dentists", "casinos")


class PaymentOrders:
    """Draws commands on payments, from what is there."""

    def __init__(self, pools: Pools) -> None:
        self._pools = pools
        authorize, capture, refund = self._authorize, self._capture, self._refund
        void, expire, fail = self._void, self._expire, self._fail
        self._any: tuple[PaymentOrder, ...] = (
            *(authorize, authorize, authorize, capture, capture, capture),
            *(refund, refund, void, expire, fail),
        )
        self._sensible: dict[str, tuple[PaymentOrder, ...]] = {
            "initiated": (authorize, authorize, authorize, authorize, fail),
            "authorized": (capture, capture, capture, refund, void, expire, fail),
            "captured": (refund,),
            "partially_refunded": (refund, void, expire, fail),
        }

    def step(self) -> p.PaymentCommand:
        """Any order on a payment that is there, or is not."""
        pools = self._pools
        if not any(key in pools.rows.payments for key in pools.payments):
            return self.initiate()
        payment_id = pools.payment()
        payment = pools.rows.payments.get(payment_id)
        orders = self._any
        if payment is not None and pools.chance(0.6):
            orders = self._sensible.get(payment.status, orders)
        return pools.one(orders)(payment_id)

    def initiate(self) -> p.InitiatePayment:
        """A payment, new or not, from a wallet or with a card."""
        pools = self._pools
        reused = pools.payments and pools.chance(0.13)
        payment_id = (
            pools.payment() if reused else pools.new(pools.payments, "payment", 9)
        )
        payer, card_id = pools.wallet(), None
        card = pools.rows.cards.get(pools.card()) if pools.chance(0.5) else None
        if card is not None:
            card_id = card.order.card_id
            if pools.chance(0.95):
                payer = card.order.wallet_id
        elif pools.chance(0.03):
            card_id = pools.names.id("card of nobody")
        odd = pools.chance(0.03)
        return _make_initiate(
            payment_id=payment_id,
            payer_wallet_id=payer,
            merchant_wallet_id=pools.wallet_beside(payer, merchant=True),
            amount=pools.amount(),
            currency=pools.currency(payer),
            method="medcard" if (card_id is not None) is not odd else "wallet",
            capture_method=pools.one(("manual", "manual", "automatic")),
            card_id=card_id,
            merchant_category=pools.one(CATEGORIES) if card_id else None,
            eligible_amounts=self._eligible() if pools.chance(0.25) else None,
            partial_approval=pools.chance(0.5),
            reference=pools.reference(),
        )

    def refundable(self) -> PaymentRow | None:
        """A payment of which something can be returned."""
        pools = self._pools
        rows = pools.rows.payments
        found = [
            rows[key]
            for key in pools.payments
            if key in rows and rows[key].captured > rows[key].refunded
        ]
        return pools.one(found) if found else None

    def _authorize(self, payment_id: str) -> p.PaymentCommand:
        seconds = (None, None, 60, 3600, 90_000, 2_592_000, 0, 2_592_001)
        expires_in_s = self._pools.one(seconds)
        return p.AuthorizePayment(payment_id=payment_id, expires_in_s=expires_in_s)

    def _capture(self, payment_id: str) -> p.PaymentCommand:
        chance, amount = self._pools.chance, self._pools.amount
        return p.CapturePayment(
            payment_id=payment_id,
            amount=None if chance(0.4) else amount(),
            final=chance(0.5),
            fee=None if chance(0.7) else amount(),
        )

    def _refund(self, payment_id: str) -> p.PaymentCommand:
        pools = self._pools
        amount = None if pools.chance(0.3) else pools.amount()
        if pools.chance(0.3):
            # Little enough to leave a rest.
            amount = 1 + pools.below(8)
        return p.RefundPayment(payment_id=payment_id, amount=amount)

    def _void(self, payment_id: str) -> p.PaymentCommand:
        reasons: tuple[Literal["merchant", "payer"], ...] = ("merchant", "payer")
        return p.VoidPayment(payment_id=payment_id, reason=self._pools.one(reasons))

    def _expire(self, payment_id: str) -> p.PaymentCommand:
        return p.ExpireAuthorization(payment_id=payment_id)

    def _fail(self, payment_id: str) -> p.PaymentCommand:
        return p.FailPayment(payment_id=payment_id)

    def _eligible(self) -> EligibleAmounts:
        below = self._pools.below
        if self._pools.chance(0.5):
            return EligibleAmounts(clinic=below(40), dental=below(40))
        return EligibleAmounts(vision=3, total_healthcare=below(80) - 1)
