"""A reader of the feed: balances, from deliveries that come twice and mixed up."""

from __future__ import annotations

from collections.abc import Iterable

from healthpay_core.envelope import RecordedEvent
from healthpay_core.ids import StreamId
from healthpay_core.wallet.events import WalletCredited, WalletDebited


class BalanceProjection:
    """Counts each event once, in the order of its stream (B6).

    Attributes:
        balances: By wallet, in minor units.
        duplicates, early: Deliveries that were dropped, and that had to wait.
    """

    def __init__(self) -> None:
        self.balances: dict[str, int] = {}
        self.duplicates: int = 0
        self.early: int = 0
        self._seen: dict[StreamId, int] = {}
        self._waiting: dict[tuple[StreamId, int], RecordedEvent] = {}

    def deliver(self, events: Iterable[RecordedEvent]) -> None:
        """Take in what arrived."""
        for recorded in events:
            stream, sequence = recorded.envelope.stream, recorded.envelope.sequence
            seen = self._seen.get(stream, 0)
            if sequence <= seen or (stream, sequence) in self._waiting:
                self.duplicates += 1
                continue
            self._waiting[stream, sequence] = recorded
            self.early += sequence != seen + 1
            self._catch_up(stream)

    def _catch_up(self, stream: StreamId) -> None:
        while True:
            following = self._seen.get(stream, 0) + 1
            recorded = self._waiting.pop((stream, following), None)
            if recorded is None:
                return
            self._seen[stream] = following
            self._count(recorded)

    def _count(self, recorded: RecordedEvent) -> None:
        event, wallet_id = recorded.envelope.data, recorded.envelope.aggregate_id
        if isinstance(event, WalletCredited):
            self.balances[wallet_id] = self.balances.get(wallet_id, 0) + event.amount
        elif isinstance(event, WalletDebited):
            self.balances[wallet_id] = self.balances.get(wallet_id, 0) - event.amount
