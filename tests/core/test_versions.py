"""Versions, conflicts and what is done about them (rules V1-V6)."""

from __future__ import annotations

import pytest

from healthpay_core import (
    Append,
    AppendResult,
    AuthorizePayment,
    CapturePayment,
    CloseWallet,
    Code,
    Committed,
    EventStore,
    InMemoryEventStore,
    LimitPolicy,
    PolicyRef,
    Rejected,
    VersionConflict,
    wallet_stream,
)
from healthpay_core.refusals import ConcurrencyConflict
from healthpay_core.testing import (
    ScriptedStore,
    Workbench,
    create,
    deposit,
    funded,
    opened,
    payment,
    payment_id,
    request,
    transfer,
    wallet_id,
    withdrawal,
)
from healthpay_core.testing.stores import conflict, meanwhile, unavailable

A, B, SHOP = wallet_id("a"), wallet_id("b"), wallet_id("shop")


def test_versions_run_without_gaps() -> None:
    """V1: each stream is numbered 1..n, also over the commands of a batch."""
    bench = Workbench()
    bench.handle(*funded(A, 10), withdrawal(A, 1), withdrawal(A, 99), withdrawal(A, 1))
    sequences = [r.envelope.sequence for r in bench.store.read(wallet_stream(A))]
    assert sequences == [1, 2, 3, 4, 5]
    assert bench.wallet(A).version == 5


def test_an_append_expects_what_the_decision_saw() -> None:
    """V1: the versions that the decision was made on go with the append."""
    store = ScriptedStore()
    bench = Workbench(store)
    bench.do(*funded(A, 10), *opened(B))
    bench.handle(withdrawal(A, 1), transfer(A, B, 1, name="t"))
    expected = store.appends[-1].expected
    assert expected[wallet_stream(A)] == 3
    assert expected[wallet_stream(B)] == 2
    assert sorted(expected.values(), key=str) == [0, 2, 3]


def test_no_event_is_appended_unchecked() -> None:
    """V1: a version is expected of the stream of every event, whatever was decided."""
    store = ScriptedStore()
    bench = Workbench(store)
    bench.do(*funded(A, 10), *opened(B))
    bench.handle(withdrawal(A, 1), transfer(A, B, 1, name="t"), deposit(B, 1))
    bench.do(CloseWallet(wallet_id=B, sweep_to=A))
    for given in store.appends:
        checked = Append(
            expected=given.expected, events=given.events, outcomes=given.outcomes
        )
        assert checked == given


def test_a_lost_race_is_decided_again() -> None:
    """V2: after a conflict the state is read anew and the command decided on it."""
    store = ScriptedStore()
    bench, other = Workbench(store), Workbench(store)
    bench.do(*funded(A, 10))
    store.script.append(meanwhile(lambda: other.do(withdrawal(A, 3))))
    outcome = bench.do(withdrawal(A, 4))
    assert outcome.events[0].sequence == 5
    assert bench.wallet(A).balance == 3
    assert len(bench.pauses_s) == 1
    assert 0 <= bench.pauses_s[0] <= 0.01


def test_what_was_decided_again_may_be_refused() -> None:
    """V2, C8: when the other took the money, there is none left."""
    store = ScriptedStore()
    bench, other = Workbench(store), Workbench(store)
    bench.do(*funded(A, 10))
    store.script.append(meanwhile(lambda: other.do(withdrawal(A, 7))))
    bench.refuse(withdrawal(A, 4), Code.INSUFFICIENT_FUNDS, available_amount=3)


@pytest.mark.parametrize(("races", "gives_up"), [(1, False), (2, False), (3, True)])
def test_three_decisions_are_tried(races: int, gives_up: bool) -> None:
    """V2: two lost races are mended, the third is a retryable conflict."""
    store = ScriptedStore()
    bench = Workbench(store)
    bench.do(*funded(A, 10))
    store.script.extend([conflict] * races)
    order = request(withdrawal(A, 4), "k")
    if gives_up:
        bench.refuse(order, Code.CONCURRENCY_CONFLICT, attempts=3)
        assert bench.wallet(A).balance == 10
    bench.do(order)
    assert bench.wallet(A).balance == 6


def test_giving_up_on_one_stream_leaves_the_others() -> None:
    """V2: of a batch only the commands of the contested stream are given up."""
    store = ScriptedStore()
    bench = Workbench(store)
    bench.do(*funded(A, 10), *funded(B, 10))

    def contested(behind: EventStore, append: Append) -> AppendResult:
        return VersionConflict(actual={wallet_stream(A): 3})

    store.script.extend([contested] * 3)
    first, second = bench.handle(withdrawal(A, 1), withdrawal(B, 1))
    assert getattr(first, "error", None) is not None
    assert isinstance(second, Committed)
    assert (bench.wallet(A).balance, bench.wallet(B).balance) == (10, 9)


def test_who_was_given_up_stays_given_up() -> None:
    """V2: when another stream is contested after the first, neither is tried again."""
    store = ScriptedStore()
    bench = Workbench(store)
    bench.do(*funded(A, 10), *funded(B, 10))

    def on_a(behind: EventStore, append: Append) -> AppendResult:
        return VersionConflict(actual={wallet_stream(A): 3})

    def on_b(behind: EventStore, append: Append) -> AppendResult:
        return VersionConflict(actual={wallet_stream(B): 3})

    store.script.extend([on_a] * 3 + [on_b])
    for outcome in bench.handle(withdrawal(A, 1), withdrawal(B, 1)):
        assert isinstance(outcome, Rejected)
        assert outcome.error == ConcurrencyConflict(attempts=3)
    assert (bench.wallet(A).balance, bench.wallet(B).balance) == (10, 10)


def test_a_payment_is_contested_by_way_of_its_wallets() -> None:
    """V2: the wallets that only its state names count as its streams, too."""
    store = ScriptedStore()
    bench = Workbench(store)
    bench.do(*funded(A, 10), *funded(B, 10), *opened(SHOP, wallet_type="merchant"))
    bench.do(payment(A, SHOP, 5, name="p"))
    bench.do(AuthorizePayment(payment_id=payment_id("p")))

    def contested(behind: EventStore, append: Append) -> AppendResult:
        return VersionConflict(actual={wallet_stream(SHOP): 2})

    store.script.extend([contested] * 3)
    capture = CapturePayment(payment_id=payment_id("p"))
    first, second = bench.handle(capture, withdrawal(B, 1))
    assert isinstance(first, Rejected)
    assert first.error == ConcurrencyConflict(attempts=3)
    assert isinstance(second, Committed)
    assert len(bench.pauses_s) == 3


def test_a_store_that_names_no_stream_is_given_up_on() -> None:
    """V2: conflicts about nothing come to an end too."""
    store = ScriptedStore()
    bench = Workbench(store)
    bench.do(*funded(A, 10))

    def about_nothing(behind: EventStore, append: Append) -> AppendResult:
        return VersionConflict(actual={})

    store.script.extend([about_nothing] * 50)
    bench.refuse(withdrawal(A, 1), Code.CONCURRENCY_CONFLICT)


def test_what_others_wrote_is_seen_before_a_refusal() -> None:
    """V2, E4: when the epoch has changed, nothing is refused on an old state."""
    store = ScriptedStore()
    bench, other = Workbench(store), Workbench(store)
    bench.do(*opened(A))
    store.somebody_else += 1
    other.do(deposit(A, 10))
    store.somebody_else += 1
    bench.do(withdrawal(A, 10))
    store.somebody_else += 1
    other.refuse(withdrawal(A, 1), Code.INSUFFICIENT_FUNDS, available_amount=0)


def test_a_stream_that_others_made_is_seen() -> None:
    """V2: a wallet that was not there a moment ago is found when it is."""
    store = ScriptedStore()
    bench, other = Workbench(store), Workbench(store)
    bench.refuse(withdrawal(A, 1), Code.WALLET_NOT_FOUND)
    other.do(*funded(A, 10))
    bench.do(withdrawal(A, 1))


def test_a_state_ahead_of_its_store_is_dropped() -> None:
    """V5: when the store holds less than was known, the store is right."""
    store = ScriptedStore()
    bench = Workbench(store)
    bench.do(*funded(A, 10))
    restored = InMemoryEventStore()
    Workbench(restored).do(*opened(A))
    store.behind = restored
    store.somebody_else += 1
    bench.refuse(withdrawal(A, 20), Code.INSUFFICIENT_FUNDS, available_amount=0)
    store.behind = InMemoryEventStore()
    store.somebody_else += 1
    bench.refuse(withdrawal(A, 1), Code.WALLET_NOT_FOUND)


@pytest.mark.parametrize(("expected", "current"), [(2, 3), (4, 3), (0, 3)])
def test_the_version_that_the_caller_saw_must_be_current(
    expected: int, current: int
) -> None:
    """V3: another version is a mismatch that names the current one."""
    bench = Workbench()
    bench.do(*funded(A, 10))
    bench.refuse(
        request(withdrawal(A, 1), expected_version=expected),
        Code.VERSION_MISMATCH,
        expected_version=expected,
        current_version=current,
    )
    bench.do(request(withdrawal(A, 1), expected_version=current))


def test_the_version_is_checked_within_the_batch() -> None:
    """V3, T9: the version is the one that the earlier commands of the batch left."""
    bench = Workbench()
    bench.do(*funded(A, 10))
    first, second, third = bench.handle(
        request(withdrawal(A, 1), expected_version=3),
        request(withdrawal(A, 1), expected_version=3),
        request(withdrawal(A, 1), expected_version=4),
    )
    assert isinstance(first, Committed)
    assert not isinstance(second, Committed)
    assert isinstance(third, Committed)


def test_the_version_comes_after_existence_and_before_state() -> None:
    """E2: static, then existence, then version, then life cycle."""
    bench = Workbench()
    bench.refuse(request(withdrawal(A, 0), expected_version=9), Code.INVALID_AMOUNT)
    bench.refuse(request(withdrawal(A, 1), expected_version=9), Code.WALLET_NOT_FOUND)
    bench.do(create(A))
    bench.refuse(request(withdrawal(A, 1), expected_version=9), Code.VERSION_MISMATCH)
    bench.refuse(request(withdrawal(A, 1), expected_version=1), Code.WALLET_NOT_ACTIVE)


def test_a_creation_may_expect_that_there_is_nothing() -> None:
    """V3: version 0 is a wallet that is not there yet."""
    bench = Workbench()
    bench.refuse(request(create(A), expected_version=1), Code.VERSION_MISMATCH)
    bench.do(request(create(A), expected_version=0))
    bench.refuse(request(create(A), expected_version=0), Code.VERSION_MISMATCH)


def test_the_version_of_a_transfer_is_its_own() -> None:
    """V3: a transfer that is expected not to be there yet is at version 0."""
    bench = Workbench()
    bench.do(*funded(A, 10), *opened(B))
    order = transfer(A, B, 4, name="t")
    bench.refuse(request(order, expected_version=3), Code.VERSION_MISMATCH)
    bench.do(request(order, expected_version=0))


def test_a_refusal_changes_no_state_in_memory() -> None:
    """V5: what was refused in a batch is not there for the next command of it."""
    policy = LimitPolicy(ref=PolicyRef(id="once", version=1), unique_references=True)
    bench = Workbench(policy=policy)
    bench.do(*funded(A, 10))
    outcomes = bench.handle(
        withdrawal(A, 11, reference="r"),
        CloseWallet(wallet_id=A, sweep_to=B),
        withdrawal(A, 10, reference="r"),
    )
    assert [isinstance(outcome, Committed) for outcome in outcomes] == [
        False,
        False,
        True,
    ]


def test_an_append_that_failed_leaves_no_state_in_memory() -> None:
    """V5: state is the fold of what was stored, also after an append that was not."""
    store = ScriptedStore()
    bench = Workbench(store)
    bench.do(*funded(A, 10))
    store.script.append(unavailable)
    bench.refuse(withdrawal(A, 10), Code.STORE_UNAVAILABLE)
    bench.do(withdrawal(A, 10))


def test_streams_are_named_in_one_order() -> None:
    """V6: look-ups and appends name streams sorted by id, whoever pays whom."""
    asked: list[list[str]] = []

    class Noting(ScriptedStore):
        def versions(self, streams):  # type: ignore[no-untyped-def]
            asked.append(list(streams))
            return super().versions(streams)

    store = Noting()
    bench = Workbench(store)
    bench.do(*funded(A, 10), *funded(B, 10))
    fresh = Workbench(store)
    fresh.handle(transfer(A, B, 1), transfer(B, A, 1), transfer(A, B, 1))
    assert len(asked[-1]) == 5
    for streams in asked:
        assert streams == sorted(streams)
    assert list(store.appends[-1].expected) == sorted(store.appends[-1].expected)
