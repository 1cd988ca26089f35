"""Steps that always make the same bytes, and what a store must hold of them."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from typing import Final

from healthpay_core import (
    NO_LIMITS,
    Command,
    CommandHandler,
    CommandRequest,
    Committed,
    EventStore,
    InMemoryEventStore,
    LocalRuntime,
    ManualClock,
    Outcome,
    RecordedEvent,
    Rejected,
    SnapshotStore,
    StoreQueries,
)
from healthpay_core.payment.commands import AuthorizePayment, CapturePayment
from healthpay_core.testing.builders import (
    NOW,
    deposit,
    funded,
    payment,
    payment_id,
    request,
    transfer,
    wallet_id,
    withdrawal,
)
from healthpay_wire.envelopes import digest
from healthpay_wire.verify import verify_chain

ANNA, BASIM, SHOP = wallet_id("anna"), wallet_id("basim"), wallet_id("shop")
Step = tuple[CommandRequest, ...]


def steps() -> list[Step]:
    """Each is one batch, hence one append; every kind of command row is in them."""
    order = payment_id("payment")
    batches: list[list[Command]] = [
        [*funded(ANNA, 900), *funded(BASIM, 50)],
        list(funded(SHOP, 1, wallet_type="merchant")),
        [deposit(ANNA, 100)],
        [withdrawal(BASIM, 20)],
        [withdrawal(BASIM, 31)],
        [transfer(ANNA, BASIM, 300, name="one")],
        [withdrawal(ANNA, 1), withdrawal(ANNA, 5_000), deposit(BASIM, 7)],
        [payment(BASIM, SHOP, 120)],
        [AuthorizePayment(payment_id=order)],
        [transfer(BASIM, ANNA, 5, name="two"), deposit(ANNA, 3), deposit(SHOP, 9)],
        [CapturePayment(payment_id=order, amount=100, final=True)],
        [withdrawal(SHOP, 60)],
        [transfer(ANNA, SHOP, 11, name="three")],
        [deposit(BASIM, 2), withdrawal(BASIM, 2)],
    ]
    return [
        tuple(request(c, f"{i} {n}", fingerprint=b"f") for n, c in enumerate(batch))
        for i, batch in enumerate(batches)
    ]


STEPS: Final = steps()
REFUSED: Final = 4
"""The step that is refused as a whole: it has an outcome and no events."""


class Player:
    """A handler and a runtime over a store, whose time is the number of the step."""

    def __init__(self, store: EventStore, snapshots: SnapshotStore) -> None:
        self._clock = ManualClock(NOW)
        handler = CommandHandler(
            store,
            clock=self._clock,
            policy=NO_LIMITS,
            snapshots=snapshots,
            snapshot_every=3,
        )
        self._runtime = LocalRuntime(handler)

    def play(self, index: int) -> list[Outcome]:
        """Send the commands of a step at once, so that they are one batch."""
        self._clock.instant = NOW + index * 1_000_000

        async def together() -> list[Outcome]:
            return await asyncio.gather(*map(self._runtime.submit, STEPS[index]))

        return asyncio.run(together())


class Reference:
    """What a store that never fails holds; made in memory, by another store."""

    def __init__(self) -> None:
        store = InMemoryEventStore(digest=digest)
        player = Player(store, store)
        self.outcomes = [player.play(index) for index in range(len(STEPS))]
        self.events: Sequence[RecordedEvent] = store.feed()
        ids = [sent.command_id for step in STEPS for sent in step]
        self.records = store.outcomes(ids)
        assert all(_stored_of(step, store) for step in STEPS), "a step leaves nothing"
        self.queries = StoreQueries(store)

    def codes(self, index: int) -> list[str]:
        """The answers to a step."""
        return [code_of(outcome) for outcome in self.outcomes[index]]


@cache
def reference() -> Reference:
    """The one of this process."""
    return Reference()


def code_of(outcome: Outcome) -> str:
    """An outcome in one word."""
    if isinstance(outcome, Rejected):
        return outcome.error.code.value
    return "committed" if isinstance(outcome, Committed) else "unknown"


def audit(store: EventStore, least: int, most: int) -> int:
    """How many steps a store holds; it holds each whole, once and unaltered.

    Args:
        store: Opened anew, after the crash.
        least: Steps that were acknowledged.
        most: Steps that may be there: one more may be stored and not answered.
    """
    events = _whole_feed(store)
    expected = list(range(1, len(events) + 1))
    assert [e.position for e in events] == expected, "a position is missing"
    streams: defaultdict[str, list[RecordedEvent]] = defaultdict(list)
    for recorded in events:
        streams[recorded.envelope.stream].append(recorded)
    for stream in streams.values():
        assert verify_chain(stream) is None, "the chain of hashes is broken"
    there = [_stored_of(step, store) for step in STEPS]
    count = there.index(0) if 0 in there else len(there)
    assert not any(there[count:]), "a step is there, one before it is not"
    assert least <= count, f"lost: {least} steps were acknowledged, {count} are there"
    assert count <= most, f"{count} steps are there, {most} were sent"
    _only(store, events, count)
    return count


def _only(store: EventStore, events: Sequence[RecordedEvent], count: int) -> None:
    """Nothing but the first steps is there, to the byte that is hashed."""
    sent = {r.command_id for step in STEPS[:count] for r in step}
    expected = [e for e in reference().events if e.envelope.meta.command_id in sent]
    assert list(events) == expected, "not the events of these steps"
    records = {i: r for i, r in reference().records.items() if i in sent}
    assert store.outcomes(list(reference().records)) == records, "not their outcomes"


def go_on(store: EventStore, snapshots: SnapshotStore) -> None:
    """Send everything (again): same answers, each effect once, money conserved."""
    player = Player(store, snapshots)
    for index, expected in enumerate(reference().outcomes):
        for one, other in zip(player.play(index), expected, strict=True):
            assert _content(one) == _content(other), f"step {index}: another answer"
    assert audit(store, len(STEPS), len(STEPS)) == len(STEPS)
    for wallet in (ANNA, BASIM, SHOP):
        assert StoreQueries(store).wallet(wallet) == reference().queries.wallet(wallet)


def _stored_of(step: Step, store: EventStore) -> int:
    return len(store.outcomes([sent.command_id for sent in step]))


def _content(outcome: Outcome) -> object:
    if isinstance(outcome, Committed):
        return outcome.resource, outcome.events
    return outcome.error if isinstance(outcome, Rejected) else outcome


def _whole_feed(store: EventStore) -> list[RecordedEvent]:
    events: list[RecordedEvent] = []
    while page := store.feed(events[-1].position if events else 0, 1000):
        events += page
    return events
