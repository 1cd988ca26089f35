"""Handlers with one bug each, and readers that believe what they should not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from healthpay_core import (
    Clock,
    CommandRequest,
    CreditWallet,
    EventStore,
    LimitPolicy,
    Rejected,
    SnapshotStore,
    StreamId,
    derive_id,
    queries,
    states,
)
from healthpay_core.envelope import RecordedEvent
from healthpay_core.outcome import Committed, Outcome, Unknown, rejected, unknown
from healthpay_core.refusals import StoreUnavailable
from healthpay_core.sagas import TransferSaga
from healthpay_core.states import Versioned
from healthpay_core.sweeps import Sweeper, Swept
from healthpay_core.testing.simulation import Handler, Simulation, make_handler
from healthpay_core.testing.simulation.projection import BalanceProjection
from tests.simulation.planted_stores import is_unlucky

Patch = pytest.MonkeyPatch
Answers = list[Outcome]
Meddle = Callable[["Wrapped", tuple[CommandRequest, ...]], Answers]


@dataclass
class Wrapped:
    """A handler that does something else than it is asked to."""

    behind: Handler
    meddle: Meddle
    seen: set[str] = field(default_factory=set)

    def handle(self, request: CommandRequest) -> Outcome:
        return self.handle_many((request,))[0]

    def handle_many(self, requests: tuple[CommandRequest, ...]) -> list[Outcome]:
        return self.meddle(self, requests)


def wrapped(meddle: Meddle) -> Simulation:
    """Stories whose handlers are wrapped."""

    def make(
        store: EventStore, clock: Clock, policy: LimitPolicy, snapshots: SnapshotStore
    ) -> Handler:
        return Wrapped(make_handler(store, clock, policy, snapshots), meddle)

    return Simulation(make=make)


def does_it_again(it: Wrapped, requests: tuple[CommandRequest, ...]) -> Answers:
    """A retry is done once more under a key of its own."""
    answers = it.behind.handle_many(requests)
    for request, answer in zip(requests, answers, strict=True):
        if isinstance(answer, Committed) and answer.replayed:
            again = derive_id(request.command_id + " again")
            it.behind.handle(replace(request, command_id=again))
    return answers


def writes_anyway(it: Wrapped, requests: tuple[CommandRequest, ...]) -> Answers:
    """Whoever is refused a deposit gets one, as a consolation."""
    answers = it.behind.handle_many(requests)
    for request, answer in zip(requests, answers, strict=True):
        command = request.command
        if isinstance(answer, Rejected) and isinstance(command, CreditWallet):
            other = replace(command, amount=1, currency="EGP", reason="adjustment")
            own = derive_id(request.command_id + " consolation")
            it.behind.handle(CommandRequest(command=other, command_id=own))
    return answers


def leaves_one_out(it: Wrapped, requests: tuple[CommandRequest, ...]) -> Answers:
    """The last caller of a batch gets no answer."""
    answers = it.behind.handle_many(requests)
    return answers[:-1] if len(answers) > 1 else answers


def replays_without_events(
    it: Wrapped, requests: tuple[CommandRequest, ...]
) -> Answers:
    """The second answer to a key says something else than the first did (I4)."""
    return [
        replace(a, events=()) if isinstance(a, Committed) and a.replayed else a
        for a in it.behind.handle_many(requests)
    ]


def answers_without_events(
    it: Wrapped, requests: tuple[CommandRequest, ...]
) -> Answers:
    """What is answered is not what is stored."""
    return [
        a if isinstance(a, Rejected | Unknown) or a.replayed else replace(a, events=())
        for a in it.behind.handle_many(requests)
    ]


def is_tired(it: Wrapped, requests: tuple[CommandRequest, ...]) -> Answers:
    """Some commands are not tried, although nothing is wrong."""
    if any(is_unlucky(r.command_id) and r.command_id not in it.seen for r in requests):
        it.seen.update(r.command_id for r in requests)
        return [rejected(r, StoreUnavailable()) for r in requests]
    return it.behind.handle_many(requests)


def never_knows(it: Wrapped, requests: tuple[CommandRequest, ...]) -> Answers:
    """What was unknown once is unknown for ever."""
    if any(request.command_id in it.seen for request in requests):
        return [unknown(request) for request in requests]
    answers = it.behind.handle_many(requests)
    it.seen.update(a.command_id for a in answers if isinstance(a, Unknown))
    return answers


def raises(it: Wrapped, requests: tuple[CommandRequest, ...]) -> Answers:
    """An exception instead of an answer."""
    if any(is_unlucky(request.command_id) for request in requests):
        raise ZeroDivisionError
    return it.behind.handle_many(requests)


def stale_snapshot(patch: Patch) -> Simulation:
    """The handler takes a snapshot for the newest state."""
    patch.setattr(states, "restore", _believed)
    return Simulation()


def stale_view(patch: Patch) -> Simulation:
    """Only who asks a question is told what a snapshot says."""
    patch.setattr(queries, "restore", _believed)
    return Simulation()


def _believed(
    store: EventStore,
    snapshots: SnapshotStore | None,
    stream: StreamId,
    *,
    until: int | None = None,
) -> Versioned:
    snapshot = None
    if snapshots is not None:
        try:
            snapshot = snapshots.load_snapshot(stream)
        except OSError:
            snapshot = None
    if snapshot is None:
        return states.load(store, stream, until=until)
    return snapshot.state, store.versions((stream,))[stream]


def no_resuming(patch: Patch) -> Simulation:
    """Nobody runs on the transfers that were left behind (T6)."""
    patch.setattr(TransferSaga, "pending", lambda _: iter(()))
    return Simulation()


def no_sweep_of_payments(patch: Patch) -> Simulation:
    """Nobody looks for authorisations that have run out (P8)."""
    return _sweeps_without(patch, "_authorizations")


def no_sweep_of_cards(patch: Patch) -> Simulation:
    """Nobody looks for cards that have run out (D5)."""
    return _sweeps_without(patch, "_cards")


def _sweeps_without(patch: Patch, what: str) -> Simulation:
    honest = Sweeper.sweep

    def sweep(it: Sweeper) -> Swept:
        it._catch_up()
        setattr(it, what, {})
        return honest(it)

    patch.setattr(Sweeper, "sweep", sweep)
    return Simulation()


def counts_twice(patch: Patch) -> Simulation:
    """A projection counts what is delivered, however often it is (B6)."""

    def deliver(it: BalanceProjection, events: list[RecordedEvent]) -> None:
        for recorded in events:
            it._count(recorded)

    patch.setattr(BalanceProjection, "deliver", deliver)
    return Simulation()
