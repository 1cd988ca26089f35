"""What members and operators want, as short stories of commands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from examples.data import figures as f
from examples.data.draws import PIASTRES, Draws
from examples.data.population import Member, Population
from examples.data.schedule import HOUR, SECOND
from healthpay_core import (
    ActivateWallet,
    Actor,
    ChangeWalletKycLevel,
    CloseWallet,
    Command,
    CreateWallet,
    CreditWallet,
    DebitWallet,
    SuspendWallet,
    TransferFunds,
    derive_id,
)

_MINUTE: Final = 60 * SECOND
_DAY: Final = 24 * HOUR
_OPERATOR: Final = Actor(type="operator", id="operations")
_PAYROLL: Final = Actor(type="system", id="payroll")


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A command that somebody wants to give, so long after its story began.

    `after` is microseconds.
    """

    after: int
    kind: f.Kind
    command: Command
    actor: Actor


Story: TypeAlias = Iterator[Intent]
_Given: TypeAlias = Literal["refund", "cashback"]


class Stories:
    """Tells stories; those who tell nothing any more are remembered."""

    def __init__(self, seed: int, population: Population) -> None:
        self._seed = seed
        self._people = population
        self._draws = Draws(seed, "stories")
        self._numbers = 0
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
        }

    def joining(self, index: int) -> Story:
        """A wallet is opened, and most put something in."""
        who = self._people.member(index)
        yield Intent(
            after=0,
            kind="create",
            actor=_OPERATOR,
            command=CreateWallet(
                wallet_id=who.wallet_id,
                owner_id=who.owner_id,
                wallet_type=who.wallet_type,
                currency=f.CURRENCY,
                kyc_level=who.kyc_level if who.verified else "unverified",
            ),
        )
        after = self._within(20 * SECOND, 3 * _MINUTE)
        yield self._activation(who, after)
        if not who.verified:
            # Refused so far; the papers come in, and then it works.
            after += self._within(HOUR, 30 * HOUR)
            yield self._level(who, after)
            after += self._within(_MINUTE, HOUR)
            yield self._activation(who, after)
        if self._draws.chance(f.OPENING_DEPOSIT_SHARE):
            amount = self._amount(who, f.OPENING_DEPOSIT)
            after += self._within(_MINUTE, 2 * HOUR)
            yield self._cash_in(who, after, "opening_deposit", amount)

    def salary(self, index: int) -> Story:
        """The employer pays, never less than the minimum wage."""
        who = self._people.member(index)
        amount = max(f.MINIMUM_WAGE * PIASTRES, self._amount(who, f.SALARY))
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
        amount = self._amount(who, f.TRANSFER)
        yield self._send(who, 0, "transfer", self._people.wallet_id(to), amount)

    def _pharmacy(self, who: Member, _: int) -> Story:
        amount = self._amount(who, f.PHARMACY)
        yield self._pay(who, 0, "pharmacy", amount, self._reference("RX"))

    def _clinic(self, who: Member, _: int) -> Story:
        amount = self._amount(who, f.CLINIC)
        yield self._pay(who, 0, "clinic", amount, self._reference("CL"))

    def _hospital(self, who: Member, _: int) -> Story:
        """A bill that savings are brought in for; too large, it goes in parts."""
        bill = self._amount(who, f.HOSPITAL)
        reference = self._reference("HO")
        yield self._cash_in(who, 0, "top_up", bill)
        after = self._within(5 * _MINUTE, HOUR)
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
        yield self._cash_in(who, 0, "top_up", self._amount(who, f.TOP_UP))

    def _withdrawal(self, who: Member, _: int) -> Story:
        yield Intent(
            after=0,
            kind="withdrawal",
            actor=who.actor,
            command=DebitWallet(
                wallet_id=who.wallet_id,
                amount=self._amount(who, f.WITHDRAWAL),
                currency=f.CURRENCY,
                reason="withdrawal",
                counter_account="external:agents",
            ),
        )

    def _refund(self, who: Member, _: int) -> Story:
        amount = self._amount(who, f.PHARMACY)
        yield self._credit(who, "refund", amount, self._reference("RX"))

    def _cashback(self, who: Member, _: int) -> Story:
        yield self._credit(who, "cashback", self._amount(who, f.CASHBACK), None)

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
        """Somebody drains a wallet, it is suspended, the owner wonders."""
        after = 0
        for _ in range(3 + self._draws.below(3)):
            to = self._people.wallet_id(self._draws.below(opened))
            yield self._send(who, after, "drain", to, self._amount(who, f.DRAIN))
            after += self._within(20 * SECOND, 90 * SECOND)
        after += self._within(2 * _MINUTE, 10 * _MINUTE)
        suspended = after
        yield Intent(
            after=after,
            kind="suspend",
            actor=_OPERATOR,
            command=SuspendWallet(wallet_id=who.wallet_id, reason_code="fraud"),
        )
        for _ in range(self._draws.below(4)):
            after += self._within(10 * _MINUTE, 3 * HOUR)
            amount = self._amount(who, f.PHARMACY)
            yield self._pay(who, after, "pharmacy", amount, self._reference("RX"))
        if self._draws.chance(f.RESUMED_SHARE):
            wait = int(self._draws.lognormal(*f.SUSPENDED_HOURS) * HOUR)
            command = ActivateWallet(
                wallet_id=who.wallet_id, reason_code="fraud_cleared"
            )
            yield Intent(
                after=suspended + wait, kind="resume", actor=_OPERATOR, command=command
            )

    def _mistake(self, who: Member, opened: int) -> Story:
        """What the client should not have sent."""
        amount = self._amount(who, f.TRANSFER)
        nobody = derive_id(f"example/{self._seed}/nobody/{self._number()}")
        to = self._people.wallet_id(self._draws.below(opened))
        match self._draws.below(4):
            case 0:
                yield self._send(who, 0, "mistake", nobody, amount)
            case 1:
                yield self._send(who, 0, "mistake", who.wallet_id, amount)
            case 2:
                yield self._send(who, 0, "mistake", to, 0)
            case _:
                yield self._send(who, 0, "mistake", to, amount, currency="USD")

    def _activation(self, who: Member, after: int) -> Intent:
        command = ActivateWallet(wallet_id=who.wallet_id)
        return Intent(after=after, kind="activate", actor=_OPERATOR, command=command)

    def _level(self, who: Member, after: int) -> Intent:
        level = who.kyc_level
        if who.verified:
            level = "enhanced" if level == "basic" else "full"
        command = ChangeWalletKycLevel(
            wallet_id=who.wallet_id,
            kyc_level=level,
            evidence_ref=self._reference("KYC"),
        )
        return Intent(after=after, kind="kyc_upgrade", actor=_OPERATOR, command=command)

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
        return Intent(after=0, kind=kind, actor=_OPERATOR, command=command)

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
            transfer_id=derive_id(f"example/{self._seed}/transfer/{self._number()}"),
            source_wallet_id=who.wallet_id,
            destination_wallet_id=to,
            amount=amount,
            currency=currency,
        )
        return Intent(after=after, kind=kind, actor=who.actor, command=command)

    def _amount(self, who: Member, size: tuple[float, float, float]) -> int:
        median, sigma, step = size
        factor = f.BUSINESS_FACTOR if who.wallet_type == "business" else 1
        return self._draws.pounds(median, sigma, step=step) * factor

    def _reference(self, prefix: str) -> str:
        return f"{prefix}-{self._number():07d}"

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    def _within(self, low: int, high: int) -> int:
        return low + self._draws.below(high - low)
