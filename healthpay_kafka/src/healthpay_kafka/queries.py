"""Queries over a read model that show a caller at least what it was answered."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

from healthpay_core import (
    CommandRequest,
    Committed,
    EventStore,
    MedCardView,
    Outcome,
    OutcomeRecord,
    PaymentView,
    RecordedEvent,
    SnapshotStore,
    StoreFault,
    StoreQueries,
    StreamId,
    TransferView,
    WalletView,
)
from healthpay_core.ids import (
    medcard_stream,
    payment_stream,
    transfer_stream,
    wallet_stream,
)
from healthpay_kafka.read_model import ReadModel


class FreshQueries:
    """A `QueryPort` on a read model, and the observer that tells it what to wait for.

    A query about an aggregate of which the gateway has answered a version waits
    until the read model has it. So whoever has been answered sees its own writes.

    Args:
        model: What follows the journals.
        store: What it follows them into.
        snapshots: Shortens the fold where there is one.
        wait_s: How long a query waits; then it fails, for it would show less than
            the caller knows.
        remembered: Aggregates whose answered version is known, at most.
    """

    def __init__(
        self,
        model: ReadModel,
        store: EventStore,
        snapshots: SnapshotStore | None = None,
        *,
        wait_s: float = 2.0,
        remembered: int = 100_000,
    ) -> None:
        self._model = model
        self._queries = StoreQueries(store, snapshots)
        self._wait_s = wait_s
        self._remembered = remembered
        self._answered: OrderedDict[StreamId, int] = OrderedDict()
        self._lock = Lock()

    def batch_handled(
        self, requests: Sequence[CommandRequest], outcomes: Sequence[Outcome]
    ) -> None:
        """Note the versions that callers have been told of."""
        with self._lock:
            for outcome in outcomes:
                if isinstance(outcome, Committed):
                    self._note(outcome)

    def unexpected(self, error_id: str, error: BaseException) -> None:
        """Nothing is remembered of it."""

    def wallet(
        self, wallet_id: str, *, version: int | None = None, at: int | None = None
    ) -> WalletView | None:
        self._wait_for(wallet_stream(wallet_id))
        return self._queries.wallet(wallet_id, version=version, at=at)

    def transfer(self, transfer_id: str) -> TransferView | None:
        self._wait_for(transfer_stream(transfer_id))
        return self._queries.transfer(transfer_id)

    def payment(self, payment_id: str) -> PaymentView | None:
        self._wait_for(payment_stream(payment_id))
        return self._queries.payment(payment_id)

    def medcard(self, card_id: str) -> MedCardView | None:
        self._wait_for(medcard_stream(card_id))
        return self._queries.medcard(card_id)

    def wallet_events(
        self, wallet_id: str, *, after: int = 0, limit: int = 100
    ) -> Sequence[RecordedEvent]:
        self._wait_for(wallet_stream(wallet_id))
        return self._queries.wallet_events(wallet_id, after=after, limit=limit)

    def command(self, command_id: str) -> OutcomeRecord | None:
        return self._queries.command(command_id)

    def feed(self, after: int = 0, limit: int = 1000) -> Sequence[RecordedEvent]:
        return self._queries.feed(after, limit)

    def _note(self, outcome: Committed) -> None:
        for event in outcome.events:
            kind = event.event_type.partition(".")[0]
            stream = StreamId(f"{kind}/{event.aggregate_id}")
            known = self._answered.pop(stream, 0)
            self._answered[stream] = max(known, event.sequence)
        while len(self._answered) > self._remembered:
            self._answered.popitem(last=False)

    def _wait_for(self, stream: StreamId) -> None:
        version = self._answered.get(stream)
        if version is None:
            return
        if not self._model.wait_for(stream, version, self._wait_s):
            reason = self._model.fault() or "it is behind"
            raise StoreFault(f"the read model cannot show it yet: {reason}")
