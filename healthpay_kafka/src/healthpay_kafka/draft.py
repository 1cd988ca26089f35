"""What a batch of a partition writes, record by record."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from healthpay_core import CommandRequest, Err, Outcome, Unknown
from healthpay_core.fingerprints import fingerprint_of
from healthpay_core.outcome import Rejected
from healthpay_core.refusals import InternalError
from healthpay_kafka.deciding import Decision
from healthpay_kafka.holdings import Holdings
from healthpay_kafka.journal import Entry, Kind, Sent
from healthpay_kafka.orders import Order, Reply, decode_order
from healthpay_kafka.outgoing import Outgoing
from healthpay_kafka.records import Arrived, Record
from healthpay_wire.cloudevents import encode_structured

_KEPT_FOR_US: Final = 14 * 86_400_000_000
"""Well below the 31 days for which an id is remembered."""


class Draft:
    """The records of the batch under way, and the orders that it does at once.

    Attributes:
        records: What is written.
        batch: The offset of its first record.
        arrived: The record of the commands that is being done.
        at_once: Orders to aggregates of the partition itself.

    Args:
        number: The partition.
        outgoing: Makes its records.
        holdings: Learn what is decided for good.
    """

    def __init__(self, number: int, outgoing: Outgoing, holdings: Holdings) -> None:
        self.records: list[Record] = []
        self.batch: int = 0
        self.arrived: Arrived = Arrived(offset=0, recorded_at=0, key=None, value=None)
        self.at_once: deque[Order] = deque()
        self._number = number
        self._outgoing = outgoing
        self._holdings = holdings

    def begin(self, batch: int) -> None:
        """Begin anew, with the batch of a first offset."""
        self.records = []
        self.at_once.clear()
        self.batch = batch

    def note(
        self,
        kind: Kind,
        request: CommandRequest,
        decision: Decision | None,
        *,
        sent: Sent | None = None,
        root: bytes | None = None,
        reply: Reply | None = None,
    ) -> Entry:
        """Write an entry of the journal, and the events that it holds."""
        offset = self.arrived.offset
        recorded = () if decision is None else decision.events
        events = [encode_structured(e, command_offset=offset) for e in recorded]
        entry = Entry(
            kind=kind,
            offset=offset,
            batch=self.batch,
            recorded_at=self.arrived.recorded_at,
            command_id=request.command_id,
            correlation_id=request.correlation_id or request.command_id,
            fingerprint=fingerprint_of(request),
            outcome=None if decision is None else decision.outcome,
            pinned=decision is not None and decision.is_final,
            events=events,
            sent=sent,
            root=root,
            reply=reply,
        )
        self._write(entry)
        for event, encoded in zip(recorded, events, strict=True):
            self.records.append(self._outgoing.event(event, encoded))
        return entry

    def send(self, sent: Sent, order: Order | None) -> None:
        """To an aggregate of this partition at once, to any other as a record."""
        if self._outgoing.place(sent.key) != self._number:
            self.records.append(self._outgoing.order(sent))
            return
        if order is None:
            decoded = decode_order(sent.value, None)
            if isinstance(decoded, Err):
                raise AssertionError(decoded.error.errors[0].detail)
            order = decoded.value
        self.at_once.append(order)

    def answer(self, reply: Reply | None, outcome: Outcome) -> None:
        """To who waits for it, if anybody still does (R5)."""
        assert not isinstance(outcome, Unknown)
        record = self._outgoing.answer(reply, outcome, self.arrived.recorded_at)
        if record is not None:
            self.records.append(record)

    def letter(self, reason: str, error_id: str) -> None:
        """A dead letter of the record that is being done."""
        self.records.append(self._outgoing.letter(self.arrived, reason, error_id))

    def keep(self, known: Entry) -> None:
        """Write a step's entry again before it is forgotten: its process goes on.

        A process that is under way for longer than ids are remembered would
        otherwise have its first steps decided anew (T6).
        """
        offset, now = self.arrived.offset, self.arrived.recorded_at
        if known.pinned and now - known.recorded_at >= _KEPT_FOR_US:
            again = replace(
                known, offset=offset, batch=self.batch, recorded_at=now, events=()
            )
            self._write(again)

    def leave_again(self, entries: Sequence[Entry]) -> None:
        """What a torn transaction may have lost; readers skip the rest (R3, R4)."""
        for entry in entries:
            for event in entry.events:
                self.records.append(self._outgoing.event_again(event))
            outcome, sent = entry.outcome, entry.sent
            if isinstance(outcome, Rejected) and isinstance(
                outcome.error, InternalError
            ):
                self.letter("it was set aside before", outcome.error.error_id)
            if sent is not None and self._outgoing.place(sent.key) != self._number:
                self.records.append(self._outgoing.order(sent))

    def _write(self, entry: Entry) -> None:
        record = self._outgoing.entry(entry)
        self.records.append(record)
        if entry.pinned:
            assert record.value is not None
            self._holdings.decide(entry.command_id, record.value)
