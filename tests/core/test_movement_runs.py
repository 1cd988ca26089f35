"""A run of movements is added up to what each of its facts means alone (A1, C5)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from healthpay_core import (
    Event,
    LimitPolicy,
    PolicyRef,
    State,
    WalletCredited,
    WalletDebited,
    WalletHoldPlaced,
    WalletSuspended,
    evolve,
    wallet_stream,
)
from healthpay_core.testing import (
    after,
    deposit,
    funded,
    given,
    hold,
    wallet_id,
    withdrawal,
)
from healthpay_core.wallet.fold import fold_movements
from healthpay_core.wallet.state import ActiveWallet

A = wallet_id("a")
POLICY: Final = LimitPolicy(ref=PolicyRef(id="p", version=1), unique_references=True)
START: Final = (*funded(A, 10), hold(A, "h", 4))
RUN: Final = (
    deposit(A, 1, reference="r"),
    withdrawal(A, 2, reference="s"),
    withdrawal(A, 5),
    deposit(A, 1),
)
FACTS: Final = [event for _, event in after(*START, *RUN, policy=POLICY)]
MOVES: Final = FACTS[-4:]
VERSION: Final = len(FACTS) - 4


def _state() -> ActiveWallet:
    state = given(*after(*START, policy=POLICY)).states()[wallet_stream(A)]
    assert isinstance(state, ActiveWallet)
    return state


def _credit() -> WalletCredited:
    assert isinstance(MOVES[0], WalletCredited)
    return MOVES[0]


def _debit() -> WalletDebited:
    return WalletDebited(
        amount=2,
        currency="EGP",
        reason="withdrawal",
        balance_after=8,
        held_after=4,
        counter_account="external:withdrawal",
    )


@pytest.mark.parametrize("length", range(5))
def test_a_run_means_what_its_facts_mean(length: int) -> None:
    """A1: down to the last piastre that is free, with its usage and references."""
    facts = list(enumerate(MOVES[:length], VERSION + 1))
    folded, version, left = fold_movements(_state(), VERSION, iter(facts))
    expected: State = _state()
    for event in MOVES[:length]:
        expected = evolve(expected, event)
    assert (folded, version, left) == (expected, VERSION + length, None)
    if length > 1:
        assert folded.references == {"deposit:r", "withdrawal:s"}
        assert folded.usage.day > _state().usage.day


def test_a_reference_that_was_not_claimed_stays_free() -> None:
    """C7: only what the policy of its time claimed is taken."""
    plain = replace(_credit(), reference_claimed=None)
    nameless = replace(_credit(), reference=None)
    for event in (plain, nameless):
        folded, _, left = fold_movements(_state(), 4, iter([(5, event)]))
        assert (folded.references, left) == (frozenset(), None)
        assert folded == evolve(_state(), event)


def test_what_no_limit_counted_leaves_the_usage() -> None:
    """K7: a debit without usage keeps what was counted before."""
    folded, _, left = fold_movements(_state(), 4, iter([(5, _debit())]))
    assert left is None
    assert folded == replace(_state(), balance=8)


STRANGE: Final[dict[str, tuple[int, Event]]] = {
    "a gap": (6, _credit()),
    "again": (4, _credit()),
    "nothing": (5, replace(_credit(), amount=0, balance_after=10)),
    "less than nothing": (5, replace(_credit(), amount=-1, balance_after=9)),
    "other money": (5, replace(_credit(), currency="USD")),
    "other balance": (5, replace(_credit(), balance_after=12)),
    "other held": (5, replace(_credit(), held_after=3)),
    "more than is free": (5, replace(_debit(), amount=7, balance_after=3)),
    "a debit's balance": (5, replace(_debit(), balance_after=7)),
    "out of a hold": (5, replace(_debit(), hold_id="h", held_after=2)),
    "a hold": (5, next(e for e in FACTS if isinstance(e, WalletHoldPlaced))),
    "a step": (5, WalletSuspended(reason_code="fraud")),
}


@pytest.mark.parametrize("fact", STRANGE.values(), ids=STRANGE.keys())
def test_what_cannot_follow_is_handed_back(fact: tuple[int, Event]) -> None:
    """C5, V1: it is left to `evolve` to judge, with all after it untouched."""
    facts = iter([fact, (9, _credit())])
    assert fold_movements(_state(), 4, facts) == (_state(), 4, fact)
    assert next(facts) == (9, _credit())


def test_a_run_ends_where_something_else_begins() -> None:
    """A1: what came before is folded, what stopped it is handed back."""
    facts = [(5, _credit()), (6, STRANGE["a hold"][1]), (7, _credit())]
    folded, version, left = fold_movements(_state(), 4, iter(facts))
    assert (folded, version, left) == (evolve(_state(), _credit()), 5, facts[1])
