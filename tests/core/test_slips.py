"""Processes that travel as slips end as they do in one place, whatever is cut."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from healthpay_core import (
    CloseWallet,
    Code,
    Command,
    CommandRequest,
    Committed,
    CreditWallet,
    DebitWallet,
    IssueMedCard,
    Outcome,
    Rejected,
    SuspendWallet,
    TransferFunds,
    Unknown,
    derive_id,
)
from healthpay_core.domain import primary_stream
from healthpay_core.slips import Finished, Travel, after, first, is_process
from healthpay_core.states import load
from healthpay_core.testing import (
    Workbench,
    create,
    deposit,
    funded,
    opened,
    wallet_id,
    withdrawal,
)
from tests.core.test_payment_saga import STORIES, _bench, _picture, _sent, _verdict

A, B, CARD = wallet_id("a"), wallet_id("b"), derive_id("new card")
PENDING = wallet_id("pending")


class Journey:
    """A process on its way: one step at a time, each perhaps more than once."""

    def __init__(self, bench: Workbench, root: CommandRequest, times: int = 1) -> None:
        self.bench, self.root, self.times = bench, root, times
        self.going: Travel | Finished = first(root)

    def step(self) -> str | None:
        """Do the step that is due; its name, or None when the journey is over."""
        going = self.going
        if isinstance(going, Finished):
            return None
        outcomes = [self.bench.handle(going.request)[0] for _ in range(self.times)]
        outcome = outcomes[-1]
        assert not isinstance(outcome, Unknown)
        state, _ = load(self.bench.store, primary_stream(going.request.command))
        self.going = after(going.slip, outcome, state)
        return going.slip.step

    def steps(self) -> Iterator[str]:
        """Do what is left."""
        while (name := self.step()) is not None:
            yield name

    def end(self) -> Outcome:
        """Do what is left; the answer."""
        list(self.steps())
        assert isinstance(self.going, Finished)
        return self.going.outcome


def _ask(command: Command, name: str = "root") -> CommandRequest:
    return CommandRequest(command=command, command_id=derive_id(name))


def _transfer(amount: int, destination: str = B) -> CommandRequest:
    command = TransferFunds(
        transfer_id=derive_id("t"),
        source_wallet_id=A,
        destination_wallet_id=destination,
        amount=amount,
        currency="EGP",
        reference="RX",
    )
    return _ask(command)


def _close(sweep_to: str = B, wallet: str = A) -> CommandRequest:
    return _ask(CloseWallet(wallet_id=wallet, sweep_to=sweep_to, reason_code="moved"))


def _issue(month: int = 12, year: int = 2030) -> CommandRequest:
    command = IssueMedCard(
        card_id=CARD,
        wallet_id=A,
        card_token="t",
        last4="4242",
        exp_month=month,
        exp_year=year,
        form="virtual",
    )
    return _ask(command)


def _two() -> Workbench:
    bench = Workbench()
    bench.do(*funded(A, 100), *funded(B, 5))
    return bench


@pytest.mark.parametrize("name", STORIES)
def test_payments_come_to_the_same_end(name: str) -> None:
    """P1-P17, T5: the same verdicts and balances as in one append, steps repeated."""
    atomic, travelling = _bench(), _bench()
    for sent in _sent(STORIES[name]):
        in_one = _verdict(atomic.handle(sent)[0])
        assert _verdict(Journey(travelling, sent, times=2).end()) == in_one
        assert _picture(travelling) == _picture(atomic)


CASES: dict[str, tuple[tuple[Command, ...], CommandRequest]] = {
    "transfer": ((), _transfer(40)),
    "transfer too much": ((), _transfer(101)),
    "transfer to nobody": ((), _transfer(4, wallet_id("nobody"))),
    "transfer to a suspended wallet": (
        (SuspendWallet(wallet_id=B, reason_code="fraud"),), _transfer(40)),
    "close": ((), _close()),
    "close an empty wallet": ((withdrawal(A, 100),), _close()),
    "close a pending wallet": ((), _close(B, PENDING)),
    "close to nobody": ((), _close(wallet_id("nobody"))),
    "close a suspended wallet": (
        (SuspendWallet(wallet_id=A, reason_code="fraud"),), _close()),
    "close into a suspended wallet": (
        (SuspendWallet(wallet_id=B, reason_code="fraud"),), _close()),
    "close nobody's wallet": ((), _close(B, wallet_id("nobody"))),
    "issue": ((), _issue()),
    "issue a card that is over": ((), _issue(1, 2020)),
    "issue on a suspended wallet": (
        (SuspendWallet(wallet_id=A, reason_code="fraud"),), _issue()),
    "issue a card twice": (
        (_issue().command,), replace(_issue(), command_id=derive_id("again"))),
}  # fmt: skip


def _prepared(name: str) -> tuple[Workbench, CommandRequest]:
    before, root = CASES[name]
    bench = _two()
    bench.do(create(PENDING), *before)
    return bench, root


def _money(bench: Workbench) -> list[tuple[str, int, int]]:
    views = [bench.wallet(wallet) for wallet in (A, B)]
    return [(view.status, view.balance, view.held) for view in views]


@pytest.mark.parametrize("name", CASES)
def test_transfers_closings_and_cards_come_to_the_same_end(name: str) -> None:
    """T5, W7, D1: the same verdict, statuses and balances as in one append."""
    (atomic, root), (travelling, _) = _prepared(name), _prepared(name)
    assert is_process(root.command)
    in_one = atomic.handle(root)[0]
    in_steps = Journey(travelling, root, times=2).end()
    assert _verdict(in_steps) == _verdict(in_one)
    assert _money(travelling) == _money(atomic)
    if isinstance(in_one, Committed) and isinstance(in_steps, Committed):
        assert type(in_steps.resource) is type(in_one.resource)
        assert in_steps.resource.id == in_one.resource.id
        assert in_steps.command_id == root.command_id


@pytest.mark.parametrize("name", CASES)
def test_a_journey_begun_again_at_any_point_ends_once(name: str) -> None:
    """T6: cut after any number of steps and begun again, it has one effect."""
    whole, root = _prepared(name)
    verdict = _verdict(Journey(whole, root).end())
    for cut in range(8):
        bench, root = _prepared(name)
        journey = Journey(bench, root)
        for _ in range(cut):
            journey.step()
        if isinstance(journey.going, Finished):
            break
        assert _verdict(Journey(bench, root).end()) == verdict
        assert _money(bench) == _money(whole)
    else:
        pytest.fail("no journey is that long")


def test_no_money_comes_into_a_wallet_that_is_being_closed() -> None:
    """W7: between setting all aside and the end, credits of every kind are refused."""
    bench = _two()
    journey = Journey(bench, _close())
    assert journey.step() == "hold"
    bench.refuse(deposit(A, 1), Code.INVALID_STATE_TRANSITION)
    back = TransferFunds(
        transfer_id=derive_id("back"),
        source_wallet_id=B,
        destination_wallet_id=A,
        amount=5,
        currency="EGP",
    )
    # In one append too, where both forms are used on one store.
    bench.refuse(back, Code.INVALID_STATE_TRANSITION)
    refused = Journey(bench, _ask(back, "back")).end()
    assert isinstance(refused, Rejected)
    assert refused.error.code is Code.INVALID_STATE_TRANSITION
    bench.refuse(withdrawal(A, 1), Code.INSUFFICIENT_FUNDS)
    assert isinstance(journey.end(), Committed)
    assert _money(bench) == [("closed", 0, 0), ("active", 105, 0)]


def test_a_closing_that_fails_opens_the_wallet_again() -> None:
    """W7, T7: the destination gone midway, all goes back and credits are taken."""
    bench = _two()
    journey = Journey(bench, _close())
    journey.step()
    journey.step()
    bench.do(withdrawal(B, 5), CloseWallet(wallet_id=B))
    outcome = journey.end()
    assert isinstance(outcome, Rejected)
    assert outcome.error.code is Code.WALLET_CLOSED
    assert _money(bench) == [("active", 100, 0), ("closed", 0, 0)]
    bench.do(deposit(A, 1))


def test_a_wallet_suspended_midway_still_closes() -> None:
    """W5: what was set aside before the suspension is settled after it."""
    bench = _two()
    journey = Journey(bench, _close())
    journey.step()
    bench.do(SuspendWallet(wallet_id=A, reason_code="fraud"))
    assert isinstance(journey.end(), Committed)
    assert _money(bench) == [("closed", 0, 0), ("active", 105, 0)]


def test_a_wallet_with_holds_is_not_closed() -> None:
    """W6: a transfer under way keeps its source open."""
    bench = _two()
    under_way = Journey(bench, _transfer(40))
    under_way.step()
    under_way.step()
    outcome = Journey(bench, replace(_close(), command_id=derive_id("close"))).end()
    assert isinstance(outcome, Rejected)
    assert outcome.error.code is Code.WALLET_HAS_OPEN_HOLDS
    assert isinstance(under_way.end(), Committed)


@pytest.mark.parametrize("make", [_close, _issue], ids=["closing", "issuing"])
def test_the_callers_version_counts(make: Callable[[], CommandRequest]) -> None:
    """V3: a version that is not the resource's refuses the process."""
    outcome = Journey(_two(), replace(make(), expected_version=7)).end()
    assert isinstance(outcome, Rejected)
    assert outcome.error.code is Code.VERSION_MISMATCH


def test_orders_of_one_aggregate_are_no_process() -> None:
    """T5: what one place decides needs no slip."""
    for command in (
        CloseWallet(wallet_id=A),
        CreditWallet(wallet_id=A, amount=1, currency="EGP", reason="deposit"),
        DebitWallet(wallet_id=A, amount=1, currency="EGP", reason="withdrawal"),
        *opened(A),
    ):
        assert not is_process(command)
        with pytest.raises(TypeError, match="is no process"):
            first(_ask(command))
