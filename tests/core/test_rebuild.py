"""State is the fold of its events, from wherever one starts (A1, A5, C5)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, TypeVar

import pytest

from healthpay_core import (
    ActivateWallet,
    CaptureHold,
    ChangeWalletKycLevel,
    CloseWallet,
    Code,
    Command,
    Event,
    EventStore,
    InMemoryEventStore,
    LimitPolicy,
    PolicyRef,
    ReleaseHold,
    Snapshot,
    State,
    StoreQueries,
    StreamCorrupted,
    SuspendWallet,
    TransferCompleted,
    TransferInitiated,
    WalletActivated,
    WalletClosed,
    WalletCredited,
    WalletDebited,
    WalletHoldPlaced,
    WalletHoldReleased,
    WalletKycLevelChanged,
    WalletSuspended,
    evolve,
    fold,
    transfer_stream,
    wallet_stream,
)
from healthpay_core.ports import Append
from healthpay_core.states import ABSENT, load
from healthpay_core.testing import (
    NOW,
    Workbench,
    after,
    create,
    deposit,
    funded,
    hold,
    opened,
    transfer,
    transfer_id,
    wallet_id,
    withdrawal,
)
from healthpay_core.testing.appends import created, credited, envelopes

A, B = wallet_id("a"), wallet_id("b")
STREAM: Final = wallet_stream(A)
POLICY: Final = LimitPolicy(ref=PolicyRef(id="p", version=1), unique_references=True)

LIFE: Final = (
    *opened(B),
    *funded(A, 100, kyc_level="basic"),
    ChangeWalletKycLevel(wallet_id=A, kyc_level="full"),
    withdrawal(A, 7, reference="r"),
    hold(A, "h", 30),
    hold(A, "i", 5),
    transfer(A, B, 11, name="t"),
    SuspendWallet(wallet_id=A, reason_code="compliance"),
    CaptureHold(
        wallet_id=A,
        hold_id="h",
        amount=20,
        currency="EGP",
        reason="payment",
        counter_account="external:payment",
    ),
    ReleaseHold(wallet_id=A, hold_id="h", reason="captured_remainder"),
    ActivateWallet(wallet_id=A),
    ReleaseHold(wallet_id=A, hold_id="i", reason="expired"),
    CloseWallet(wallet_id=A, sweep_to=B),
)
FACTS: Final = after(*LIFE, policy=POLICY)
EVENTS: Final = [event for stream, event in FACTS if stream == STREAM]


def _bench() -> Workbench:
    bench = Workbench(policy=POLICY, snapshots=InMemoryEventStore())
    for command in LIFE:
        bench.clock.advance(minutes=1)
        bench.do(command)
    return bench


@pytest.mark.parametrize("split", range(len(EVENTS) + 1))
def test_a_fold_may_be_split_anywhere(split: int) -> None:
    """A1: the fold of all is the fold of the rest from the fold of the start."""
    assert fold(EVENTS[split:], fold(EVENTS[:split])) == fold(EVENTS)


@pytest.mark.parametrize("split", range(1, len(EVENTS) + 1))
def test_a_snapshot_at_any_version_changes_nothing(split: int) -> None:
    """A1: a snapshot of each version and the events after it give the same."""
    bench = _bench()
    state = fold(EVENTS[:split])
    assert state is not None
    start = (state, split)
    assert load(bench.store, STREAM, start=start) == load(bench.store, STREAM)
    snapshots = InMemoryEventStore()
    snapshots.save_snapshots((Snapshot(stream=STREAM, version=split, state=state),))
    queries = StoreQueries(bench.store, snapshots)
    for version in range(len(EVENTS) + 2):
        assert queries.wallet(A, version=version) == StoreQueries(bench.store).wallet(
            A, version=version
        )


def test_a_wallet_can_be_seen_at_every_version() -> None:
    """A1: the past of a wallet is there, version by version."""
    bench = _bench()
    seen = [bench.queries.wallet(A, version=v) for v in range(len(EVENTS) + 2)]
    assert seen[0] is None
    assert seen[-1] is None
    found = [(v.status, v.balance, v.held) for v in seen if v is not None]
    assert found == [
        ("pending", 0, 0),
        ("active", 0, 0),
        ("active", 100, 0),
        ("active", 100, 0),
        ("active", 93, 0),
        ("active", 93, 30),
        ("active", 93, 35),
        ("active", 82, 35),
        ("suspended", 82, 35),
        ("suspended", 62, 15),
        ("suspended", 62, 5),
        ("active", 62, 5),
        ("active", 62, 0),
        ("active", 0, 0),
        ("closed", 0, 0),
    ]
    assert bench.queries.wallet(A, version=-1) is None


def test_a_wallet_can_be_seen_at_every_instant() -> None:
    """A1: an instant shows the last version that was there by then."""
    bench = _bench()
    for recorded in bench.store.read(STREAM):
        moment = recorded.envelope.meta.occurred_at
        at, before = (
            bench.queries.wallet(A, at=moment),
            bench.queries.wallet(A, at=moment - 1),
        )
        assert at is not None
        assert at.version >= recorded.envelope.sequence
        assert before is None or before.version < recorded.envelope.sequence
    assert bench.queries.wallet(A, at=NOW) is None
    assert bench.queries.wallet(A, at=NOW + 10**15) == bench.wallet(A)
    assert bench.queries.wallet(B, at=NOW + 60_000_000) is not None
    assert bench.queries.wallet(wallet_id("nobody"), at=NOW + 10**15) is None


def test_queries_answer_from_the_store() -> None:
    """A1: events, transfers, outcomes and the feed are read as they are stored."""
    bench = _bench()
    queries = bench.queries
    assert queries.transfer(transfer_id("t")) is not None
    assert queries.transfer(A) is None
    assert queries.wallet(transfer_id("t")) is None
    assert list(queries.wallet_events(A, after=2, limit=3)) == list(
        bench.store.read(STREAM, 2, 3)
    )
    last = bench.feed()[-1].envelope.meta.command_id
    record = queries.command(last)
    assert record is not None
    assert record.outcome.command_id == last
    assert queries.command(A) is None
    assert list(queries.feed(3, 4)) == list(bench.store.feed(3, 4))


PENDING: Final = fold(e for s, e in after(create(A)) if s == STREAM)
ACTIVE: Final = fold(e for s, e in after(*funded(A, 10)) if s == STREAM)
HELD: Final = fold(e for s, e in after(*funded(A, 10), hold(A, "h", 4)) if s == STREAM)
CLOSED: Final = fold(
    e for s, e in after(*opened(A), CloseWallet(wallet_id=A)) if s == STREAM
)


EventT = TypeVar("EventT")


def _last(kind: type[EventT], *commands: Command) -> EventT:
    event = after(*commands)[-1][1]
    assert isinstance(event, kind)
    return event


CREDIT: Final = _last(WalletCredited, *funded(A, 10), deposit(A, 5))
DEBIT: Final = _last(WalletDebited, *funded(A, 10), withdrawal(A, 5))
PLACED: Final = _last(WalletHoldPlaced, *funded(A, 10), hold(A, "h", 4))
RELEASED: Final = _last(
    WalletHoldReleased,
    *funded(A, 10),
    hold(A, "h", 4),
    ReleaseHold(wallet_id=A, hold_id="h", reason="voided"),
)
LEVEL: Final = _last(
    WalletKycLevelChanged,
    *opened(A),
    ChangeWalletKycLevel(wallet_id=A, kyc_level="basic"),
)
ACTIVATED: Final = WalletActivated(from_status="pending", reason_code="r")
SUSPENDED: Final = WalletSuspended(reason_code="fraud")
ENDED: Final = WalletClosed(reason_code="r", final_balance=0)
TRANSFER: Final = fold(
    [
        TransferInitiated(
            source_wallet_id=A,
            destination_wallet_id=B,
            amount=1,
            currency="EGP",
            mode="saga",
        )
    ]
)

BROKEN: dict[str, list[tuple[State | None, Event]]] = {
    "money moved while the wallet was not open": [
        (None, CREDIT),
        (None, SUSPENDED),
        (PENDING, CREDIT),
        (PENDING, SUSPENDED),
        (CLOSED, SUSPENDED),
        (CLOSED, CREDIT),
        (TRANSFER, CREDIT),
    ],
    "activated from neither pending nor suspended": [
        (None, ACTIVATED),
        (ACTIVE, ACTIVATED),
        (CLOSED, ACTIVATED),
    ],
    "closed before creation, or twice": [
        (None, ENDED),
        (CLOSED, ENDED),
        (TRANSFER, ENDED),
    ],
    "level changed before creation or after the end": [
        (None, LEVEL),
        (CLOSED, LEVEL),
        (TRANSFER, LEVEL),
    ],
    "created twice": [
        (PENDING, created()),
        (CLOSED, created()),
    ],
    "closed with money in it": [
        (ACTIVE, ENDED),
    ],
    "balances do not continue": [
        (ACTIVE, replace(CREDIT, balance_after=16)),
        (ACTIVE, replace(CREDIT, held_after=1)),
        (ACTIVE, replace(CREDIT, amount=6)),
        (ACTIVE, replace(DEBIT, balance_after=4)),
        (ACTIVE, replace(DEBIT, held_after=1)),
        (ACTIVE, replace(DEBIT, amount=11, balance_after=-1)),
        (HELD, replace(DEBIT, amount=7, balance_after=3, held_after=4)),
        (ACTIVE, replace(PLACED, held_after=5)),
        (HELD, replace(RELEASED, held_after=1)),
    ],
    "money of another currency, or none": [
        (ACTIVE, replace(CREDIT, currency="USD")),
        (ACTIVE, replace(CREDIT, amount=-5, balance_after=5)),
        (ACTIVE, replace(CREDIT, amount=0, balance_after=10)),
        (ACTIVE, replace(DEBIT, currency="USD")),
        (ACTIVE, replace(PLACED, currency="USD")),
    ],
    "more taken out of a hold than it held": [
        (ACTIVE, replace(DEBIT, hold_id="h")),
        (HELD, replace(DEBIT, balance_after=5, held_after=-1, hold_id="h")),
        (ACTIVE, RELEASED),
        (HELD, replace(RELEASED, amount=5, held_after=-1)),
        (HELD, replace(RELEASED, hold_id="other")),
    ],
    "hold is not covered, or placed twice": [
        (ACTIVE, replace(PLACED, amount=11, held_after=11)),
        (HELD, replace(PLACED, amount=1, held_after=5)),
    ],
    "suspended twice": [
        (evolve(ACTIVE, SUSPENDED), SUSPENDED),
    ],
    "ended before it began, or twice": [
        (
            ACTIVE,
            _last(TransferCompleted, *funded(A, 1), *opened(B), transfer(A, B, 1)),
        ),
    ],
}


@pytest.mark.parametrize(
    ("reason", "state", "event"),
    [(reason, *case) for reason, cases in BROKEN.items() for case in cases],
)
def test_a_fact_that_cannot_follow_stops_the_fold(
    reason: str, state: State | None, event: Event
) -> None:
    """C5: balances that do not continue and impossible steps are corruption."""
    with pytest.raises(StreamCorrupted) as caught:
        evolve(state, event)
    assert caught.value.reason == reason


def test_the_broken_facts_are_broken_by_one_change() -> None:
    """C5: unchanged, the facts above follow their states."""
    whole: list[tuple[State | None, Event]] = [
        (ACTIVE, CREDIT),
        (ACTIVE, DEBIT),
        (ACTIVE, PLACED),
        (HELD, RELEASED),
        (ACTIVE, LEVEL),
        (PENDING, ACTIVATED),
        (ACTIVE, SUSPENDED),
        (PENDING, ENDED),
    ]
    for state, event in whole:
        assert evolve(state, event) != state


def _damaged() -> InMemoryEventStore:
    """A store in which the third event of A does not add up; B is whole."""
    store = InMemoryEventStore()
    Workbench(store).do(*opened(A), *funded(B, 10))
    damage = replace(credited(5), balance_after=6)
    store.append(
        Append(expected={STREAM: 2}, events=envelopes("bad", [(STREAM, 2)], damage))
    )
    return store


def test_a_damaged_stream_is_named_with_its_event() -> None:
    """C5: the load says which event of which stream stopped it."""
    with pytest.raises(StreamCorrupted) as caught:
        load(_damaged(), STREAM)
    assert (caught.value.stream, caught.value.sequence) == (STREAM, 3)
    assert str(caught.value) == f"balances do not continue at event 3 of {STREAM}"
    assert str(StreamCorrupted("why")) == "why"


def test_a_damaged_wallet_refuses_and_the_others_go_on() -> None:
    """C5: commands on it are CORRUPT_STREAM, not stored; the batch goes on."""
    bench = Workbench(_damaged())
    first, second, third = bench.handle(
        withdrawal(A, 1), withdrawal(B, 1), transfer(B, A, 1)
    )
    for outcome in (first, third):
        error = getattr(outcome, "error", None)
        assert error is not None
        assert error.code is Code.CORRUPT_STREAM
        assert dict(error.details()) == {"stream": STREAM, "sequence": 3}
    assert getattr(second, "events", None)
    bench.refuse(withdrawal(A, 1), Code.CORRUPT_STREAM)
    assert bench.wallet(B).balance == 9
    with pytest.raises(StreamCorrupted):
        bench.queries.wallet(A)
    assert bench.queries.wallet(A, version=2) is not None


def test_a_missing_version_stops_the_load() -> None:
    """V1, C5: a gap in the numbers of a stream is corruption."""
    store = InMemoryEventStore()
    Workbench(store).do(*funded(A, 10))
    del store._streams[STREAM][1]
    with pytest.raises(StreamCorrupted, match="a version is missing"):
        load(store, STREAM)


def test_loading_reads_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """A1: a long stream is folded page by page, to the same state."""
    bench = _bench()
    whole = load(bench.store, STREAM)
    monkeypatch.setattr("healthpay_core.states._PAGE", 2)
    assert load(bench.store, STREAM) == whole
    for until in range(len(EVENTS) + 1):
        state, version = load(bench.store, STREAM, until=until)
        assert version == until
        assert state == fold(EVENTS[:until])
    assert load(bench.store, transfer_stream(A)) == ABSENT


def test_a_store_protocol_is_all_that_loading_needs() -> None:
    """A1: any event store will do."""
    store: EventStore = _bench().store
    assert load(store, STREAM)[1] == len(EVENTS)
