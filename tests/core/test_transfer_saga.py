"""Transfers in saga form: single-stream steps that survive anything (T5-T7)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

import pytest

from healthpay_core import (
    ActivateWallet,
    CloseWallet,
    Code,
    Command,
    CommandRequest,
    Committed,
    Outcome,
    Rejected,
    SuspendWallet,
    TransferFunds,
    TransferSaga,
    Unknown,
    transfer_stream,
)
from healthpay_core.refusals import TransferAlreadyExists
from healthpay_core.testing import (
    SagaDriver,
    Workbench,
    funded,
    opened,
    request,
    transfer,
    wallet_id,
    withdrawal,
)
from healthpay_core.transfer.saga import step_id

A, B = wallet_id("source"), wallet_id("destination")
STEPS = ["hold", "credit", "capture", "complete"]
REFUSED_STEPS = ["hold", "credit", "release", "fail"]


class Crash(Exception):
    """The process died here."""


@pytest.fixture
def bench() -> Workbench:
    """A source with 100 and an empty destination."""
    made = Workbench()
    made.do(*funded(A, 100), *opened(B))
    return made


def _order(amount: int = 60) -> TransferFunds:
    return transfer(A, B, amount)


def _driver(bench: Workbench, amount: int = 60) -> SagaDriver:
    return SagaDriver(bench.handler.handle, bench.store, _order(amount))


def _types(bench: Workbench, transfer_id: str) -> list[str]:
    events = bench.store.read(transfer_stream(transfer_id))
    return [event.envelope.event_type for event in events]


def _money(bench: Workbench) -> tuple[int, int, int]:
    """Spendable at the source, held there, and at the destination."""
    source = bench.wallet(A)
    return source.available, source.held, bench.wallet(B).balance


def test_money_is_held_then_credited_then_captured(bench: Workbench) -> None:
    """T5: hold, credit, capture, completed; never spendable in both wallets."""
    driver = _driver(bench)
    seen = []
    while (name := driver.step()) is not None:
        seen.append((name, _money(bench)))
    assert seen == [
        ("hold", (40, 60, 0)),
        ("credit", (40, 60, 60)),
        ("capture", (40, 0, 60)),
        ("complete", (40, 0, 60)),
    ]
    assert _types(bench, driver.transfer_id) == [
        "transfer.initiated",
        "transfer.completed",
    ]


def test_a_refused_hold_fails_the_transfer_and_moves_nothing(bench: Workbench) -> None:
    """T5: the cause is in the event; nothing was held, nothing is released."""
    driver = _driver(bench, amount=101)
    ended = driver.finish()
    assert ended.refusal is not None
    assert ended.refusal.code is Code.INSUFFICIENT_FUNDS
    assert [step.name for step in driver.done] == ["hold", "fail"]
    assert _money(bench) == (100, 0, 0)
    assert bench.transfer(driver.transfer_id).status == "failed"


@pytest.mark.parametrize("cut", range(3))
def test_a_destination_that_stops_in_between_has_one_defined_end(
    bench: Workbench, cut: int
) -> None:
    """T5, T7: suspended before the credit it fails, after it it completes."""
    driver = _driver(bench)
    for _ in range(cut):
        driver.step()
    bench.do(SuspendWallet(wallet_id=B, reason_code="fraud"))
    ended = driver.finish()
    if cut < 2:
        assert ended.refusal is not None
        assert ended.refusal.code is Code.WALLET_NOT_ACTIVE
        assert [step.name for step in driver.done] == REFUSED_STEPS
        assert _money(bench) == (100, 0, 0)
    else:
        assert ended.refusal is None
        assert _money(bench) == (40, 0, 60)


@pytest.mark.parametrize("cut", range(1, 5))
def test_a_source_that_is_suspended_in_between_still_settles(
    bench: Workbench, cut: int
) -> None:
    """W5, T5: what is held is captured although new obligations are refused."""
    driver = _driver(bench)
    for _ in range(cut):
        driver.step()
    bench.do(SuspendWallet(wallet_id=A, reason_code="compliance"))
    assert driver.finish().refusal is None
    assert _money(bench) == (40, 0, 60)


def test_a_wallet_with_a_transfer_on_its_way_cannot_close(bench: Workbench) -> None:
    """W6: the hold keeps the source open until the transfer has ended."""
    driver = _driver(bench, amount=100)
    driver.step()
    bench.refuse(CloseWallet(wallet_id=A), Code.WALLET_HAS_OPEN_HOLDS)
    driver.finish()
    bench.do(CloseWallet(wallet_id=A))


@pytest.mark.parametrize("refused", [False, True])
@pytest.mark.parametrize("cut", range(5))
def test_a_crash_between_any_two_steps_changes_nothing(
    bench: Workbench, cut: int, refused: bool
) -> None:
    """T6: what is known of the steps is lost; run again, the end is the same."""
    if refused:
        bench.do(SuspendWallet(wallet_id=B, reason_code="fraud"))
    driver = _driver(bench)
    for _ in range(cut):
        driver.step()
    driver.forget()
    ended = driver.finish()
    assert (ended.refusal is not None) is refused
    assert _money(bench) == ((100, 0, 0) if refused else (40, 0, 60))
    assert len(_types(bench, driver.transfer_id)) == 2


@pytest.mark.parametrize("order", list(permutations(STEPS)))
def test_steps_that_come_again_in_any_order_change_nothing(
    bench: Workbench, order: tuple[str, ...]
) -> None:
    """T6: a repeated step is a replay, however late it comes."""
    driver = _driver(bench)
    driver.finish()
    before = len(bench.feed())
    steps = {step.name: step for step in driver.done}
    for name in order:
        again = driver.repeat(steps[name])
        assert isinstance(again, Committed)
        assert again.replayed
    assert len(bench.feed()) == before


def test_steps_repeated_between_each_other_change_nothing(bench: Workbench) -> None:
    """T6: after every step all earlier ones are sent again; once is booked."""
    driver = _driver(bench)
    while driver.step() is not None:
        for step in reversed(driver.done):
            driver.repeat(step)
    assert _money(bench) == (40, 0, 60)
    assert len(_types(bench, driver.transfer_id)) == 2


@pytest.mark.parametrize("cut", range(5))
def test_a_time_out_ends_once(bench: Workbench, cut: int) -> None:
    """T7: past its time an uncredited transfer fails, a credited one completes."""
    driver = _driver(bench)
    for _ in range(cut):
        driver.step()
    bench.clock.advance(seconds=60)
    driver.forget()
    ended = driver.finish()
    if cut < 2:
        assert ended.refusal is not None
        assert ended.refusal.code is Code.TRANSFER_TIMEOUT
        assert _money(bench) == (100, 0, 0)
    else:
        assert ended.refusal is None
        assert _money(bench) == (40, 0, 60)
    events = len(bench.feed())
    bench.clock.advance(days=1)
    driver.forget()
    driver.finish()
    assert len(bench.feed()) == events


def test_a_late_credit_after_the_release_is_refused_for_good(bench: Workbench) -> None:
    """T7: the refused credit is pinned, so that the hold is released exactly once."""
    driver = _driver(bench)
    driver.step()
    bench.clock.advance(seconds=60)
    driver.finish()
    credit = next(step for step in driver.done if step.name == "credit")
    again = driver.repeat(credit)
    assert isinstance(again, Rejected)
    assert again.replayed
    assert _money(bench) == (100, 0, 0)


def _saga(
    bench: Workbench, execute: Callable[..., Outcome] | None = None
) -> TransferSaga:
    return TransferSaga(execute or bench.handler.handle, bench.store)


def _run(saga: TransferSaga, sent: CommandRequest) -> Outcome:
    assert isinstance(sent.command, TransferFunds)
    return saga.run(sent, sent.command)


def test_the_saga_answers_as_the_atomic_form(bench: Workbench) -> None:
    """T5: the same resource, under the root's own id, with the events of all steps."""
    sent = request(_order())
    outcome = _run(_saga(bench), sent)
    assert isinstance(outcome, Committed)
    assert outcome.command_id == sent.command_id
    assert [event.event_type for event in outcome.events] == [
        "wallet.hold_placed",
        "wallet.credited",
        "wallet.debited",
        "transfer.completed",
    ]
    assert _money(bench) == (40, 0, 60)


@pytest.mark.parametrize("crash_at", range(1, 6))
@pytest.mark.parametrize("stored", [True, False], ids=["after", "before"])
def test_a_crash_at_any_step_is_run_on(
    bench: Workbench, crash_at: int, stored: bool
) -> None:
    """T6: killed before or after any step is stored, the same request ends it."""
    calls = 0

    def execute(sent: CommandRequest) -> Outcome:
        nonlocal calls
        calls += 1
        if calls == crash_at and not stored:
            raise Crash
        outcome = bench.handler.handle(sent)
        if calls == crash_at:
            raise Crash
        return outcome

    sent = request(_order())
    with pytest.raises(Crash):
        _run(_saga(bench, execute), sent)
    assert isinstance(_run(_saga(bench), sent), Committed)
    assert isinstance(_run(_saga(bench), sent), Committed)
    assert _money(bench) == (40, 0, 60)
    assert list(_saga(bench).pending()) == []


def test_a_transfer_left_behind_is_found_and_finished(bench: Workbench) -> None:
    """T6, T7: the sweep needs only the events."""
    driver = _driver(bench)
    driver.step()
    saga = _saga(bench)
    assert list(saga.pending()) == [driver.transfer_id]
    assert isinstance(saga.resume(driver.transfer_id), Committed)
    assert list(saga.pending()) == []
    assert _money(bench) == (40, 0, 60)


def test_another_command_cannot_take_the_transfer_over(bench: Workbench) -> None:
    """T1: the id is taken, also while the transfer is on its way."""
    first = request(transfer(A, B, 60, name="taken"))
    _run(_saga(bench), first)
    other = request(transfer(A, B, 30, name="taken"))
    outcome = _run(_saga(bench), other)
    assert isinstance(outcome, Rejected)
    assert isinstance(outcome.error, TransferAlreadyExists)
    assert _money(bench) == (40, 0, 60)


def test_an_unknown_step_is_an_unknown_transfer(bench: Workbench) -> None:
    """T6: while a step cannot be known nothing is undone; run again it ends."""
    dark = True

    def execute(sent: CommandRequest) -> Outcome:
        outcome = bench.handler.handle(sent)
        if dark and sent.command_id != first_id:
            return Unknown(command_id=sent.command_id, correlation_id="c")
        return outcome

    sent = request(_order())
    assert isinstance(sent.command, TransferFunds)
    first_id = step_id(sent.command.transfer_id, "begin")
    assert isinstance(_run(_saga(bench, execute), sent), Unknown)
    dark = False
    assert isinstance(_run(_saga(bench, execute), sent), Committed)
    assert _money(bench) == (40, 0, 60)


def test_what_has_not_begun_is_not_resumed(bench: Workbench) -> None:
    """T6: a transfer in atomic form, or none, has no steps."""
    bench.do(_order())
    with pytest.raises(LookupError):
        _saga(bench).resume(_order().transfer_id)
    with pytest.raises(LookupError):
        _saga(bench).resume(wallet_id("nothing"))


def test_money_in_flight_cannot_be_spent(bench: Workbench) -> None:
    """C4, T5: what is held for a transfer is not available at the source."""
    driver = _driver(bench)
    driver.step()
    bench.refuse(withdrawal(A, 41), Code.INSUFFICIENT_FUNDS)
    commands: tuple[Command, ...] = (withdrawal(A, 40),)
    bench.do(*commands)
    assert driver.finish().refusal is None
    assert _money(bench) == (0, 0, 60)


def test_a_resumed_wallet_takes_the_next_transfer(bench: Workbench) -> None:
    """T7: a failed transfer leaves nothing behind that hinders the next."""
    bench.do(SuspendWallet(wallet_id=B, reason_code="fraud"))
    _driver(bench).finish()
    bench.do(ActivateWallet(wallet_id=B))
    sent = request(transfer(A, B, 100, name="second"))
    assert isinstance(_run(_saga(bench), sent), Committed)
    assert _money(bench) == (0, 0, 100)
