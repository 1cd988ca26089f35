"""Both forms of a transfer refuse in the same words (T2, T3, K6, K9, M4, M5, E9)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from healthpay_core import (
    MAX_AMOUNT,
    CloseWallet,
    Code,
    Command,
    LimitPolicy,
    Limits,
    Outcome,
    PolicyRef,
    Rejected,
    SuspendWallet,
    TransferFunds,
    TransferSaga,
)
from healthpay_core.refusals import (
    AmountOverflow,
    CurrencyMismatch,
    DestinationWalletNotFound,
    InsufficientFunds,
    InvalidAmount,
    LimitExceeded,
    NotDone,
    SelfTransferNotAllowed,
    SourceWalletNotFound,
    TransferAlreadyExists,
    UnsupportedCurrency,
    WalletClosed,
    WalletNotActive,
)
from healthpay_core.testing import (
    Workbench,
    after,
    create,
    deposit,
    funded,
    given,
    opened,
    request,
    transfer,
    transfer_id,
    wallet_id,
    withdrawal,
)

A, B, NOBODY = (wallet_id(n) for n in ("a", "b", "nobody"))
BOTH = (*funded(A, 100), *opened(B))
POLICY = LimitPolicy(
    ref=PolicyRef(id="tight", version=1),
    rows={
        ("personal", "full", "EGP"): Limits(per_transaction=90, max_balance=100),
        ("business", "full", "EGP"): Limits(max_balance=70),
    },
)


def suspended(wallet: str) -> Command:
    """The order to suspend a wallet."""
    return SuspendWallet(wallet_id=wallet, reason_code="fraud")


Case = tuple[tuple[Command, ...], TransferFunds, NotDone]
CASES: dict[str, Case] = {
    "itself": ((), transfer(A, A, 1), SelfTransferNotAllowed()),
    "nothing": (BOTH, transfer(A, B, 0), InvalidAmount(requested_amount=0)),
    "too much": (
        BOTH,
        transfer(A, B, MAX_AMOUNT + 1),
        AmountOverflow(max_amount=MAX_AMOUNT),
    ),
    "no such currency": (
        BOTH,
        transfer(A, B, 1, currency="XXX"),
        UnsupportedCurrency(currency="XXX"),
    ),
    "taken": (
        (*BOTH, transfer(A, B, 1, name="t")),
        transfer(A, B, 2, name="t"),
        TransferAlreadyExists(transfer_id=transfer_id("t")),
    ),
    "no source": (
        BOTH,
        transfer(NOBODY, B, 1),
        SourceWalletNotFound(wallet_id=NOBODY),
    ),
    "no destination": (
        BOTH,
        transfer(A, NOBODY, 1),
        DestinationWalletNotFound(wallet_id=NOBODY),
    ),
    "pending source": (
        (*BOTH, create(NOBODY)),
        transfer(NOBODY, B, 1),
        WalletNotActive(current_status="pending", party="source"),
    ),
    "suspended source": (
        (*BOTH, suspended(A)),
        transfer(A, B, 1),
        WalletNotActive(current_status="suspended", party="source"),
    ),
    "suspended destination": (
        (*BOTH, suspended(B)),
        transfer(A, B, 1),
        WalletNotActive(current_status="suspended", party="destination"),
    ),
    "closed source": (
        (*BOTH, CloseWallet(wallet_id=B)),
        transfer(B, A, 1),
        WalletClosed(party="source"),
    ),
    "closed destination": (
        (*BOTH, CloseWallet(wallet_id=B)),
        transfer(A, B, 1),
        WalletClosed(party="destination"),
    ),
    "source's currency": (
        (*BOTH, *opened(NOBODY, currency="SAR")),
        transfer(NOBODY, B, 1),
        CurrencyMismatch(
            expected_currency="SAR", requested_currency="EGP", party="source"
        ),
    ),
    "destination's currency": (
        (*BOTH, *opened(NOBODY, currency="SAR")),
        transfer(A, NOBODY, 1),
        CurrencyMismatch(
            expected_currency="SAR", requested_currency="EGP", party="destination"
        ),
    ),
    "funds": (
        (*BOTH, withdrawal(A, 60)),
        transfer(A, B, 41),
        InsufficientFunds(requested_amount=41, available_amount=40, currency="EGP"),
    ),
    "source's limit": (
        BOTH,
        transfer(A, B, 91),
        LimitExceeded(
            limit_name="per_transaction",
            limit_amount=90,
            used_amount=0,
            requested_amount=91,
            party="source",
        ),
    ),
    "destination's limit": (
        (*BOTH, *opened(NOBODY, wallet_type="business"), deposit(NOBODY, 20)),
        transfer(A, NOBODY, 51),
        LimitExceeded(
            limit_name="max_balance",
            limit_amount=70,
            used_amount=20,
            requested_amount=51,
            party="destination",
        ),
    ),
}


def _atomic(bench: Workbench, order: TransferFunds) -> Outcome:
    return bench.handle(order)[0]


def _in_steps(bench: Workbench, order: TransferFunds) -> Outcome:
    saga = TransferSaga(bench.handler.handle, bench.store)
    return saga.run(request(order), order)


@pytest.mark.parametrize("run", [_atomic, _in_steps], ids=["atomic", "in steps"])
@pytest.mark.parametrize("name", CASES)
def test_a_refusal_says_it_in_full(name: str, run: object) -> None:
    """E9, T3: what, whose, how much; nothing has moved and nothing stays held."""
    facts, order, refusal = CASES[name]
    bench = Workbench(policy=POLICY)
    if facts:
        bench.do(*facts)
    before = bench.wallet(A).balance if facts else 0
    assert callable(run)
    outcome = run(bench, order)
    assert isinstance(outcome, Rejected)
    assert outcome.error == refusal
    if facts:
        assert (bench.wallet(A).balance, bench.wallet(A).held) == (before, 0)


def test_a_reference_is_taken_at_the_source_too() -> None:
    """C7: a second transfer out under the same reference is refused, to whomever."""
    rules = LimitPolicy(ref=PolicyRef(id="p", version=1), unique_references=True)
    other = wallet_id("other")
    first = transfer(A, B, 1, name="first", reference="r")
    facts = after(*funded(A, 9), *opened(B), *opened(other), first, policy=rules)
    second = transfer(A, other, 1, name="second", reference="r")
    given(*facts).when(second, policy=rules).refused(
        Code.DUPLICATE_REFERENCE, reference="r"
    )
    third = replace(second, reference="s")
    assert given(*facts).when(third, policy=rules).events


def test_the_limit_of_the_source_is_told_before_that_of_the_payee() -> None:
    """E2, K11: where both are passed, the refusal is the source's."""
    row = Limits(per_transaction=10, max_balance=30)
    rules = LimitPolicy(
        ref=PolicyRef(id="p", version=1), rows={("personal", "full", "EGP"): row}
    )
    facts = after(*funded(A, 30), *funded(B, 25))
    given(*facts).when(transfer(A, B, 11), policy=rules).refused(
        Code.LIMIT_EXCEEDED, limit_name="per_transaction", party="source"
    )
    given(*facts).when(transfer(A, B, 10), policy=rules).refused(
        Code.LIMIT_EXCEEDED, limit_name="max_balance", party="destination"
    )
