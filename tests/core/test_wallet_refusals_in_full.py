"""What a wallet's refusals say, word by word: programs act on it (E6, E9)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from healthpay_core import (
    ActivateWallet,
    ChangeWalletKycLevel,
    CloseWallet,
    Command,
    CreditWallet,
    Err,
    LimitPolicy,
    PolicyRef,
    Refusal,
    SuspendWallet,
)
from healthpay_core.refusals import (
    CurrencyMismatch,
    InvalidStateTransition,
    ValidationFailed,
    WalletNotActive,
    WalletNotFound,
)
from healthpay_core.testing import (
    after,
    create,
    deposit,
    funded,
    given,
    hold,
    opened,
    transfer_id,
    wallet_id,
    withdrawal,
)
from healthpay_core.wallet.commands import (
    BeginSweep,
    PlaceHold,
    SettleCredit,
    SettleDebit,
)

A, B = wallet_id("a"), wallet_id("b")
UNIQUE = LimitPolicy(ref=PolicyRef(id="p", version=1), unique_references=True)
SETTLE = SettleCredit(
    wallet_id=A,
    amount=5,
    currency="EGP",
    reason="adjustment",
    counter_account="external:payment",
    party="merchant",
)
TAKE = SettleDebit(
    wallet_id=A,
    amount=5,
    currency="EGP",
    reason="adjustment",
    counter_account="external:payment",
    party="merchant",
)
SET_ASIDE = PlaceHold(
    wallet_id=A,
    hold_id="h",
    amount=5,
    currency="EGP",
    purpose="refund",
    expires_at=77,
    party="merchant",
)


@pytest.mark.parametrize(
    ("order", "pointer", "text"),
    [
        (CloseWallet(wallet_id=A, sweep_to=A), "/sweepTo", "must be another wallet"),
        (replace(SETTLE, fee=6), "/fee", "must not be more than the amount"),
        (
            CreditWallet(wallet_id=A, amount=1, currency="EGP", reason="refund"),
            "/reference",
            "is required when the reason is refund",
        ),
    ],
)
def test_a_faulty_order_is_told_where_and_why(
    order: Command, pointer: str, text: str
) -> None:
    """E7: the pointer names the member at fault, the text what it must be."""
    refusal = given(*after(*funded(A, 9))).when(order).decision
    assert refusal == Err(ValidationFailed.at(pointer, text))


@pytest.mark.parametrize("order", [withdrawal(A, 1), hold(A, "h", 1), SETTLE])
def test_a_wallet_that_is_not_there_is_named(order: Command) -> None:
    """E2: whoever asks for a wallet that is not there is told which one."""
    assert given().when(order).decision == Err(WalletNotFound(wallet_id=A))


@pytest.mark.parametrize(
    ("facts", "order", "status", "requested"),
    [
        (opened(A), ActivateWallet(wallet_id=A), "active", "activate"),
        (
            (create(A),),
            SuspendWallet(wallet_id=A, reason_code="fraud"),
            "pending",
            "suspend",
        ),
        (
            opened(A, kyc_level="basic"),
            ChangeWalletKycLevel(wallet_id=A, kyc_level="basic"),
            "active",
            "a change to the same level, basic,",
        ),
    ],
)
def test_a_step_that_cannot_be_says_where_the_wallet_is(
    facts: tuple[Command, ...], order: Command, status: str, requested: str
) -> None:
    """W4: the refusal names the status and what was asked."""
    refusal = InvalidStateTransition(current_status=status, requested=requested)
    assert given(*after(*facts)).when(order).decision == Err(refusal)


def test_no_reference_is_never_a_duplicate() -> None:
    """C7: a movement without a reference collides with none, whatever it spells."""
    facts = after(*opened(A), deposit(A, 5, reference="None"), policy=UNIQUE)
    assert given(*facts).when(deposit(A, 5), policy=UNIQUE).events


def test_a_policy_may_stop_asking_for_references_of_their_own() -> None:
    """C7: where the policy does not say so, a reference comes again."""
    facts = after(*opened(A), deposit(A, 5, reference="r"), policy=UNIQUE)
    assert given(*facts).when(deposit(A, 5, reference="r")).events


@pytest.mark.parametrize("order", [SETTLE, TAKE, SET_ASIDE])
@pytest.mark.parametrize(
    ("facts", "refusal"),
    [
        (
            (create(A),),
            WalletNotActive(current_status="pending", party="merchant"),
        ),
        (
            opened(A, currency="SAR"),
            CurrencyMismatch(
                expected_currency="SAR", requested_currency="EGP", party="merchant"
            ),
        ),
    ],
    ids=["pending", "currency"],
)
def test_what_is_owed_and_cannot_be_settled_names_the_party(
    order: Command, facts: tuple[Command, ...], refusal: Refusal
) -> None:
    """W5, T3: a pending wallet, or one of another currency, settles nothing."""
    assert given(*after(*facts)).when(order).decision == Err(refusal)


def test_nothing_is_settled_into_a_wallet_that_is_being_closed() -> None:
    """W7: while the rest is swept out, money that is owed does not come in."""
    sweep = BeginSweep(wallet_id=A, transfer_id=transfer_id("t"))
    refusal = InvalidStateTransition(
        current_status="active", requested="money for a wallet that is being closed"
    )
    verdict = given(*after(*funded(A, 9), sweep)).when(SETTLE)
    assert verdict.decision == Err(refusal)


def test_a_second_hold_for_a_refund_says_what_it_is() -> None:
    """P14: a hold is placed once, whatever it is for."""
    facts = after(*funded(A, 10), SET_ASIDE)
    assert given(*facts).when(SET_ASIDE).decision == Err(
        InvalidStateTransition(
            current_status="active", requested="a second hold of the same id"
        )
    )
