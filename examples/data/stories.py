"""What members and operators want, as short stories of commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, TypeAlias

from examples.data import figures as f
from examples.data.cards import Cards
from examples.data.draws import PIASTRES
from examples.data.intents import OPERATOR, Intent, Story, Writer
from examples.data.merchants import Merchants
from examples.data.payments import Payments
from examples.data.population import Member, Population
from examples.data.schedule import HOUR, SECOND
from healthpay_core import (
    ActivateWallet,
    Actor,
    ChangeWalletKycLevel,
    CloseWallet,
    CreateWallet,
    CreditWallet,
    DebitWallet,
    SuspendWallet,
    TransferFunds,
)

_MINUTE: Final = 60 * SECOND
_DAY: Final = 24 * HOUR
_PAYROLL: Final = Actor(type="system", id="payroll")

_Given: TypeAlias = Literal["refund", "cashback"]


class Stories:
    """Tells stories; those who tell nothing any more are remembered."""

    def __init__(self, seed: int, population: Population) -> None:
        self._people = population
        self._pen = Writer(seed)
        self._draws = self._pen.draws
        self._merchants = Merchants(seed, population.size)
        self._cards = Cards(seed, self._pen)
        self._payments = Payments(self._pen, self._merchants, self._cards)
        self._left: set[int] = set()
        self._everyday: dict[f.Everyday, Callable[[Member, int], Story]] = {
            "transfer": self._transfer,
            "pharmacy": self._pharmacy,
            "clinic": self._clinic,
            "top_up": self._top_up,
            "withdrawal": self._withdrawal,
            "refund": self._refund,
            "cashback": self._cashback,
            "hospital": self._hospital,
            "mistake": self._mistake,
            "kyc_upgrade": self._kyc_upgrade,
            "close": self._close,
            "fraud": self._fraud,
            "payment": self._payment,
            "card_trouble": self._card_trouble,
            "payout": self._payout,
        }

    @property
    def merchants(self) -> int:
        """How many merchants open a wallet."""
        return self._merchants.size

    def opening(self, index: int) -> Story:
        """A merchant's wallet is opened."""
        return self._merchants.opening(index)

    def joining(self, index: int) -> Story:
        """A wallet is opened, and most put something in."""
        who = self._people.member(index)
        yield Intent(
            after=0,
            kind="create",
            actor=OPERATOR,
            command=CreateWallet(
                wallet_id=who.wallet_id,
                owner_id=who.owner_id,
                wallet_type=who.wallet_type,
                currency=f.CURRENCY,
                kyc_level=who.kyc_level if who.verified else "unverified",
            ),
        )
        after = self._pen.within(20 * SECOND, 3 * _MINUTE)
        yield self._activation(who, after)
        if not who.verified:
            # Refused so far; the papers come in, and then it works.
            after += self._pen.within(HOUR, 30 * HOUR)
            yield self._level(who, after)
            after += self._pen.within(_MINUTE, HOUR)
            yield self._activation(who, after)
        yield from self._cards.handing_out(who, after)
        if self._draws.chance(f.OPENING_DEPOSIT_SHARE):
            amount = self._pen.amount(who, f.OPENING_DEPOSIT)
            after += self._pen.within(_MINUTE, 2 * HOUR)
            yield self._cash_in(who, after, "opening_deposit", amount)

    def salary(self, index: int) -> Story:
        """The employer pays, never less than the minimum wage."""
        who = self._people.member(index)
        amount = max(f.MINIMUM_WAGE * PIASTRES, self._pen.amount(who, f.SALARY))
        yield Intent(
            after=0,
            kind="salary",
            actor=_PAYROLL,
            command=CreditWallet(
                wallet_id=who.wallet_id,
                amount=amount,
                currency=f.CURRENCY,
                reason="deposit",
                reference=f"PAY-{f.FIRST_DAY[:7]}",
                counter_account="external:payroll",
            ),
        )

    def everyday(self, opened: int) -> Story:
        """What one of the first `opened` members does next."""
        index = int(opened * self._draws.unit() ** f.ACTIVITY_SKEW)
        if index in self._left and not self._draws.chance(f.GOES_ON_AFTER_CLOSING):
            index = self._draws.below(opened)
        plot = self._everyday[self._draws.weighted(f.EVERYDAY)]
        return plot(self._people.member(index), opened)

    def _transfer(self, who: Member, opened: int) -> Story:
        family = [i for i in self._people.family(who.index) if i < opened]
        family.remove(who.index)
        outside = not family or self._draws.chance(f.OUTSIDE_FAMILY_SHARE)
        to = self._draws.below(opened) if outside else self._draws.pick(family)
        amount = self._pen.amount(who, f.TRANSFER)
        yield self._send(who, 0, "transfer", self._people.wallet_id(to), amount)

    def _pharmacy(self, who: Member, _: int) -> Story:
        amount = self._pen.amount(who, f.PHARMACY)
        yield self._pay(who, 0, "pharmacy", amount, self._pen.reference("RX"))

    def _clinic(self, who: Member, _: int) -> Story:
        amount = self._pen.amount(who, f.CLINIC)
        yield self._pay(who, 0, "clinic", amount, self._pen.reference("CL"))

    def _hospital(self, who: Member, _: int) -> Story:
        """A bill that savings are brought in for; too large, it goes in parts."""
        bill = self._pen.amount(who, f.HOSPITAL)
        reference = self._pen.reference("HO")
        yield self._cash_in(who, 0, "top_up", bill)
        after = self._pen.within(5 * _MINUTE, HOUR)
        yield self._pay(who, after, "hospital", bill, reference)
        if bill <= who.day_limit:
            return
        part = who.day_limit * 9 // 10
        while bill:
            paid = min(part, bill)
            after += _DAY
            yield self._pay(who, after, "hospital", paid, reference)
            bill -= paid

    def _top_up(self, who: Member, _: int) -> Story:
        yield self._cash_in(who, 0, "top_up", self._pen.amount(who, f.TOP_UP))

    def _payment(self, who: Member, _: int) -> Story:
        return self._payments.payment(who)

    def _card_trouble(self, who: Member, _: int) -> Story:
        """Without a card there is nothing to lose, and a payment instead."""
        if not self._cards.has_one(who.index):
            return self._payments.payment(who)
        return self._cards.trouble(who, self._payments.purchase)

    def _payout(self, _: Member, __: int) -> Story:
        return self._merchants.payout(self._pen)

    def _withdrawal(self, who: Member, _: int) -> Story:
        yield Intent(
            after=0,
            kind="withdrawal",
            actor=who.actor,
            command=DebitWallet(
                wallet_id=who.wallet_id,
                amount=self._pen.amount(who, f.WITHDRAWAL),
                currency=f.CURRENCY,
                reason="withdrawal",
                counter_account="external:agents",
            ),
        )

    def _refund(self, who: Member, _: int) -> Story:
        amount = self._pen.amount(who, f.PHARMACY)
        yield self._credit(who, "refund", amount, self._pen.reference("RX"))

    def _cashback(self, who: Member, _: int) -> Story:
        yield self._credit(who, "cashback", self._pen.amount(who, f.CASHBACK), None)

    def _kyc_upgrade(self, who: Member, _: int) -> Story:
        yield self._level(who, 0)

    def _close(self, who: Member, opened: int) -> Story:
        """A member leaves; the rest goes to the family, or to somebody."""
        family = [i for i in self._people.family(who.index) if i < opened]
        family.remove(who.index)
        to = self._draws.pick(family) if family else self._draws.below(opened)
        self._left.add(who.index)
        yield Intent(
            after=0,
            kind="close",
            actor=who.actor,
            command=CloseWallet(
                wallet_id=who.wallet_id,
                reason_code="user_request",
                sweep_to=self._people.wallet_id(to),
            ),
        )

    def _fraud(self, who: Member, opened: int) -> Story:
        """Somebody drains a wallet, it is suspended, the owner wonders.

        What the owner owed before is settled nevertheless (W5).
        """
        after = self._pen.within(2 * _MINUTE, 5 * _MINUTE)
        yield from self._payments.owed(who, capture_after=2 * HOUR)
        for _ in range(3 + self._draws.below(3)):
            to = self._people.wallet_id(self._draws.below(opened))
            yield self._send(who, after, "drain", to, self._pen.amount(who, f.DRAIN))
            after += self._pen.within(20 * SECOND, 90 * SECOND)
        after += self._pen.within(2 * _MINUTE, 10 * _MINUTE)
        suspended = after
        yield Intent(
            after=after,
            kind="suspend",
            actor=OPERATOR,
            command=SuspendWallet(wallet_id=who.wallet_id, reason_code="fraud"),
        )
        for _ in range(self._draws.below(4)):
            after += self._pen.within(10 * _MINUTE, 3 * HOUR)
            amount = self._pen.amount(who, f.PHARMACY)
            yield self._pay(who, after, "pharmacy", amount, self._pen.reference("RX"))
        if self._draws.chance(f.RESUMED_SHARE):
            wait = int(self._draws.lognormal(*f.SUSPENDED_HOURS) * HOUR)
            command = ActivateWallet(
                wallet_id=who.wallet_id, reason_code="fraud_cleared"
            )
            yield Intent(
                after=suspended + wait, kind="resume", actor=OPERATOR, command=command
            )

    def _mistake(self, who: Member, opened: int) -> Story:
        """What the client should not have sent."""
        amount = self._pen.amount(who, f.TRANSFER)
        nobody = self._pen.new_id("nobody")
        to = self._people.wallet_id(self._draws.below(opened))
        match self._draws.below(5):
            case 0:
                yield self._send(who, 0, "mistake", nobody, amount)
            case 1:
                yield self._send(who, 0, "mistake", who.wallet_id, amount)
            case 2:
                yield self._send(who, 0, "mistake", to, 0)
            case 3:
                yield self._send(who, 0, "mistake", to, amount, currency="USD")
            case _:
                # Nobody but a merchant is paid (W10).
                yield self._payments.to_wallet(who, to, amount)

    def _activation(self, who: Member, after: int) -> Intent:
        command = ActivateWallet(wallet_id=who.wallet_id)
        return Intent(after=after, kind="activate", actor=OPERATOR, command=command)

    def _level(self, who: Member, after: int) -> Intent:
        level = who.kyc_level
        if who.verified:
            level = "enhanced" if level == "basic" else "full"
        command = ChangeWalletKycLevel(
            wallet_id=who.wallet_id,
            kyc_level=level,
            evidence_ref=self._pen.reference("KYC"),
        )
        return Intent(after=after, kind="kyc_upgrade", actor=OPERATOR, command=command)

    def _cash_in(self, who: Member, after: int, kind: f.Kind, amount: int) -> Intent:
        command = CreditWallet(
            wallet_id=who.wallet_id,
            amount=amount,
            currency=f.CURRENCY,
            reason="deposit",
            counter_account="external:agents",
        )
        return Intent(after=after, kind=kind, actor=who.actor, command=command)

    def _credit(
        self, who: Member, kind: _Given, amount: int, reference: str | None
    ) -> Intent:
        command = CreditWallet(
            wallet_id=who.wallet_id,
            amount=amount,
            currency=f.CURRENCY,
            reason=kind,
            reference=reference,
            counter_account="external:providers",
        )
        return Intent(after=0, kind=kind, actor=OPERATOR, command=command)

    def _pay(
        self, who: Member, after: int, kind: f.Kind, amount: int, reference: str
    ) -> Intent:
        command = DebitWallet(
            wallet_id=who.wallet_id,
            amount=amount,
            currency=f.CURRENCY,
            reason="payment",
            reference=reference,
            counter_account="external:providers",
        )
        return Intent(after=after, kind=kind, actor=who.actor, command=command)

    def _send(
        self,
        who: Member,
        after: int,
        kind: f.Kind,
        to: str,
        amount: int,
        *,
        currency: str = f.CURRENCY,
    ) -> Intent:
        command = TransferFunds(
            transfer_id=self._pen.new_id("transfer"),
            source_wallet_id=who.wallet_id,
            destination_wallet_id=to,
            amount=amount,
            currency=currency,
        )
        return Intent(after=after, kind=kind, actor=who.actor, command=command)
