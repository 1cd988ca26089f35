"""Bugs planted into stores, handlers and rules: each is found, replayed, shortened."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest

from healthpay_core import (
    Append,
    Appended,
    AppendResult,
    CaptureHold,
    Clock,
    Command,
    CommandRequest,
    CreditWallet,
    EventEnvelope,
    EventStore,
    InMemoryEventStore,
    LimitPolicy,
    OutcomeRecord,
    RecordedEvent,
    Rejected,
    SnapshotStore,
    StreamId,
    WalletCredited,
    derive_id,
    domain,
)
from healthpay_core.outcome import Committed, Outcome
from healthpay_core.payment import rules, saga
from healthpay_core.payment import state as payment_state
from healthpay_core.ports import (
    AppendUnavailable,
    DuplicateCommand,
    ExpectedVersion,
    VersionConflict,
)
from healthpay_core.states import Versioned
from healthpay_core.testing.simulation import (
    Failure,
    Handler,
    MemoryStorage,
    Simulation,
    make_handler,
)
from healthpay_core.wallet import state as wallet_state
from healthpay_core.wallet.events import WalletHoldReleased
from healthpay_core.wallet.state import OpenState

SEEDS = 60
Patch = pytest.MonkeyPatch


class _LostUpdate(InMemoryEventStore):
    """Takes every append, whatever version it was decided on."""

    def _conflict(
        self, expected: Mapping[StreamId, ExpectedVersion]
    ) -> VersionConflict | None:
        return None


class _Forgetful(InMemoryEventStore):
    """Forgets every outcome, and every command that it has seen."""

    def outcomes(self, command_ids: Sequence[str]) -> Mapping[str, OutcomeRecord]:
        found = super().outcomes(command_ids)
        return {key: record for key, record in found.items() if len(self._log) % 9}

    def _duplicate(self, append: Append) -> DuplicateCommand | None:
        return None


class _Cheerful(InMemoryEventStore):
    """Acknowledges every thirtieth append without storing it."""

    count = 0

    def append(self, append: Append) -> AppendResult:
        self.count += 1
        if self.count % 30 == 0:
            return Appended(last_position=len(self._log))
        return super().append(append)


class _Pessimist(InMemoryEventStore):
    """Says of every thirtieth append that nothing was stored, and stores it."""

    count = 0

    def append(self, append: Append) -> AppendResult:
        self.count += 1
        result = super().append(append)
        return AppendUnavailable(reason="") if self.count % 30 == 0 else result


class _NoRefusals(InMemoryEventStore):
    """Stores the outcomes of what was committed only."""

    def _store(self, append: Append) -> Appended:
        kept = [r for r in append.outcomes if isinstance(r.outcome, Committed)]
        return super()._store(replace(append, outcomes=kept))


class _Gap(InMemoryEventStore):
    """Leaves out a version after every fifth event of a stream."""

    def _recorded(self, events: Sequence[EventEnvelope]) -> list[RecordedEvent]:
        return [
            replace(r, envelope=replace(r.envelope, sequence=r.envelope.sequence + 1))
            if r.envelope.sequence > 5
            else r
            for r in super()._recorded(events)
        ]


class _BrokenChain(InMemoryEventStore):
    """Begins the hash chain of a stream anew at its fourth event."""

    def _head(self, stream: StreamId) -> tuple[int, bytes]:
        version, head = super()._head(stream)
        return version, bytes(32) if version == 3 else head


class _LostLeg(InMemoryEventStore):
    """Loses the event that credits the destination of a transfer."""

    def _recorded(self, events: Sequence[EventEnvelope]) -> list[RecordedEvent]:
        return super()._recorded([e for e in events if not _is_transfer_in(e)])


class _Reordered(InMemoryEventStore):
    """Its feed has some events in the wrong places."""

    def feed(self, after: int = 0, limit: int = 1000) -> Sequence[RecordedEvent]:
        page = list(super().feed(after, limit))
        return page[::-1] if len(page) == 2 else page


def _is_transfer_in(envelope: EventEnvelope) -> bool:
    data = envelope.data
    return isinstance(data, WalletCredited) and data.reason == "transfer_in"


@dataclass
class _Wrapped:
    """A handler that does more than it is asked to."""

    behind: Handler
    meddle: Callable[[Handler, CommandRequest, Outcome], object]
    seen: list[str] = field(default_factory=list)

    def handle(self, request: CommandRequest) -> Outcome:
        return self.handle_many((request,))[0]

    def handle_many(self, requests: tuple[CommandRequest, ...]) -> list[Outcome]:
        outcomes = self.behind.handle_many(requests)
        for request, outcome in zip(requests, outcomes, strict=True):
            self.meddle(self.behind, request, outcome)
        return outcomes


def _wrapped(
    meddle: Callable[[Handler, CommandRequest, Outcome], object],
) -> Simulation:
    def make(
        store: EventStore, clock: Clock, policy: LimitPolicy, snapshots: SnapshotStore
    ) -> Handler:
        return _Wrapped(make_handler(store, clock, policy, snapshots), meddle)

    return Simulation(make=make)


def _do_it_again(handler: Handler, request: CommandRequest, outcome: Outcome) -> None:
    if isinstance(outcome, Committed) and outcome.replayed:
        again = derive_id(request.command_id + " again")
        handler.handle(replace(request, command_id=again))


def _write_anyway(handler: Handler, request: CommandRequest, outcome: Outcome) -> None:
    command = request.command
    if isinstance(outcome, Rejected) and isinstance(command, CreditWallet):
        consolation = replace(command, amount=1, currency="EGP", reason="adjustment")
        handler.handle(CommandRequest(command=consolation))


def _stored_in(kind: type[InMemoryEventStore]) -> Callable[[Patch], Simulation]:
    return lambda _: Simulation(storage=lambda: MemoryStorage(kind))


def _net_windows(patch: Patch) -> Simulation:
    honest = wallet_state._credited

    def credited(state: OpenState, event: WalletCredited) -> OpenState:
        after = honest(state, event)
        left = max(0, after.usage.day - event.amount)
        return replace(after, usage=replace(after.usage, day=left))

    patch.setattr(wallet_state, "_credited", credited)
    return Simulation()


def _capacity_in_the_wrong_window(patch: Patch) -> Simulation:
    honest = wallet_state._given_back
    patch.setattr(
        wallet_state, "_given_back", lambda usage, n, _: honest(usage, n, usage.date)
    )
    return Simulation()


def _over_refund(patch: Patch) -> Simulation:
    def amount(command: domain.Command, payment: rules.Refundable) -> int:
        return getattr(command, "amount", None) or payment.captured

    patch.setattr(rules, "refund_amount", amount)
    patch.setattr(payment_state, "_refunded", _refunded_unchecked)
    return Simulation()


def _refunded_unchecked(
    state: payment_state.PaymentState, event: object
) -> payment_state.PaymentState:
    assert isinstance(
        state, (payment_state.AuthorizedPayment, payment_state.SettledPayment)
    )
    return replace(state, pending=None)


def _released_twice(patch: Patch) -> Simulation:
    honest = wallet_state._hold_released

    def released(state: OpenState, event: WalletHoldReleased) -> OpenState:
        return replace(honest(state, event), holds=state.holds)

    patch.setattr(wallet_state, "_hold_released", released)
    return Simulation()


def _stale_snapshot(patch: Patch) -> Simulation:
    def believed(
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
            return states_load(store, stream, until=until)
        return snapshot.state, store.versions((stream,))[stream]

    from healthpay_core import states

    states_load = states.load
    patch.setattr(states, "restore", believed)
    return Simulation()


def _capture_after_the_end(patch: Patch) -> Simulation:
    patch.setattr(rules, "is_over", lambda payment, now: False)
    return Simulation()


def _undo_forgotten(patch: Patch) -> Simulation:
    honest = saga._undo

    def undo(
        plan: saga.Plan, refused: int, cause: Rejected, results: saga.Results
    ) -> saga.PaymentStep | saga.PaymentEnded:
        legs = tuple(replace(leg, undo=None) for leg in plan.legs)
        return honest(replace(plan, legs=legs), refused, cause, results)

    patch.setattr(saga, "_undo", undo)
    return Simulation()


def _capture_before_the_credit(patch: Patch) -> Simulation:
    """A refund takes the merchant's money first, as it once did."""
    honest = saga._Legs.refund

    def refund(legs: saga._Legs) -> tuple[saga.Planned, ...]:
        hold, credit, capture = honest(legs)
        assert isinstance(capture.command, CaptureHold)
        return hold, capture, replace(credit, undo=None)

    patch.setattr(saga._Legs, "refund", refund)
    return Simulation()


def _self_transfer(patch: Patch) -> Simulation:
    honest = domain.validate
    from healthpay_core.refusals import Refusal, SelfTransferNotAllowed

    def lenient(command: Command) -> Refusal | None:
        refusal = honest(command)
        return None if isinstance(refusal, SelfTransferNotAllowed) else refusal

    patch.setattr(domain, "validate", lenient)
    return Simulation()


PLANTED: dict[str, Callable[[Patch], Simulation]] = {
    "lost update": _stored_in(_LostUpdate),
    "forgotten keys": _stored_in(_Forgetful),
    "acknowledged but not stored": _stored_in(_Cheerful),
    "stored but called unavailable": _stored_in(_Pessimist),
    "outcomes of refusals dropped": _stored_in(_NoRefusals),
    "version gap": _stored_in(_Gap),
    "broken hash chain": _stored_in(_BrokenChain),
    "transfer leg lost": _stored_in(_LostLeg),
    "feed out of order": _stored_in(_Reordered),
    "double effect on retry": lambda _: _wrapped(_do_it_again),
    "refused command that writes": lambda _: _wrapped(_write_anyway),
    "windows counted net": _net_windows,
    "capacity back in the wrong window": _capacity_in_the_wrong_window,
    "refund above captured": _over_refund,
    "hold released twice": _released_twice,
    "stale snapshot believed": _stale_snapshot,
    "capture after the end": _capture_after_the_end,
    "saga that does not undo": _undo_forgotten,
    "refund that debits first": _capture_before_the_credit,
    "self-transfer allowed": _self_transfer,
}


def _found(simulation: Simulation) -> Failure:
    for seed in range(SEEDS):
        failure = simulation.play(seed)
        if failure is not None:
            return failure
    raise AssertionError("not found")


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_found(name: str, monkeypatch: Patch) -> None:
    """C8, E3, I4, K3, K4, P15, P18, T4, V1, A2: within a few seeds, each one."""
    simulation = PLANTED[name](monkeypatch)
    failure = _found(simulation)
    again = simulation.play(failure.seed)
    assert again is not None
    assert (again.rule, len(again.steps)) == (failure.rule, len(failure.steps))


def test_a_failure_is_shrunk_to_a_story(monkeypatch: Patch) -> None:
    """A1: few steps are left, they break the same rule, and names stand for ids."""
    simulation = _over_refund(monkeypatch)
    failure = _found(simulation)
    short = simulation.shrink(failure)
    assert short.rule == failure.rule
    assert len(short.steps) <= 20 < len(failure.steps)
    assert simulation.replay(short.seed, short.steps) is not None
    assert "RefundPayment(payment_id=payment" in short.told()
