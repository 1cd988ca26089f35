"""Sweeps: what has run out is noted, in order, however often it is looked for.

Nothing depends on them in time: an authorisation or a card past its end is
refused anyway (P7, D5). The sweep gives held money back and tells the readers of
the events.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from healthpay_core.clock import Clock
from healthpay_core.envelope import RecordedEvent
from healthpay_core.ids import derive_id
from healthpay_core.medcard.commands import ExpireMedCard
from healthpay_core.medcard.events import (
    MedCardCancelled,
    MedCardExpired,
    MedCardIssued,
)
from healthpay_core.medcard.state import expires_after
from healthpay_core.outcome import CommandRequest, Committed, Outcome
from healthpay_core.payment.commands import ExpireAuthorization
from healthpay_core.payment.events import (
    PaymentAuthorized,
    PaymentCaptured,
    PaymentFailed,
    PaymentVoided,
)
from healthpay_core.ports import EventStore

Execute: TypeAlias = Callable[[CommandRequest], Outcome]

_PAGE: Final = 1_000
_MINUTE_US: Final = 60_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """How many authorisations were voided and cards expired."""

    authorizations: int
    cards: int


class Sweeper:
    """Finds what has run out by following the feed, and orders its end (P8, D5).

    The first sweep reads the whole feed, later ones what is new. Two sweepers do
    no harm: each order has an id that follows from what it ends and the minute.

    Args:
        execute: Decides a command, such as `LocalRuntime.execute`.
        store: Whose feed is followed.
        clock: The handler's, or one that is about as right.
    """

    def __init__(self, execute: Execute, store: EventStore, clock: Clock) -> None:
        self._execute = execute
        self._store = store
        self._clock = clock
        self._position = 0
        self._authorizations: dict[str, int] = {}
        self._cards: dict[str, str] = {}

    def sweep(self) -> Swept:
        """End everything that has run out by now, earliest first.

        Raises:
            StoreFault: The feed cannot be read; nothing is lost, sweep again.
        """
        self._catch_up()
        now = self._clock.now()
        month = self._clock.business_day(now).date[:7]
        due = sorted((end, key) for key, end in self._authorizations.items())
        over = sorted((end, key) for key, end in self._cards.items())
        return Swept(
            authorizations=sum(
                self._void(payment_id, now) for end, payment_id in due if end <= now
            ),
            cards=sum(
                self._expire(card_id, now) for end, card_id in over if end < month
            ),
        )

    def _void(self, payment_id: str, now: int) -> bool:
        order = ExpireAuthorization(payment_id=payment_id)
        if not self._is_done(order, f"payment/{payment_id}", now):
            return False
        self._authorizations.pop(payment_id, None)
        return True

    def _expire(self, card_id: str, now: int) -> bool:
        order = ExpireMedCard(card_id=card_id)
        if not self._is_done(order, f"medcard/{card_id}", now):
            return False
        self._cards.pop(card_id, None)
        return True

    def _is_done(
        self, command: ExpireAuthorization | ExpireMedCard, what: str, now: int
    ) -> bool:
        """Order it; what is refused is ordered again, until its event says it ended.

        The refusal may have come too early: whoever decides has a clock of its own.
        """
        # With the minute in it, such a refusal is not for ever.
        command_id = derive_id(f"{what}/expire/{now // _MINUTE_US}")
        request = CommandRequest(command=command, command_id=command_id)
        return isinstance(self._execute(request), Committed)

    def _catch_up(self) -> None:
        while page := self._store.feed(self._position, _PAGE):
            for recorded in page:
                self._note(recorded)
            self._position = page[-1].position

    def _note(self, recorded: RecordedEvent) -> None:
        event, key = recorded.envelope.data, recorded.envelope.aggregate_id
        match event:
            case PaymentAuthorized():
                self._authorizations[key] = event.expires_at
            case PaymentCaptured(final=True) | PaymentVoided() | PaymentFailed():
                self._authorizations.pop(key, None)
            case MedCardIssued():
                self._cards[key] = expires_after(event)
            case MedCardExpired() | MedCardCancelled():
                self._cards.pop(key, None)
            case _:
                pass
