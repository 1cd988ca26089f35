"""Stores with one bug each; a seed and a story decide whether it is met."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from healthpay_core import (
    Append,
    Appended,
    AppendResult,
    EventEnvelope,
    InMemoryEventStore,
    OutcomeRecord,
    RecordedEvent,
    StreamId,
    WalletCredited,
    WalletDebited,
    derive_id,
)
from healthpay_core.outcome import Committed
from healthpay_core.payment.events import PaymentAuthorized
from healthpay_core.ports import (
    AppendUnavailable,
    DuplicateCommand,
    ExpectedVersion,
    VersionConflict,
)
from healthpay_core.testing.simulation import MemoryStorage, Simulation
from healthpay_core.wallet.events import (
    WalletActivated,
    WalletClosed,
    WalletHoldPlaced,
)


def stored_in(kind: type[InMemoryEventStore]) -> Simulation:
    """Stories on a store of a kind."""
    return Simulation(storage=lambda: MemoryStorage(kind))


def altered(change: Callable[[EventEnvelope], EventEnvelope]) -> Simulation:
    """Stories on a store that stores other events than it was given."""

    class Altered(InMemoryEventStore):
        def _recorded(self, events: Sequence[EventEnvelope]) -> list[RecordedEvent]:
            return super()._recorded([change(envelope) for envelope in events])

    return stored_in(Altered)


def is_unlucky(command_id: str) -> bool:
    """One command in eight, the same ones however short the story is."""
    return int(command_id[-6:], 16) % 8 == 3


def _is_unlucky(append: Append) -> bool:
    return any(is_unlucky(r.outcome.command_id) for r in append.outcomes)


class LostUpdate(InMemoryEventStore):
    """Takes every append, whatever version it was decided on."""

    def _conflict(
        self, expected: Mapping[StreamId, ExpectedVersion]
    ) -> VersionConflict | None:
        return None


class Forgetful(InMemoryEventStore):
    """Forgets every outcome, and every command that it has seen."""

    def outcomes(self, command_ids: Sequence[str]) -> Mapping[str, OutcomeRecord]:
        found = super().outcomes(command_ids)
        return {key: record for key, record in found.items() if not is_unlucky(key)}

    def _duplicate(self, append: Append) -> DuplicateCommand | None:
        return None


class Cheerful(InMemoryEventStore):
    """Acknowledges some appends without storing them."""

    def append(self, append: Append) -> AppendResult:
        if _is_unlucky(append):
            return Appended(last_position=len(self._log))
        return super().append(append)


class Pessimist(InMemoryEventStore):
    """Says of some appends that nothing was stored, and stores them."""

    def append(self, append: Append) -> AppendResult:
        result = super().append(append)
        return AppendUnavailable(reason="") if _is_unlucky(append) else result


class NoRefusals(InMemoryEventStore):
    """Stores the outcomes of what was committed only."""

    def _store(self, append: Append) -> Appended:
        kept = [r for r in append.outcomes if isinstance(r.outcome, Committed)]
        return super()._store(replace(append, outcomes=kept))


class Gap(InMemoryEventStore):
    """Leaves out a version after the fifth event of a stream."""

    def _recorded(self, events: Sequence[EventEnvelope]) -> list[RecordedEvent]:
        return [
            replace(r, envelope=replace(r.envelope, sequence=r.envelope.sequence + 1))
            if r.envelope.sequence > 5
            else r
            for r in super()._recorded(events)
        ]


class BrokenChain(InMemoryEventStore):
    """Begins the hash chain of a stream anew at its fourth event."""

    def _head(self, stream: StreamId) -> tuple[int, bytes]:
        version, head = super()._head(stream)
        return version, bytes(32) if version == 3 else head


class LostLeg(InMemoryEventStore):
    """Loses the event that credits the destination of a transfer."""

    def _recorded(self, events: Sequence[EventEnvelope]) -> list[RecordedEvent]:
        return super()._recorded([e for e in events if not _is_transfer_in(e)])


class Reordered(InMemoryEventStore):
    """Its feed has some events in the wrong places."""

    def feed(self, after: int = 0, limit: int = 1000) -> Sequence[RecordedEvent]:
        page = list(super().feed(after, limit))
        return page[::-1] if len(page) == 2 else page


class Twice(InMemoryEventStore):
    """Stores the events of some commands twice."""

    def _recorded(self, events: Sequence[EventEnvelope]) -> list[RecordedEvent]:
        again = [e for e in events if is_unlucky(e.meta.command_id)]
        return super()._recorded([*events, *again])


class AfterTheEnd(InMemoryEventStore):
    """Lets a wallet be activated once more when it is closed."""

    def _recorded(self, events: Sequence[EventEnvelope]) -> list[RecordedEvent]:
        late = [
            replace(
                envelope,
                event_id=derive_id(envelope.event_id),
                data=WalletActivated(from_status="suspended", reason_code="late"),
            )
            for envelope in events
            if isinstance(envelope.data, WalletClosed)
        ]
        return super()._recorded([*events, *late])


def _is_transfer_in(envelope: EventEnvelope) -> bool:
    data = envelope.data
    return isinstance(data, WalletCredited) and data.reason == "transfer_in"


def in_other_money(envelope: EventEnvelope) -> EventEnvelope:
    """A deposit is noted in another currency than its wallet's."""
    data = envelope.data
    if isinstance(data, WalletCredited) and data.currency != "EGP":
        return replace(envelope, data=replace(data, currency="EGP"))
    return envelope


def overdrawn(envelope: EventEnvelope) -> EventEnvelope:
    """A debit leaves more held than there is."""
    data = envelope.data
    if isinstance(data, WalletDebited):
        held = data.balance_after + 1
        return replace(envelope, data=replace(data, held_after=held))
    return envelope


def held_less(envelope: EventEnvelope) -> EventEnvelope:
    """A hold sets one less aside than it says."""
    data = envelope.data
    if isinstance(data, WalletHoldPlaced):
        held = data.held_after - 1
        return replace(envelope, data=replace(data, held_after=held))
    return envelope


def minted(envelope: EventEnvelope) -> EventEnvelope:
    """A credit adds one more to the balance than came in."""
    data = envelope.data
    if isinstance(data, WalletCredited):
        balance = data.balance_after + 1
        return replace(envelope, data=replace(data, balance_after=balance))
    return envelope


def deposited_more(envelope: EventEnvelope) -> EventEnvelope:
    """One more comes in than was ordered, and all the sums are right."""
    data = envelope.data
    if isinstance(data, WalletCredited) and not data.counter_account.startswith("w"):
        more = replace(data, amount=data.amount + 1)
        more = replace(more, balance_after=data.balance_after + 1)
        return replace(envelope, data=more)
    return envelope


def held_elsewhere(envelope: EventEnvelope) -> EventEnvelope:
    """A payment names another hold than the one that was placed for it."""
    data = envelope.data
    if isinstance(data, PaymentAuthorized):
        other = replace(data, hold_id=derive_id(data.hold_id))
        return replace(envelope, data=other)
    return envelope
