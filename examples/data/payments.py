"""Payments to merchants: what becomes of them, and what is returned."""

from __future__ import annotations

from typing import Final

from examples.data import figures as f
from examples.data.cards import Cards
from examples.data.intents import Intent, Story, Writer
from examples.data.merchants import Merchant, Merchants
from examples.data.population import Member
from examples.data.schedule import HOUR, SECOND
from healthpay_core import (
    Actor,
    AuthorizePayment,
    CapturePayment,
    EligibleAmounts,
    FailPayment,
    InitiatePayment,
    RefundPayment,
    VoidPayment,
)
from healthpay_core.payment.commands import PaymentCommand

_MINUTE: Final = 60 * SECOND
_POUND: Final = 100


class Payments:
    """Tells of payments; whoever pays does so by card when there is one."""

    def __init__(self, pen: Writer, merchants: Merchants, cards: Cards) -> None:
        self._pen = pen
        self._draws = pen.draws
        self._merchants = merchants
        self._cards = cards

    def payment(self, who: Member) -> Story:
        """Somebody pays, and it takes one of its courses."""
        shop = self._merchants.some(self._draws)
        till = _Till(shop, self._order(who, shop))
        yield till.give(0, "initiate", till.order)
        after = self._pen.within(SECOND, 20 * SECOND)
        if till.order.capture_method == "automatic":
            yield till.authorize(after)
            yield from self._returns(till, after, till.order.amount)
        else:
            yield from self._course(till, after)

    def purchase(self, who: Member, after: int) -> Story:
        """The attempt to buy something with the card, whatever its state."""
        shop = self._merchants.some(self._draws)
        till = _Till(shop, self._order(who, shop, by_card=True))
        yield till.give(after, "initiate", till.order)
        yield till.authorize(after + self._pen.within(SECOND, 20 * SECOND))

    def owed(self, who: Member, *, capture_after: int) -> Story:
        """A small payment that is held now and captured much later."""
        shop = self._merchants.some(self._draws)
        till = _Till(shop, self._order(who, shop, amount=5 * _POUND))
        yield till.give(0, "initiate", till.order)
        yield till.authorize(10 * SECOND)
        yield till.capture(capture_after)

    def to_wallet(self, who: Member, wallet_id: str, amount: int) -> Intent:
        """A payment to somebody who is no merchant."""
        order = InitiatePayment(
            payment_id=self._pen.new_id("payment"),
            payer_wallet_id=who.wallet_id,
            merchant_wallet_id=wallet_id,
            amount=amount,
            currency=f.CURRENCY,
        )
        return Intent(after=0, kind="mistake", actor=who.actor, command=order)

    def _order(
        self,
        who: Member,
        shop: Merchant,
        *,
        amount: int | None = None,
        by_card: bool | None = None,
    ) -> InitiatePayment:
        if by_card is None:
            by_card = self._cards.has_one(who.index) and self._draws.chance(
                f.CARD_BY_CARD
            )
        automatic = amount is None and self._draws.chance(
            f.AUTOMATIC_SHARES.get(shop.trade, f.AUTOMATIC_SHARE)
        )
        bill = amount or self._pen.amount(who, f.BILLS.get(shop.trade, f.PHARMACY))
        eligible = amount is None and self._draws.chance(f.ELIGIBLE_SHARE)
        return InitiatePayment(
            payment_id=self._pen.new_id("payment"),
            payer_wallet_id=who.wallet_id,
            merchant_wallet_id=shop.wallet_id,
            amount=bill,
            currency=f.CURRENCY,
            method="medcard" if by_card else "wallet",
            capture_method="automatic" if automatic else "manual",
            card_id=self._cards.card_id(who.index) if by_card else None,
            merchant_category=shop.trade,
            eligible_amounts=self._eligible(bill) if eligible else None,
            partial_approval=eligible and self._draws.chance(f.PARTIAL_APPROVAL_SHARE),
            reference=self._pen.reference("RX"),
        )

    def _eligible(self, bill: int) -> EligibleAmounts:
        """Most of a bill is for medicines, the rest may be shampoo."""
        return EligibleAmounts(prescription=max(1, int(bill * self._draws.unit())))

    def _course(self, till: _Till, after: int) -> Story:
        """What a merchant makes of a payment that it captures by hand."""
        course = self._draws.weighted(f.COURSES)
        amount = till.order.amount
        later = after + self._pen.hours(f.CAPTURE_HOURS)
        match course:
            case "whole":
                yield till.authorize(after)
                yield till.capture(later, fee=True)
                yield from self._returns(till, later, amount)
            case "part":
                yield till.authorize(after)
                part = max(1, int(amount * (0.5 + self._draws.unit() / 2)))
                yield till.capture(later, part, fee=True)
                yield from self._returns(till, later, part)
            case "twice":
                yield till.authorize(after)
                yield from self._twice(till, later)
            case "void":
                yield till.authorize(after)
                yield till.give(later, "void", VoidPayment(payment_id=till.payment_id))
            case "decline":
                if self._draws.chance(0.5):
                    yield till.authorize(after)
                failed = FailPayment(payment_id=till.payment_id)
                yield till.give(later, "decline", failed)
            case "forgotten":
                yield till.authorize(after, self._draws.pick(f.TERM_HOURS) * 3_600)
            case "late":
                yield till.authorize(after, f.LATE_TERM_S)
                after += f.LATE_TERM_S * SECOND + self._pen.within(0, 2 * HOUR)
                yield till.capture(after)
            case "confused":
                yield from self._confused(till, after)

    def _twice(self, till: _Till, after: int) -> Story:
        """What is there today, and the rest, or some of it, on another day.

        Now and then more is asked for than was authorised.
        """
        amount = till.order.amount
        part = max(1, amount // 2)
        yield till.capture(after, part, final=False)
        if self._draws.chance(0.3):
            yield from self._returns(till, after, part)
        rest = amount - part + (_POUND if self._draws.chance(0.15) else 0)
        yield till.capture(after + self._pen.within(HOUR, 48 * HOUR), max(1, rest))

    def _confused(self, till: _Till, after: int) -> Story:
        """A till that does each thing at the wrong moment."""
        seconds = iter(range(30 * SECOND, HOUR, 30 * SECOND))
        yield till.capture(after)
        yield till.authorize(after + next(seconds))
        yield till.authorize(after + next(seconds))
        yield till.refund(after + next(seconds), None)
        yield till.capture(after + next(seconds))
        yield till.capture(after + next(seconds))
        void = VoidPayment(payment_id=till.payment_id)
        yield till.give(after + next(seconds), "void", void)

    def _returns(self, till: _Till, after: int, captured: int) -> Story:
        """Some of what was captured goes back, in some cases."""
        if not self._draws.chance(f.RETURN_SHARE):
            return
        after += self._pen.hours(f.RETURN_HOURS)
        part = max(1, int(captured * (0.1 + 0.8 * self._draws.unit())))
        match self._draws.weighted(f.RETURNS):
            case "part":
                yield till.refund(after, part)
            case "all":
                yield till.refund(after, None)
            case "again":
                yield till.refund(after, part)
                yield till.refund(after + HOUR, None)
                yield till.refund(after + 2 * HOUR, None)
            case "too_much":
                yield till.refund(after, captured + _POUND)
                yield till.refund(after + _MINUTE, part)
                yield till.refund(after + 2 * _MINUTE, captured)


class _Till:
    """What a merchant gives for one payment: its orders."""

    def __init__(self, shop: Merchant, order: InitiatePayment) -> None:
        self._actor: Actor = shop.actor
        self.order = order
        self.payment_id = order.payment_id

    def give(self, after: int, kind: f.Kind, command: PaymentCommand) -> Intent:
        return Intent(after=after, kind=kind, actor=self._actor, command=command)

    def authorize(self, after: int, seconds: int | None = None) -> Intent:
        command = AuthorizePayment(payment_id=self.payment_id, expires_in_s=seconds)
        return self.give(after, "authorize", command)

    def capture(
        self,
        after: int,
        amount: int | None = None,
        *,
        final: bool = True,
        fee: bool = False,
    ) -> Intent:
        # Of a part that is approved only, less is held than was asked for.
        known = amount or (None if self.order.partial_approval else self.order.amount)
        command = CapturePayment(
            payment_id=self.payment_id,
            amount=amount,
            final=final,
            fee=max(1, int(known * f.FEE_SHARE)) if fee and known else None,
        )
        return self.give(after, "capture", command)

    def refund(self, after: int, amount: int | None) -> Intent:
        command = RefundPayment(payment_id=self.payment_id, amount=amount)
        return self.give(after, "give_back", command)
