"""MedCards: who has one, what it may be used for, and what happens to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, TypeAlias

from examples.data import figures as f
from examples.data.draws import trait
from examples.data.intents import OPERATOR, Intent, Story, Writer
from examples.data.population import Member
from examples.data.schedule import HOUR, SECOND
from healthpay_core import (
    ActivateMedCard,
    CancelMedCard,
    CardControls,
    CardLimits,
    IssueMedCard,
    SuspendMedCard,
    derive_id,
)
from healthpay_core.medcard.events import (
    CardCancellationReason,
    CardSuspensionReason,
)

_Loss: TypeAlias = Literal["lost", "stolen"]

_MINUTE: Final = 60 * SECOND
_HAS, _CONTROLS, _EXPIRES, _LAST4 = range(11, 15)
_SERIALS: Final = 1_000


class Cards:
    """All cards, computed from the member's number and how many were replaced."""

    def __init__(self, seed: int, pen: Writer) -> None:
        self._seed = seed
        self._pen = pen
        self._replaced: dict[int, int] = {}

    def has_one(self, index: int) -> bool:
        """Whether a member has ever got a card."""
        return self._trait(index, _HAS) < f.CARD_SHARE

    def card_id(self, index: int) -> str:
        """The card that a member has now."""
        serial = self._replaced.get(index, 0)
        return derive_id(f"example/{self._seed}/card/{index}/{serial}")

    def handing_out(self, who: Member, after: int) -> Story:
        """A new member gets a card, and activates it sooner or later."""
        if not self.has_one(who.index):
            return
        after += self._pen.within(_MINUTE, 10 * _MINUTE)
        yield self._issue(who, after, replaces=None)
        after += self._pen.within(_MINUTE, 30 * _MINUTE)
        yield self._activate(who, after)

    def trouble(self, who: Member, purchase: Callable[[Member, int], Story]) -> Story:
        """Something happens to a card; `purchase` tries to use it nevertheless."""
        match self._pen.draws.weighted(f.TROUBLES):
            case "lost":
                yield self._suspend(who, 0, "lost")
                # Found again, but a lost card stays lost (D4).
                yield self._activate(who, self._pen.within(_MINUTE, HOUR))
                yield from self._replaced_card(who, 2 * HOUR, "lost")
            case "stolen":
                yield self._suspend(who, 0, "stolen")
                yield from purchase(who, self._pen.within(_MINUTE, HOUR))
                yield from self._replaced_card(who, 2 * HOUR, "stolen")
            case "mislaid":
                yield self._suspend(who, 0, "user_request")
                yield from purchase(who, self._pen.within(_MINUTE, HOUR))
                yield self._activate(who, self._pen.within(2 * HOUR, 30 * HOUR))
            case "cancelled":
                yield self._cancel(who, 0, "user_request")
                yield from purchase(who, self._pen.within(_MINUTE, HOUR))

    def _replaced_card(self, who: Member, after: int, reason: _Loss) -> Story:
        old = self.card_id(who.index)
        yield self._cancel(who, after, reason)
        self._replaced[who.index] = self._replaced.get(who.index, 0) + 1
        after += self._pen.within(HOUR, 24 * HOUR)
        yield self._issue(who, after, replaces=old)
        yield self._activate(who, after + self._pen.within(_MINUTE, 3 * HOUR))

    def _issue(self, who: Member, after: int, *, replaces: str | None) -> Intent:
        card = self._key(who.index)
        year, month = self._expires(card)
        command = IssueMedCard(
            card_id=self.card_id(who.index),
            wallet_id=who.wallet_id,
            card_token=derive_id(f"{self.card_id(who.index)}/token"),
            last4=f"{int(self._trait(card, _LAST4) * 10_000):04d}",
            exp_month=month,
            exp_year=year,
            form="physical" if replaces else "virtual",
            controls=self._controls(who.index),
            replaces_card_id=replaces,
        )
        return Intent(after=after, kind="card_issue", actor=OPERATOR, command=command)

    def _activate(self, who: Member, after: int) -> Intent:
        command = ActivateMedCard(card_id=self.card_id(who.index))
        return Intent(
            after=after, kind="card_activate", actor=who.actor, command=command
        )

    def _suspend(self, who: Member, after: int, reason: CardSuspensionReason) -> Intent:
        command = SuspendMedCard(card_id=self.card_id(who.index), reason_code=reason)
        return Intent(
            after=after, kind="card_suspend", actor=who.actor, command=command
        )

    def _cancel(
        self, who: Member, after: int, reason: CardCancellationReason
    ) -> Intent:
        command = CancelMedCard(card_id=self.card_id(who.index), reason=reason)
        return Intent(after=after, kind="card_cancel", actor=who.actor, command=command)

    def _controls(self, index: int) -> CardControls:
        """The same for every card of a member."""
        match _placed(self._trait(index, _CONTROLS), f.CARD_CONTROLS):
            case "small":
                once, daily = f.CARD_SMALL
                limits = CardLimits(per_authorization=once, daily=daily)
                return CardControls(limits=limits)
            case "monthly":
                weekly, monthly = f.CARD_MONTHLY
                return CardControls(limits=CardLimits(weekly=weekly, monthly=monthly))
            case "allowed":
                return CardControls(allowed_categories=f.CARD_ALLOWED)
            case "blocked":
                return CardControls(blocked_categories=f.CARD_BLOCKED)
            case _:
                return CardControls()

    def _expires(self, card: int) -> tuple[int, int]:
        place = self._trait(card, _EXPIRES)
        for month, share in f.CARD_MONTHS:
            place -= share
            if place < 0:
                return month
        months = int(place * 1e6)
        return f.CARD_YEARS[months % len(f.CARD_YEARS)], months % 12 + 1

    def _key(self, index: int) -> int:
        """Another number for each card of a member."""
        return index * _SERIALS + self._replaced.get(index, 0)

    def _trait(self, index: int, salt: int) -> float:
        return trait(self._seed, index, salt)


def _placed(place: float, shares: tuple[tuple[str, float], ...]) -> str:
    for name, share in shares:
        place -= share
        if place < 0:
            return name
    return shares[0][0]
