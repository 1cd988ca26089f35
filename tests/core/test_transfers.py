"""Money between two wallets, in the atomic form (rules T1-T9)."""

from __future__ import annotations

import pytest

from healthpay_core import (
    CloseWallet,
    Code,
    Command,
    Committed,
    Rejected,
    SuspendWallet,
    TransferCompleted,
    TransferFailed,
    TransferFunds,
    TransferInitiated,
    TransferView,
    WalletCredited,
    WalletDebited,
    event_id,
    evolve,
    transfer_stream,
    wallet_stream,
)
from healthpay_core.corruption import StreamCorrupted
from healthpay_core.domain import State, view
from healthpay_core.testing import (
    NOW,
    ScriptedStore,
    Workbench,
    after,
    command_id,
    create,
    funded,
    given,
    hold,
    opened,
    request,
    transfer,
    transfer_id,
    wallet_id,
    withdrawal,
)
from healthpay_core.wallet.events import Related

A, B = wallet_id("a"), wallet_id("b")


def test_a_transfer_is_four_facts_in_order() -> None:
    """T1, T4: initiated, out, in, completed, with ids that name each other."""
    verdict = given(*after(*funded(A, 10), *opened(B))).when(
        transfer(A, B, 4, name="t", reference="rent")
    )
    assert [stream for stream, _ in verdict.facts] == [
        transfer_stream(transfer_id("t")),
        wallet_stream(A),
        wallet_stream(B),
        transfer_stream(transfer_id("t")),
    ]
    initiated, out, into, completed = verdict.events
    assert initiated == TransferInitiated(
        source_wallet_id=A,
        destination_wallet_id=B,
        amount=4,
        currency="EGP",
        mode="atomic",
        reference="rent",
    )
    related = Related(transfer_id=transfer_id("t"))
    assert isinstance(out, WalletDebited)
    assert (out.reason, out.balance_after, out.related) == ("transfer_out", 6, related)
    assert out.counter_account == f"wallet:{B}"
    assert isinstance(into, WalletCredited)
    assert (into.reason, into.balance_after, into.related) == (
        "transfer_in",
        4,
        related,
    )
    assert into.counter_account == f"wallet:{A}"
    assert completed == TransferCompleted(
        source_event_id=event_id(A, command_id("when"), 1),
        destination_event_id=event_id(B, command_id("when"), 2),
        completed_at=NOW,
    )


def test_the_completed_fact_names_the_events_as_they_are_stored() -> None:
    """T1, I8: the ids in the last fact are those of the two legs in the store."""
    bench = Workbench()
    bench.do(*funded(A, 10), *opened(B))
    outcome = bench.do(transfer(A, B, 4, name="t"))
    legs = bench.feed()[-4:]
    completed = legs[3].envelope.data
    assert isinstance(completed, TransferCompleted)
    assert completed.source_event_id == legs[1].envelope.event_id
    assert completed.destination_event_id == legs[2].envelope.event_id
    assert outcome.resource == TransferView(
        transfer_id=transfer_id("t"),
        source_wallet_id=A,
        destination_wallet_id=B,
        amount=4,
        currency="EGP",
        status="completed",
        reference=None,
        version=2,
    )
    assert bench.transfer(transfer_id("t")) == outcome.resource


def test_a_transfer_happens_once() -> None:
    """T1: the id of a transfer is taken by the first."""
    bench = Workbench()
    bench.do(*funded(A, 10), *opened(B), transfer(A, B, 4, name="t"))
    bench.refuse(transfer(A, B, 4, name="t"), Code.TRANSFER_ALREADY_EXISTS)
    assert bench.wallet(A).balance == 6


def test_a_wallet_pays_no_money_to_itself() -> None:
    """T2: refused before anything is looked at, even where no wallet is."""
    given().when(transfer(A, A, 4)).refused(Code.SELF_TRANSFER_NOT_ALLOWED)
    given().when(transfer(A, A, 0)).refused(Code.SELF_TRANSFER_NOT_ALLOWED)


SUSPENDED = SuspendWallet(wallet_id=B, reason_code="fraud")
CASES: list[tuple[str, tuple[Command, ...], Code, str | None]] = [
    ("nobody", (), Code.SOURCE_WALLET_NOT_FOUND, None),
    ("no payee", funded(A, 10), Code.DESTINATION_WALLET_NOT_FOUND, None),
    ("no payer", opened(B), Code.SOURCE_WALLET_NOT_FOUND, None),
    ("pending payer", (create(A), *opened(B)), Code.WALLET_NOT_ACTIVE, "source"),
    ("both pending", (create(A), create(B)), Code.WALLET_NOT_ACTIVE, "source"),
    ("pending payee", (*opened(A), create(B)), Code.WALLET_NOT_ACTIVE, "destination"),
    (
        "suspended payee",
        (*opened(A), *opened(B), SUSPENDED),
        Code.WALLET_NOT_ACTIVE,
        "destination",
    ),
    (
        "closed payee",
        (*opened(A), *opened(B), CloseWallet(wallet_id=B)),
        Code.WALLET_CLOSED,
        "destination",
    ),
    (
        "foreign payer",
        (*opened(A, currency="USD"), *opened(B)),
        Code.CURRENCY_MISMATCH,
        "source",
    ),
    (
        "foreign payee",
        (*opened(A), *opened(B, currency="USD")),
        Code.CURRENCY_MISMATCH,
        "destination",
    ),
    ("no money", (*opened(A), *opened(B)), Code.INSUFFICIENT_FUNDS, None),
    (
        "money held",
        (*funded(A, 10), hold(A, "h", 7), *opened(B)),
        Code.INSUFFICIENT_FUNDS,
        None,
    ),
]


@pytest.mark.parametrize(
    ("commands", "code", "party"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_the_first_obstacle_of_either_wallet_is_told(
    commands: tuple[Command, ...], code: Code, party: str | None
) -> None:
    """T3, E2: existence, life cycle, currency, funds, each with the party at fault."""
    refusal = given(*after(*commands)).when(transfer(A, B, 4)).refused(code)
    assert dict(refusal.details()).get("party") == party


@pytest.mark.parametrize(
    "commands", [case[1] for case in CASES], ids=[case[0] for case in CASES]
)
def test_a_refused_transfer_touches_neither_wallet(
    commands: tuple[Command, ...],
) -> None:
    """T4, E3: no event of any stream, and the next commands are unaffected."""
    bench = Workbench()
    for command in commands:
        bench.do(command)
    before = list(bench.feed())
    (outcome,) = bench.handle(transfer(A, B, 4, name="t"))
    assert isinstance(outcome, Rejected)
    assert list(bench.feed()) == before
    assert bench.queries.transfer(transfer_id("t")) is None
    c, d = wallet_id("c"), wallet_id("d")
    bench.do(*funded(c, 9), *opened(d), transfer(c, d, 9, name="t"))


def test_all_streams_are_appended_at_once() -> None:
    """T4: one append holds both wallets and the transfer, or nothing of them."""
    store = ScriptedStore()
    bench = Workbench(store)
    bench.do(*funded(A, 10), *opened(B))
    done = len(store.appends)
    bench.do(transfer(A, B, 4, name="t"))
    (append,) = store.appends[done:]
    assert set(append.expected) == {
        wallet_stream(A),
        wallet_stream(B),
        transfer_stream(transfer_id("t")),
    }
    assert len(append.events) == 4
    assert len(append.outcomes) == 1


def order(mode: str = "saga") -> TransferInitiated:
    """The first fact of a saga."""
    return TransferInitiated(
        source_wallet_id=A,
        destination_wallet_id=B,
        amount=4,
        currency="EGP",
        mode=mode,  # type: ignore[arg-type]
        expires_at=NOW,
    )


DONE = TransferCompleted(source_event_id="s", destination_event_id="d", completed_at=1)
FAILED = TransferFailed(
    stage="credit", failure_code="WALLET_CLOSED", hold_released=True
)


def _status(*events: TransferInitiated | TransferCompleted | TransferFailed) -> str:
    state: State | None = None
    for event in events:
        state = evolve(state, event)
    assert state is not None
    resource = view(transfer_stream(transfer_id("t")), state, len(events))
    return resource.status


def test_a_saga_is_initiated_until_it_completes_or_fails() -> None:
    """T5, T6: the state of a saga is the fold of its events alone."""
    assert _status(order()) == "initiated"
    assert _status(order(), DONE) == "completed"
    assert _status(order(), FAILED) == "failed"


@pytest.mark.parametrize("end", [DONE, FAILED])
@pytest.mark.parametrize("again", [DONE, FAILED, order()])
def test_the_end_of_a_transfer_is_final(
    end: TransferCompleted | TransferFailed,
    again: TransferInitiated | TransferCompleted | TransferFailed,
) -> None:
    """T7: after completed or failed nothing follows."""
    with pytest.raises(StreamCorrupted) as caught:
        _status(order(), end, again)
    begun = isinstance(again, TransferInitiated)
    assert caught.value.reason == (
        "initiated twice" if begun else "ended before it began, or twice"
    )


def test_a_transfer_ends_only_after_it_began() -> None:
    """T7: neither end can be the first fact."""
    for event in (DONE, FAILED):
        with pytest.raises(StreamCorrupted) as caught:
            evolve(None, event)
        assert caught.value.reason == "ended before it began, or twice"


def test_a_timeout_is_a_failure_with_its_code() -> None:
    """T7: what ran out of time has failed, its hold released once."""
    timed_out = TransferFailed(
        stage="timeout", failure_code="TRANSFER_TIMEOUT", hold_released=True
    )
    assert _status(order(), timed_out) == "failed"


def test_money_is_returned_by_a_new_transfer() -> None:
    """T8: a reversal is a transfer of its own that names the first."""
    bench = Workbench()
    bench.do(*funded(A, 10), *opened(B), transfer(A, B, 4, name="t"))
    before = list(bench.feed())
    back = TransferFunds(
        transfer_id=transfer_id("back"),
        source_wallet_id=B,
        destination_wallet_id=A,
        amount=4,
        currency="EGP",
        reverses_transfer_id=transfer_id("t"),
    )
    bench.do(back)
    assert list(bench.feed())[: len(before)] == before
    initiated = bench.feed()[-4].envelope.data
    assert isinstance(initiated, TransferInitiated)
    assert initiated.reverses_transfer_id == transfer_id("t")
    assert (bench.wallet(A).balance, bench.wallet(B).balance) == (10, 0)


def test_a_batch_checks_each_item_on_what_is_left() -> None:
    """T9: four transfers of 100 against 150: one goes through, three are refused."""
    bench = Workbench()
    bench.do(*funded(A, 150), *opened(B))
    outcomes = bench.handle(*(transfer(A, B, 100) for _ in range(4)))
    assert [isinstance(o, Committed) for o in outcomes] == [True, False, False, False]
    for outcome in outcomes[1:]:
        assert isinstance(outcome, Rejected)
        assert dict(outcome.error.details())["available_amount"] == 50
    assert bench.wallet(A).balance == 50


def test_a_batch_spends_what_it_brought() -> None:
    """T9: what one command credits the next one of the batch can debit."""
    bench = Workbench()
    commands: tuple[Command, ...] = (
        *funded(A, 10),
        *opened(B),
        transfer(A, B, 10),
        withdrawal(B, 10),
        CloseWallet(wallet_id=B),
    )
    outcomes = bench.handle(*commands)
    assert all(isinstance(outcome, Committed) for outcome in outcomes)
    assert [r.envelope.sequence for r in bench.store.read(wallet_stream(B))] == [
        *range(1, 6)
    ]


def test_transfers_of_a_batch_see_each_other_both_ways() -> None:
    """T9: to and fro within one batch, each on the balances of the one before."""
    bench = Workbench()
    bench.do(*funded(A, 10), *funded(B, 10))
    outcomes = bench.handle(
        request(transfer(A, B, 10)),
        request(transfer(B, A, 20)),
        request(transfer(A, B, 21)),
    )
    assert [isinstance(o, Committed) for o in outcomes] == [True, True, False]
    assert (bench.wallet(A).balance, bench.wallet(B).balance) == (20, 0)
