"""Reading: resources as they are, were at a version, or were at an instant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from healthpay_core import domain
from healthpay_core.envelope import RecordedEvent
from healthpay_core.ids import (
    StreamId,
    medcard_stream,
    payment_stream,
    transfer_stream,
    wallet_stream,
)
from healthpay_core.outcome import OutcomeRecord
from healthpay_core.ports import EventStore, SnapshotStore
from healthpay_core.states import restore
from healthpay_core.views import (
    MedCardView,
    PaymentView,
    Resource,
    TransferView,
    WalletView,
)


class QueryPort(Protocol):
    """Answers questions; `QueryPortContract` is its contract.

    Reads never queue behind writes. Every method may block on the store, and raises
    `StoreFault` when it cannot be read and `StreamCorrupted` when a history does not
    add up (C5).
    """

    def wallet(
        self, wallet_id: str, *, version: int | None = None, at: int | None = None
    ) -> WalletView | None:
        """A wallet now, at a version, or at an instant (microseconds).

        Where the clocks of processes differ, an instant between two events that
        were recorded in the other order may be answered with either.
        """
        ...

    def transfer(self, transfer_id: str) -> TransferView | None:
        """A transfer now."""
        ...

    def payment(self, payment_id: str) -> PaymentView | None:
        """A payment now."""
        ...

    def medcard(self, card_id: str) -> MedCardView | None:
        """A card now."""
        ...

    def wallet_events(
        self, wallet_id: str, *, after: int = 0, limit: int = 100
    ) -> Sequence[RecordedEvent]:
        """Events of a wallet with sequence > `after`, oldest first."""
        ...

    def command(self, command_id: str) -> OutcomeRecord | None:
        """What became of a command; None while nothing is stored."""
        ...

    def feed(self, after: int = 0, limit: int = 1000) -> Sequence[RecordedEvent]:
        """Events of all streams with position > `after`."""
        ...


class StoreQueries:
    """A `QueryPort` over any event store: current as of the call.

    Args:
        store: Where the events are.
        snapshots: Shortens the fold where there is one.
    """

    def __init__(
        self, store: EventStore, snapshots: SnapshotStore | None = None
    ) -> None:
        self._store = store
        self._snapshots = snapshots

    def wallet(
        self, wallet_id: str, *, version: int | None = None, at: int | None = None
    ) -> WalletView | None:
        stream = wallet_stream(wallet_id)
        if at is not None:
            version = self._version_at(stream, at)
        resource = self._resource(stream, version)
        return resource if isinstance(resource, WalletView) else None

    def transfer(self, transfer_id: str) -> TransferView | None:
        resource = self._resource(transfer_stream(transfer_id), None)
        return resource if isinstance(resource, TransferView) else None

    def payment(self, payment_id: str) -> PaymentView | None:
        resource = self._resource(payment_stream(payment_id), None)
        return resource if isinstance(resource, PaymentView) else None

    def medcard(self, card_id: str) -> MedCardView | None:
        resource = self._resource(medcard_stream(card_id), None)
        return resource if isinstance(resource, MedCardView) else None

    def wallet_events(
        self, wallet_id: str, *, after: int = 0, limit: int = 100
    ) -> Sequence[RecordedEvent]:
        return self._store.read(wallet_stream(wallet_id), after, limit)

    def command(self, command_id: str) -> OutcomeRecord | None:
        return self._store.outcomes((command_id,)).get(command_id)

    def feed(self, after: int = 0, limit: int = 1000) -> Sequence[RecordedEvent]:
        return self._store.feed(after, limit)

    def _resource(self, stream: StreamId, until: int | None) -> Resource | None:
        if until is not None and until < 1:
            return None
        state, version = restore(self._store, self._snapshots, stream, until=until)
        if state is None or (until is not None and version < until):
            return None
        return domain.view(stream, state, version)

    def _version_at(self, stream: StreamId, instant: int) -> int:
        """The last version that was recorded by then.

        Found by bisection: instants rise along a stream, but where clocks are set
        back or differ. There it is one of those between which they do not rise.
        """
        low, high = 0, self._store.versions((stream,))[stream]
        while low < high:
            middle = (low + high + 1) // 2
            recorded = self._store.read(stream, middle - 1, 1)[0]
            if recorded.envelope.meta.occurred_at <= instant:
                low = middle
            else:
                high = middle - 1
        return low
