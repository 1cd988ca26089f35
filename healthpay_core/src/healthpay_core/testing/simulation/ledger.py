"""The books, kept from the feed alone: what must be true after every step.

It knows the events and nothing of the deciders, nor of the reference model.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from healthpay_core.envelope import EventEnvelope, RecordedEvent
from healthpay_core.ids import StreamId
from healthpay_core.medcard.events import MedCardCancelled, MedCardExpired
from healthpay_core.payment.events import (
    PaymentAuthorized,
    PaymentCaptured,
    PaymentFailed,
    PaymentOperationBegun,
    PaymentOperationRefused,
    PaymentRefunded,
    PaymentVoided,
)
from healthpay_core.testing.simulation.stores import Storage, verified
from healthpay_core.transfer.events import TransferCompleted, TransferFailed
from healthpay_core.wallet.events import (
    LimitUsage,
    WalletClosed,
    WalletCreated,
    WalletCredited,
    WalletDebited,
    WalletHoldPlaced,
    WalletHoldReleased,
)

_Money: TypeAlias = (
    WalletCredited | WalletDebited | WalletHoldPlaced | WalletHoldReleased
)
_OfPayment: TypeAlias = (
    PaymentAuthorized
    | PaymentCaptured
    | PaymentRefunded
    | PaymentVoided
    | PaymentFailed
    | PaymentOperationBegun
    | PaymentOperationRefused
)
_FINAL: Final = frozenset(
    {
        WalletClosed,
        TransferCompleted,
        TransferFailed,
        PaymentVoided,
        PaymentFailed,
        MedCardExpired,
        MedCardCancelled,
    }
)


class Violation(AssertionError):
    """Something is true that must never be; `rule` names what was broken."""

    def __init__(self, rule: str, text: str) -> None:
        super().__init__(f"{rule}: {text}")
        self.rule: str = rule


@dataclass(slots=True)
class PaymentTotals:
    """What the events of a payment add up to (P18)."""

    authorized: int = 0
    captured: int = 0
    refunded: int = 0
    hold_id: str = ""
    is_open: bool = False
    is_under_way: bool = False

    @property
    def held(self) -> int:
        """What must be held of it while no saga is at work on it."""
        return self.authorized - self.captured if self.is_open else 0


@dataclass(slots=True)
class WalletFigures:
    """The last figures of a wallet in the feed."""

    currency: str
    balance: int = 0
    held: int = 0
    usage: LimitUsage | None = None  # None when a release came after it.


class Ledger:
    """Checks each new event, and the sums over all.

    Args:
        storage: Says how the hash chain is made.

    Attributes:
        position: Of the last event that was seen.
        seen: All of them.
        sequences: The version of every stream.
        wallets: The last figures of every wallet.
        in_flight: What is between two wallets, by currency and the transfer or
            payment that moves it: more than 0 is in both, less than 0 in neither.
        movements: How often money of each currency moved.
    """

    def __init__(self, storage: Storage) -> None:
        self.position: int = 0
        self.seen: list[RecordedEvent] = []
        self.sequences: defaultdict[StreamId, int] = defaultdict(int)
        self.wallets: dict[str, WalletFigures] = {}
        self.in_flight: dict[tuple[str, str], int] = {}
        self.movements: Counter[str] = Counter()
        self._digest = storage.digest
        self._heads: dict[StreamId, bytes] = {}
        self._event_ids: set[str] = set()
        self._ended: set[StreamId] = set()
        self._holds: dict[tuple[str, str], int] = {}
        self._payments: defaultdict[str, PaymentTotals] = defaultdict(PaymentTotals)
        self._moved_payments: set[str] = set()
        self._inside: defaultdict[str, int] = defaultdict(int)
        self._outside: defaultdict[str, int] = defaultdict(int)
        self._books: dict[type, Callable[[str, Any], None]] = {
            WalletCreated: self._created,
            **dict.fromkeys(
                (WalletCredited, WalletDebited, WalletHoldPlaced, WalletHoldReleased),
                self._moved,
            ),
            **dict.fromkeys(
                (
                    PaymentAuthorized,
                    PaymentCaptured,
                    PaymentRefunded,
                    PaymentVoided,
                    PaymentFailed,
                    PaymentOperationBegun,
                    PaymentOperationRefused,
                ),
                self._paid,
            ),
        }

    def see(self, recorded: RecordedEvent) -> None:
        """Check one more event.

        Raises:
            Violation: It does not follow those before it.
        """
        envelope = recorded.envelope
        self._in_order(recorded, envelope)
        self.seen.append(recorded)
        kind = type(envelope.data)
        book = self._books.get(kind)
        if book is not None:
            book(envelope.aggregate_id, envelope.data)
        if kind in _FINAL:
            # What was captured before a void may still be refunded (P9).
            captured = kind is PaymentVoided and self._captured(envelope)
            if not captured:
                self._ended.add(envelope.stream)

    def balance(self) -> None:
        """Check that no money was made or lost (C6), and what is held (P18).

        Raises:
            Violation: The wallets do not hold what came in and is not in flight.
        """
        outside = self._outside
        if self.in_flight:
            outside = outside.copy()
            for (currency, _), amount in self.in_flight.items():
                outside[currency] += amount
        for currency, inside in self._inside.items():
            if inside != outside[currency]:
                text = f"{inside} {currency} in wallets, {outside[currency]} came in"
                raise Violation("money conserved", text)
        while self._moved_payments:
            self._held(self._moved_payments.pop())

    def _captured(self, envelope: EventEnvelope) -> bool:
        return self._payments[envelope.aggregate_id].captured > 0

    def _in_order(self, recorded: RecordedEvent, envelope: EventEnvelope) -> None:
        stream = envelope.stream
        if recorded.position != self.position + 1:
            raise Violation("feed gap-free", f"{recorded.position} in the feed")
        self.position += 1
        version = self.sequences[stream]
        if envelope.sequence != version + 1:
            text = f"{envelope.sequence} after {version} in {stream}"
            raise Violation("versions gap-free", text)
        self.sequences[stream] = version + 1
        if envelope.event_id in self._event_ids:
            raise Violation("no event twice", f"{envelope.event_id} in {stream}")
        self._event_ids.add(envelope.event_id)
        if stream in self._ended:
            raise Violation("ends are final", f"{envelope.event_type} in {stream}")
        if not verified(self._digest, recorded, self._heads.get(stream, bytes(32))):
            raise Violation("hash chains whole", f"{stream} at {envelope.sequence}")
        self._heads[stream] = recorded.hash

    def _created(self, wallet_id: str, event: WalletCreated) -> None:
        self.wallets[wallet_id] = WalletFigures(event.currency)

    def _moved(self, wallet_id: str, event: _Money) -> None:
        figures = self.wallets.get(wallet_id)
        if figures is None or figures.currency != event.currency:
            text = f"{event.amount} {event.currency} in {wallet_id}"
            raise Violation("one currency a wallet", text)
        balance, held = event.balance_after, event.held_after
        if not 0 <= held <= balance:
            raise Violation("nobody owes", f"{held} of {balance} held in {wallet_id}")
        self.movements[event.currency] += 1
        self._inside[event.currency] += balance - figures.balance
        if isinstance(event, WalletCredited):
            self._booked(event, event.amount)
        elif isinstance(event, WalletDebited):
            self._booked(event, -event.amount)
            figures.usage = event.limit_usage or figures.usage
            if event.hold_id is not None:
                figures.held += self._set_aside(wallet_id, event.hold_id, -event.amount)
        elif isinstance(event, WalletHoldPlaced):
            figures.usage = event.limit_usage
            figures.held += self._set_aside(wallet_id, event.hold_id, event.amount)
        else:
            figures.usage = None
            figures.held += self._set_aside(wallet_id, event.hold_id, -event.amount)
        if held != figures.held:
            text = f"{held} in {wallet_id}, its holds are {figures.held}"
            raise Violation("held is the sum of the holds", text)
        figures.balance = balance

    def _set_aside(self, wallet_id: str, hold_id: str, amount: int) -> int:
        key = (wallet_id, hold_id)
        left = self._holds.get(key, 0) + amount
        if left < 0:
            raise Violation("held is the sum of the holds", f"{left} in {hold_id}")
        if left:
            self._holds[key] = left
        else:
            self._holds.pop(key, None)
        return amount

    def _booked(self, event: WalletCredited | WalletDebited, amount: int) -> None:
        if not event.counter_account.startswith("wallet:"):
            self._outside[event.currency] += amount
            return
        related = event.related
        cause = (related and (related.transfer_id or related.payment_id)) or ""
        key = (event.currency, cause)
        left = self.in_flight.get(key, 0) + amount
        if left:
            self.in_flight[key] = left
        else:
            self.in_flight.pop(key, None)

    def _paid(self, payment_id: str, event: _OfPayment) -> None:
        totals = self._payments[payment_id]
        totals.is_under_way = isinstance(event, PaymentOperationBegun)
        self._moved_payments.add(payment_id)
        if isinstance(event, PaymentAuthorized):
            totals.authorized += event.amount
            totals.hold_id, totals.is_open = event.hold_id, True
        elif isinstance(event, PaymentCaptured):
            totals.captured += event.amount
            totals.is_open = totals.is_open and not event.final
        elif isinstance(event, PaymentRefunded):
            totals.refunded += event.amount
        elif isinstance(event, (PaymentVoided, PaymentFailed)):
            totals.is_open = False
        if not 0 <= totals.refunded <= totals.captured <= totals.authorized:
            raise Violation("0 <= refunded <= captured <= authorized", f"{totals}")

    def _held(self, payment_id: str) -> None:
        totals = self._payments[payment_id]
        if totals.is_under_way:
            return
        found = sum(
            amount
            for (_, hold_id), amount in self._holds.items()
            if hold_id == totals.hold_id
        )
        if found != totals.held:
            text = f"{found} of {payment_id}, {totals.held} expected"
            raise Violation("held is authorized - captured", text)
