"""The books, kept from the feed alone: what must be true after every step.

It knows the events and nothing of the deciders, nor of the reference model.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from healthpay_core.envelope import EventEnvelope, RecordedEvent
from healthpay_core.ids import StreamId
from healthpay_core.medcard.events import MedCardCancelled, MedCardExpired
from healthpay_core.payment.events import (
    PaymentAuthorized,
    PaymentCaptured,
    PaymentFailed,
    PaymentRefunded,
    PaymentVoided,
)
from healthpay_core.testing.simulation.stores import Storage, verified
from healthpay_core.transfer.events import TransferCompleted, TransferFailed
from healthpay_core.wallet.events import (
    LimitUsage,
    WalletClosed,
    WalletCredited,
    WalletDebited,
    WalletHoldPlaced,
    WalletHoldReleased,
)

_MONEY = (WalletCredited, WalletDebited, WalletHoldPlaced, WalletHoldReleased)
_FINAL = (
    WalletClosed,
    TransferCompleted,
    TransferFailed,
    PaymentVoided,
    PaymentFailed,
    MedCardExpired,
    MedCardCancelled,
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
        sequences: The version of every stream.
        wallets: The last figures of every wallet that had money.
        in_flight: What is between two wallets, by currency and the transfer or
            payment that moves it: more than 0 is in both, less than 0 in neither.
    """

    def __init__(self, storage: Storage) -> None:
        self.position: int = 0
        self.sequences: defaultdict[StreamId, int] = defaultdict(int)
        self.wallets: dict[str, WalletFigures] = {}
        self.in_flight: dict[tuple[str, str], int] = {}
        self._storage = storage
        self._heads: dict[StreamId, bytes] = {}
        self._event_ids: set[str] = set()
        self._ended: set[StreamId] = set()
        self._payments: defaultdict[str, PaymentTotals] = defaultdict(PaymentTotals)
        self._inside: defaultdict[str, int] = defaultdict(int)
        self._outside: defaultdict[str, int] = defaultdict(int)

    def see(self, recorded: RecordedEvent) -> None:
        """Check one more event.

        Raises:
            Violation: It does not follow those before it.
        """
        envelope = recorded.envelope
        self._in_order(recorded, envelope)
        data = envelope.data
        if isinstance(data, _MONEY):
            self._moved(envelope, data)
        elif isinstance(data, (PaymentAuthorized, PaymentCaptured, PaymentRefunded)):
            self._paid(envelope.aggregate_id, data)
        # What was captured before a void may still be refunded (P9).
        refundable = isinstance(data, PaymentVoided) and self._captured(envelope)
        if isinstance(data, _FINAL) and not refundable:
            self._ended.add(envelope.stream)

    def balance(self) -> None:
        """Check that no money was made or lost (C6).

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

    def _captured(self, envelope: EventEnvelope) -> bool:
        return self._payments[envelope.aggregate_id].captured > 0

    def _in_order(self, recorded: RecordedEvent, envelope: EventEnvelope) -> None:
        stream = envelope.stream
        if recorded.position != self.position + 1:
            raise Violation("feed gap-free", f"{recorded.position} in the feed")
        self.position += 1
        if envelope.sequence != self.sequences[stream] + 1:
            text = f"{envelope.sequence} after {self.sequences[stream]} in {stream}"
            raise Violation("versions gap-free", text)
        self.sequences[stream] += 1
        if envelope.event_id in self._event_ids:
            raise Violation("no event twice", f"{envelope.event_id} in {stream}")
        self._event_ids.add(envelope.event_id)
        if stream in self._ended:
            raise Violation("ends are final", f"{envelope.event_type} in {stream}")
        if not verified(self._storage, recorded, self._heads.get(stream, bytes(32))):
            raise Violation("hash chains whole", f"{stream} at {envelope.sequence}")
        self._heads[stream] = recorded.hash

    def _moved(
        self,
        envelope: EventEnvelope,
        event: WalletCredited | WalletDebited | WalletHoldPlaced | WalletHoldReleased,
    ) -> None:
        wallet_id = envelope.aggregate_id
        figures = self.wallets.get(wallet_id)
        if figures is None:
            figures = self.wallets[wallet_id] = WalletFigures(event.currency)
        balance, held = event.balance_after, event.held_after
        if not 0 <= held <= balance:
            raise Violation("nobody owes", f"{held} of {balance} held in {wallet_id}")
        self._inside[event.currency] += balance - figures.balance
        figures.balance, figures.held = balance, held
        if isinstance(event, WalletCredited):
            self._booked(event, event.amount)
        elif isinstance(event, WalletDebited):
            self._booked(event, -event.amount)
            figures.usage = event.limit_usage or figures.usage
        elif isinstance(event, WalletHoldPlaced):
            figures.usage = event.limit_usage
        else:
            figures.usage = None

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

    def _paid(
        self,
        payment_id: str,
        event: PaymentAuthorized | PaymentCaptured | PaymentRefunded,
    ) -> None:
        totals = self._payments[payment_id]
        if isinstance(event, PaymentAuthorized):
            totals.authorized += event.amount
        elif isinstance(event, PaymentCaptured):
            totals.captured += event.amount
        else:
            totals.refunded += event.amount
        if not 0 <= totals.refunded <= totals.captured <= totals.authorized:
            raise Violation("0 <= refunded <= captured <= authorized", f"{totals}")
