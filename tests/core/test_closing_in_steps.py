"""Closing a wallet in steps: what each step is ordered to do, and the answer (W7)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from healthpay_core import (
    CloseWallet,
    Code,
    Command,
    CommandRequest,
    Committed,
    Rejected,
    ReleaseHold,
    SuspendWallet,
)
from healthpay_core.domain import primary_stream
from healthpay_core.slips import Finished, Travel, after, first
from healthpay_core.states import load
from healthpay_core.testing import (
    NOW,
    Workbench,
    funded,
    hold,
    request,
    wallet_id,
    withdrawal,
)
from healthpay_core.transfer.commands import (
    BeginTransfer,
    CompleteTransfer,
    FailTransfer,
)
from healthpay_core.transfer.saga import step_id
from healthpay_core.transfer.sweep_saga import sweep_id
from healthpay_core.wallet.commands import BeginSweep, EndSweep, ReceiveTransfer
from healthpay_core.wallet.sweep import sweep_hold_id

A, B = wallet_id("a"), wallet_id("b")
CLOSE = CloseWallet(wallet_id=A, sweep_to=B, reason_code="moved")
ASKED = request(CLOSE, "close")
T, HOLD = sweep_id(ASKED.command_id), sweep_hold_id(A)
BEGIN = BeginSweep(wallet_id=A, transfer_id=T, reason_code="moved")
END = EndSweep(wallet_id=A, transfer_id=T, sweep_to=B, reason_code="moved")


class Journey:
    """A closing on its way, with every order that it makes."""

    def __init__(self, *before: Command, asked: CommandRequest = ASKED) -> None:
        self.bench = Workbench()
        self.bench.do(*funded(A, 30), *funded(B, 5), *before)
        self.sent: list[tuple[str, Command]] = []
        self.going: Travel | Finished = first(asked, time_limit_s=7)

    def go(self, steps: int = 9) -> None:
        """Do so many steps, or what is left."""
        for _ in range(steps):
            if isinstance(self.going, Finished):
                return
            slip, asked = self.going.slip, self.going.request
            self.sent.append((slip.step, asked.command))
            (outcome,) = self.bench.handle(asked)
            assert isinstance(outcome, Committed | Rejected)
            state, _ = load(self.bench.store, primary_stream(asked.command))
            self.going = after(slip, outcome, state)

    def end(self) -> Committed | Rejected:
        """Do what is left; the answer."""
        self.go()
        assert isinstance(self.going, Finished)
        assert isinstance(self.going.outcome, Committed | Rejected)
        return self.going.outcome

    def event_id(self, step: str) -> str:
        """The first event of a step."""
        ids = {
            recorded.envelope.meta.command_id: recorded.envelope.event_id
            for recorded in reversed(self.bench.feed())
        }
        return ids[step_id(ASKED.command_id, step)]


STARTED: Final = (
    ("hold", BEGIN),
    (
        "begin",
        BeginTransfer(
            transfer_id=T,
            source_wallet_id=A,
            destination_wallet_id=B,
            amount=30,
            currency="EGP",
            time_limit_s=7,
        ),
    ),
    (
        "credit",
        ReceiveTransfer(
            wallet_id=B,
            transfer_id=T,
            source_wallet_id=A,
            amount=30,
            currency="EGP",
            not_after=NOW + 7_000_000,
        ),
    ),
)
RELEASE: Final = (
    "release",
    ReleaseHold(wallet_id=A, hold_id=HOLD, reason="failed"),
)


def test_a_closing_orders_these_steps() -> None:
    """W7, T5: each with all that its place needs, and the caller is told the end."""
    journey = Journey()
    outcome = journey.end()
    complete = CompleteTransfer(
        transfer_id=T,
        source_event_id=journey.event_id("close"),
        destination_event_id=journey.event_id("credit"),
    )
    assert journey.sent == [*STARTED, ("close", END), ("complete", complete)]
    assert isinstance(outcome, Committed)
    assert outcome.resource == journey.bench.wallet(A)
    assert outcome.command_id == ASKED.command_id
    assert journey.bench.transfer(T).status == "completed"


def test_an_empty_wallet_is_closed_in_one_step() -> None:
    """W7: and the answer is that of the step."""
    journey = Journey(withdrawal(A, 30))
    outcome = journey.end()
    assert journey.sent == [("hold", BEGIN)]
    assert isinstance(outcome, Committed)
    assert outcome.resource == journey.bench.wallet(A)


def test_a_refused_credit_undoes_the_closing() -> None:
    """W7, T5: the hold first, then the transfer, which says where it ended."""
    journey = Journey(SuspendWallet(wallet_id=B, reason_code="fraud"))
    outcome = journey.end()
    fail = FailTransfer(
        transfer_id=T,
        stage="credit",
        failure_code="WALLET_NOT_ACTIVE",
        hold_released=True,
        party="destination",
    )
    assert journey.sent == [*STARTED, RELEASE, ("fail", fail)]
    assert isinstance(outcome, Rejected)
    assert outcome.error.code is Code.WALLET_NOT_ACTIVE
    assert outcome.command_id == ASKED.command_id


def test_a_credit_that_comes_too_late_is_nobodys_fault() -> None:
    """T7: the transfer timed out, and no party is to blame."""
    journey = Journey()
    journey.go(2)
    journey.bench.clock.advance(seconds=7)
    outcome = journey.end()
    fail = FailTransfer(
        transfer_id=T,
        stage="timeout",
        failure_code="TRANSFER_TIMEOUT",
        hold_released=True,
        party=None,
    )
    assert journey.sent == [*STARTED, RELEASE, ("fail", fail)]
    assert isinstance(outcome, Rejected)
    assert outcome.error.code is Code.TRANSFER_TIMEOUT


def test_a_transfer_that_cannot_begin_gives_the_hold_back() -> None:
    """T5: nothing has begun, so that nothing has to be failed."""
    journey = Journey()
    journey.go(1)
    other = replace(STARTED[1][1], amount=1)
    journey.bench.do(request(other, "somebody else's"))
    outcome = journey.end()
    assert journey.sent == [*STARTED[:2], RELEASE]
    assert isinstance(outcome, Rejected)
    assert outcome.error.code is Code.TRANSFER_ALREADY_EXISTS
    assert journey.bench.wallet(A).held == 0


def test_a_refused_hold_is_the_end() -> None:
    """W6: nothing has been done that could be undone."""
    journey = Journey(hold(A, "h", 1))
    outcome = journey.end()
    assert journey.sent == [("hold", BEGIN)]
    assert isinstance(outcome, Rejected)
    assert outcome.error.code is Code.WALLET_HAS_OPEN_HOLDS


def test_a_transfer_has_a_minute_if_nothing_is_said() -> None:
    """T7: the time limit of a slip that was given none."""
    assert first(ASKED).slip.time_limit_s == 60
