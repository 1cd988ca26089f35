"""What the steps of a closing decide: the facts of each, or its refusal (W7)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from healthpay_core import (
    CloseWallet,
    Code,
    Command,
    LimitPolicy,
    Limits,
    PolicyRef,
    ReleaseHold,
    SuspendWallet,
    WalletClosed,
    WalletDebited,
    WalletHoldPlaced,
    derive_id,
)
from healthpay_core.policy import NO_LIMITS
from healthpay_core.testing import (
    NOW,
    create,
    deposit,
    funded,
    given,
    hold,
    opened,
    wallet_id,
)
from healthpay_core.testing import after as facts_of
from healthpay_core.transfer.sweep_saga import sweep_id
from healthpay_core.wallet.commands import BeginSweep, EndSweep, ReceiveTransfer
from healthpay_core.wallet.events import LimitUsage, Related
from healthpay_core.wallet.sweep import sweep_hold_id

A, B = wallet_id("a"), wallet_id("b")
TODAY = "2026-03-02"
T, HOLD = sweep_id("order"), sweep_hold_id(A)
BEGIN = BeginSweep(wallet_id=A, transfer_id=T, reason_code="moved")
END = EndSweep(wallet_id=A, transfer_id=T, sweep_to=B, reason_code="moved")
LASTS_US: Final = 30 * 86_400_000_000
"""Thirty days: what is set aside outlives any transfer."""

PLACED = WalletHoldPlaced(
    hold_id=HOLD,
    amount=30,
    currency="EGP",
    purpose="transfer",
    expires_at=NOW + LASTS_US,
    balance_after=30,
    held_after=30,
    limit_usage=LimitUsage(date=TODAY, day=30, month=30, day_count=1, month_count=1),
    limit_policy=NO_LIMITS.ref,
    related=Related(transfer_id=T),
)
BOOKED = WalletDebited(
    amount=30,
    currency="EGP",
    reason="transfer_out",
    balance_after=0,
    held_after=0,
    counter_account=f"wallet:{B}",
    related=Related(transfer_id=T),
    hold_id=HOLD,
)
CLOSED = WalletClosed(reason_code="moved", final_balance=0, swept_to=B)
SUSPEND = SuspendWallet(wallet_id=A, reason_code="fraud")


def test_what_belongs_to_a_closing_follows_from_its_order() -> None:
    """T6: the ids that are stored, which no other version may make otherwise."""
    assert sweep_hold_id(A) == derive_id(f"{A}/sweep/hold")
    assert sweep_id("c") == derive_id("c/sweep")


def test_all_is_set_aside_as_an_outflow() -> None:
    """W7, K3: the hold is of the whole balance, counts, and outlives the transfer."""
    given(*facts_of(*funded(A, 30))).when(BEGIN).then(PLACED)


@pytest.mark.parametrize(
    "before",
    [(create(A),), opened(A), (*opened(A), SUSPEND)],
    ids=["pending", "active", "suspended"],
)
def test_a_wallet_with_nothing_in_it_closes_at_once(
    before: tuple[Command, ...],
) -> None:
    """W1, W6: nothing is moved, so that nobody received it."""
    history = given(*facts_of(*before))
    history.when(BEGIN).then(replace(CLOSED, swept_to=None))
    why = replace(BEGIN, reason_code=None)
    history.when(why).then(WalletClosed(reason_code="closed", final_balance=0))


def test_what_may_not_go_out_is_not_set_aside() -> None:
    """W5, W6, W8, K3: refused as any outflow, and with the source as party."""
    full = funded(A, 30)
    given(*facts_of(*full, hold(A, "h", 4))).when(BEGIN).refused(
        Code.WALLET_HAS_OPEN_HOLDS, held_amount=4, currency="EGP"
    )
    given(*facts_of(*full, SUSPEND)).when(BEGIN).refused(
        Code.WALLET_NOT_ACTIVE, current_status="suspended", party="source"
    )
    gone = facts_of(*opened(A), CloseWallet(wallet_id=A))
    given(*gone).when(BEGIN).refused(Code.WALLET_CLOSED, party="source")
    policy = LimitPolicy(
        ref=PolicyRef(id="low", version=1),
        rows={("personal", "full", "EGP"): Limits(per_day=29)},
    )
    facts = facts_of(*full, policy=policy)
    given(*facts).when(BEGIN, policy=policy).refused(
        Code.LIMIT_EXCEEDED, party="source", requested_amount=30
    )


@pytest.mark.parametrize("suspended", [False, True])
def test_what_was_set_aside_is_booked_and_the_wallet_closed(suspended: bool) -> None:
    """W5, W7: in one append, whose facts say where the money went."""
    facts = facts_of(*funded(A, 30), BEGIN, *((SUSPEND,) if suspended else ()))
    given(*facts).when(END).then(BOOKED, CLOSED)
    why = given(*facts).when(replace(END, reason_code=None)).events[1]
    assert why == replace(CLOSED, reason_code="closed")


@pytest.mark.parametrize(
    "before",
    [(create(A),), funded(A, 30), (*opened(A), CloseWallet(wallet_id=A))],
    ids=["pending", "active", "closed"],
)
def test_without_what_was_set_aside_nothing_is_booked(
    before: tuple[Command, ...],
) -> None:
    """W7: and the hold that is missing is named."""
    given(*facts_of(*before)).when(END).refused(
        Code.PAYMENT_NOT_AUTHORIZED, hold_id=HOLD
    )


def test_no_money_comes_in_meanwhile() -> None:
    """W7: whatever brings it; once the hold is gone it is taken again."""
    facts = facts_of(*funded(A, 30), BEGIN)
    came = ReceiveTransfer(
        wallet_id=A,
        transfer_id="t",
        source_wallet_id=B,
        amount=1,
        currency="EGP",
        not_after=NOW + 1,
    )
    released = given(*facts).when(
        ReleaseHold(wallet_id=A, hold_id=HOLD, reason="failed")
    )
    other = facts_of(*funded(A, 30), hold(A, "h", 4))
    for brought in (came, deposit(A, 1)):
        given(*facts).when(brought).refused(
            Code.INVALID_STATE_TRANSITION,
            current_status="active",
            requested="money for a wallet that is being closed",
        )
        assert given(*facts, *released.facts).when(brought).events
        assert given(*other).when(brought).events
