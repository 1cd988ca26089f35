"""The books of payments: authorised, captured, refunded, by plain addition."""

from __future__ import annotations

from dataclasses import dataclass, field

from healthpay_core import (
    PaymentAuthorized,
    PaymentCaptured,
    PaymentFailed,
    PaymentRefunded,
    PaymentVoided,
    WalletCredited,
    WalletDebited,
)
from healthpay_core.events import Event

_WITHIN = "wallet:"


@dataclass(slots=True)
class Legs:
    """One payment as the wallets tell it: what moved between them, and the fee."""

    paid: int = 0
    received: int = 0
    given_back: int = 0
    got_back: int = 0
    fee: int = 0

    def enter(self, data: WalletCredited | WalletDebited) -> bool:
        """Enter a movement; whether both its sides are wallets."""
        debit = isinstance(data, WalletDebited)
        if not data.counter_account.startswith(_WITHIN):
            self.fee += data.amount if debit else -data.amount
            return False
        if isinstance(data, WalletDebited) and data.hold_id is not None:
            self.paid += data.amount
        elif debit:
            self.given_back += data.amount
        elif data.reason == "refund":
            self.got_back += data.amount
        else:
            self.received += data.amount
        return True


@dataclass(slots=True)
class Payment:
    """One payment as its own stream tells it."""

    hold_id: str = ""
    authorized: int = 0
    captured: int = 0
    refunded: int = 0
    released: int = 0
    fees: int = 0
    ended: bool = False
    faults: list[str] = field(default_factory=list)

    @property
    def open(self) -> int:
        """What is still to be held."""
        return 0 if self.ended else self.authorized - self.captured

    def legs(self) -> Legs:
        """What the wallets have to tell."""
        return Legs(
            paid=self.captured,
            received=self.captured,
            given_back=self.refunded,
            got_back=self.refunded,
            fee=self.fees,
        )

    def enter(self, data: Event) -> None:
        """Enter an event, and compare the totals that it states."""
        match data:
            case PaymentAuthorized():
                self.hold_id, self.authorized = data.hold_id, data.amount
            case PaymentCaptured():
                self.captured += data.amount
                self.fees += data.fee or 0
                self._expect("captured in all", data.captured_total, self.captured)
                self._end(data.released, last=data.final)
            case PaymentVoided():
                self._end(data.released, last=True)
            case PaymentFailed():
                self.ended = True
            case PaymentRefunded():
                self.refunded += data.amount
                self._expect("refunded in all", data.refunded_total, self.refunded)
            case _:
                return
        if not 0 <= self.refunded <= self.captured <= self.authorized:
            self.faults.append(
                f"refunded {self.refunded}, captured {self.captured}, "
                f"authorised {self.authorized}"
            )

    def _end(self, released: int, *, last: bool) -> None:
        left = self.authorized - self.captured
        self._expect("released", released, left if last else 0)
        self.released += released
        self.ended = self.ended or last

    def _expect(self, what: str, said: int, sum_of_events: int) -> None:
        if said != sum_of_events:
            self.faults.append(f"{what} {said}, its events say {sum_of_events}")
