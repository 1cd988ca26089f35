"""Any history of commands keeps the books (C3, C5, C6, E3, A1, T9, V1)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from healthpay_core import (
    Command,
    CommandRequest,
    Committed,
    Event,
    InMemoryEventStore,
    LimitPolicy,
    RecordedEvent,
    Rejected,
    Snapshot,
    StoreQueries,
    StreamId,
    TransferView,
    WalletCredited,
    WalletDebited,
    WalletView,
    fold,
    wallet_stream,
)
from healthpay_core.testing import Workbench, request
from healthpay_core.testing.strategies import WALLETS, histories, policies, requests
from healthpay_core.wallet.commands import Obligation


def _played(commands: Sequence[Command], policy: LimitPolicy) -> Workbench:
    bench = Workbench(policy=policy)
    for command in commands:
        bench.clock.advance(hours=5)
        bench.handle(command)
    return bench


def books(feed: Sequence[RecordedEvent]) -> dict[str, Counter[str]]:
    """Currency to accounts to balances, counter-accounts among them (C6)."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for recorded in feed:
        event = recorded.envelope.data
        if isinstance(event, WalletCredited | WalletDebited):
            sign = 1 if isinstance(event, WalletCredited) else -1
            accounts = found[event.currency]
            accounts["wallet:" + recorded.envelope.aggregate_id] += sign * event.amount
            # The other leg of a transfer has its own event.
            if event.counter_account.startswith("external:"):
                accounts[event.counter_account] -= sign * event.amount
    return found


@given(histories(), policies())
def test_money_is_conserved(commands: list[Command], policy: LimitPolicy) -> None:
    """C6: per currency all accounts sum to zero, and wallets have what is booked."""
    bench = _played(commands, policy)
    for accounts in books(bench.feed()).values():
        assert sum(accounts.values()) == 0
    for wallet in WALLETS:
        view = bench.queries.wallet(wallet)
        if view is not None:
            booked = books(bench.feed())[view.currency]["wallet:" + wallet]
            assert view.balance == booked


@given(histories(), policies())
def test_no_wallet_owes(commands: list[Command], policy: LimitPolicy) -> None:
    """C3: at every version 0 <= held <= balance."""
    bench = _played(commands, policy)
    for wallet in WALLETS:
        for version in range(
            1, bench.store.versions((wallet_stream(wallet),))[wallet_stream(wallet)] + 1
        ):
            view = bench.queries.wallet(wallet, version=version)
            assert view is not None
            assert 0 <= view.held <= view.balance


@given(histories())
def test_streams_have_no_gaps(commands: list[Command]) -> None:
    """V1: sequences run 1..n in each stream, positions 1..n over all."""
    bench = Workbench()
    bench.handle(*commands)
    seen: Counter[StreamId] = Counter()
    for place, recorded in enumerate(bench.feed(), 1):
        envelope = recorded.envelope
        seen[envelope.stream] += 1
        assert recorded.position == place
        assert envelope.sequence == seen[envelope.stream]
    ids = [recorded.envelope.event_id for recorded in bench.feed()]
    assert len(set(ids)) == len(ids)


@given(histories(), policies())
def test_a_refusal_changes_nothing(
    commands: list[Command], policy: LimitPolicy
) -> None:
    """E3: after a refused command the feed and every view are what they were."""
    bench = Workbench(policy=policy)
    for command in commands:
        before = list(bench.feed())
        views = [bench.queries.wallet(wallet) for wallet in WALLETS]
        (outcome,) = bench.handle(command)
        if isinstance(outcome, Rejected):
            assert list(bench.feed()) == before
            assert [bench.queries.wallet(wallet) for wallet in WALLETS] == views
        else:
            assert len(bench.feed()) > len(before)


@given(histories(), policies(), st.data())
def test_a_fold_may_be_split_anywhere(
    commands: list[Command], policy: LimitPolicy, data: st.DataObject
) -> None:
    """A1: from a snapshot at any version the same state is reached."""
    bench = _played(commands, policy)
    stream = wallet_stream(data.draw(st.sampled_from(WALLETS)))
    events: list[Event] = [r.envelope.data for r in bench.store.read(stream)]
    split = data.draw(st.integers(0, len(events)))
    start = fold(events[:split])
    assert fold(events[split:], start) == fold(events)
    if start is not None:
        snapshots = InMemoryEventStore()
        snapshots.save_snapshots((Snapshot(stream=stream, version=split, state=start),))
        wallet = stream.removeprefix("wallet/")
        with_snapshot = StoreQueries(bench.store, snapshots).wallet(wallet)
        assert with_snapshot == bench.queries.wallet(wallet)


@given(histories(), policies(), st.integers(1, 12))
def test_batches_decide_as_one_by_one(
    commands: list[Command], policy: LimitPolicy, size: int
) -> None:
    """T9: however commands are cut into batches, the outcomes are the same."""
    orders = [request(command, f"key {n}") for n, command in enumerate(commands)]
    single, batched = Workbench(policy=policy), Workbench(policy=policy)
    one_by_one = [single.handle(order)[0] for order in orders]
    in_batches = [
        outcome
        for start in range(0, len(orders), size)
        for outcome in batched.handle(*orders[start : start + size])
    ]
    assert in_batches == one_by_one
    assert [r.envelope for r in batched.feed()] == [r.envelope for r in single.feed()]


@given(st.lists(requests(), max_size=60), st.integers(1, 9))
def test_a_key_has_one_effect(drawn: list[CommandRequest], size: int) -> None:
    """I3, I4, I9: repeated keys replay or are refused; no id stores events twice."""
    bench = Workbench()
    bench.handle(*_openings())
    first: dict[str, tuple[bytes | Command, object]] = {}
    for start in range(0, len(drawn), size):
        batch = drawn[start : start + size]
        for order, outcome in zip(batch, bench.handle(*batch), strict=True):
            known = first.get(order.command_id)
            if known is not None:
                asked, answer = known
                assert isinstance(outcome, Committed | Rejected)
                if asked in (b"", _asked(order)):
                    assert outcome.replayed
                    assert _told(outcome) == answer
                else:
                    assert isinstance(outcome, Rejected)
                    assert outcome.error.code == "IDEMPOTENCY_KEY_REUSED"
            elif isinstance(outcome, Committed) or (
                isinstance(outcome, Rejected) and outcome.error.pinned
            ):
                assert not outcome.replayed
                first[order.command_id] = (_asked(order), _told(outcome))
    commands = Counter(
        (r.envelope.meta.command_id, r.envelope.event_id) for r in bench.feed()
    )
    assert set(commands.values()) <= {1}


@given(histories(), policies())
def test_answers_are_what_is_stored(
    commands: list[Command], policy: LimitPolicy
) -> None:
    """V5: a committed answer shows the resource as the store has it then."""
    bench = Workbench(policy=policy)
    for command in commands:
        (outcome,) = bench.handle(command)
        if isinstance(outcome, Committed):
            resource = outcome.resource
            assert isinstance(resource, WalletView | TransferView)
            stored: WalletView | TransferView
            if isinstance(resource, WalletView):
                stored = bench.wallet(resource.wallet_id)
            else:
                stored = bench.transfer(resource.transfer_id)
            assert stored == resource


def _asked(order: CommandRequest) -> bytes | Command:
    """What must be the same under its id; nothing for a step, whose id says it."""
    is_step = isinstance(order.command, get_args(Obligation))
    return order.fingerprint or (b"" if is_step else order.command)


def _told(outcome: Committed | Rejected) -> object:
    if isinstance(outcome, Committed):
        return (outcome.resource, outcome.events)
    return outcome.error


def _openings() -> tuple[Command, ...]:
    from healthpay_core.testing import funded

    return tuple(command for wallet in WALLETS for command in funded(wallet, 30))
