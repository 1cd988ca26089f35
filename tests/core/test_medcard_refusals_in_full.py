"""What a card's refusals say, and its bounds to the last month (D2, D5, D7, D8)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from healthpay_core import (
    MAX_AMOUNT,
    ActivateMedCard,
    CancelMedCard,
    Command,
    Err,
    IssueMedCard,
    MedCardIssued,
    SuspendMedCard,
    wallet_stream,
)
from healthpay_core.domain import validate
from healthpay_core.medcard.commands import ExpireMedCard, RecordIssue
from healthpay_core.medcard.decide import category_refusal
from healthpay_core.medcard.events import CardControls, CardLimits
from healthpay_core.medcard.limits import card_limits_after
from healthpay_core.refusals import (
    CardLimitExceeded,
    InvalidStateTransition,
    MedCardAlreadyExists,
    MerchantCategoryNotAllowed,
    Problem,
    ValidationFailed,
    WalletNotFound,
)
from healthpay_core.testing import (
    Workbench,
    after,
    card_id,
    context,
    given,
    issue,
    issued,
    opened,
    wallet_id,
)
from healthpay_core.wallet.state import ActiveWallet

A, CARD = wallet_id("a"), card_id("c")
ISSUE = issue(CARD, A)
BOTH = CardControls(allowed_categories=("doctors",), blocked_categories=("dentists",))


@pytest.mark.parametrize(
    ("order", "pointer", "text"),
    [
        (replace(ISSUE, last4="12345"), "/last4", "must be four digits"),
        (replace(ISSUE, last4="12a4"), "/last4", "must be four digits"),
        (replace(ISSUE, exp_month=0), "/expMonth", "must be 1 to 12"),
        (replace(ISSUE, exp_month=13), "/expMonth", "must be 1 to 12"),
        (replace(ISSUE, exp_year=1999), "/expYear", "must be 2000 to 2099"),
        (replace(ISSUE, exp_year=2100), "/expYear", "must be 2000 to 2099"),
        (
            replace(ISSUE, controls=BOTH),
            "/controls",
            "must not hold both allowedCategories and blockedCategories",
        ),
        (
            replace(ISSUE, controls=CardControls(limits=CardLimits(daily=-1))),
            "/controls/limits",
            f"must be 0 to {MAX_AMOUNT}",
        ),
    ],
)
def test_a_faulty_card_is_told_where_and_why(
    order: IssueMedCard, pointer: str, text: str
) -> None:
    """D2, D7, E7: in either form of the order."""
    fault = ValidationFailed(errors=(Problem(pointer, text),))
    assert validate(order) == fault
    assert validate(RecordIssue(card_id=CARD, order=order)) == fault


@pytest.mark.parametrize(
    ("month", "year"), [(1, 2000), (12, 2099), (1, 2099), (12, 2000)]
)
def test_the_first_and_the_last_month_may_be_printed(month: int, year: int) -> None:
    """D2: whether it is over is another question (D5)."""
    assert validate(replace(ISSUE, exp_month=month, exp_year=year)) is None


def test_a_card_is_issued_once_in_steps_too() -> None:
    """D1, T6: the same fact as in the atomic form, and the id is taken then."""
    record = RecordIssue(card_id=CARD, order=ISSUE)
    facts = after(*opened(A), ISSUE)
    fact = facts[-1][1]
    assert isinstance(fact, MedCardIssued)
    given().when(record).then(fact)
    for order in (record, ISSUE):
        assert given(*facts).when(order).decision == Err(
            MedCardAlreadyExists(card_id=CARD)
        )
    assert given().when(ISSUE).decision == Err(WalletNotFound(wallet_id=A))


@pytest.mark.parametrize(
    ("order", "status", "requested"),
    [
        (ActivateMedCard(card_id=CARD, method="app"), "active", "activate"),
        (SuspendMedCard(card_id=CARD, reason_code="lost"), "issued", "suspend"),
        (CancelMedCard(card_id=CARD, reason="lost"), "cancelled", "cancel"),
        (ExpireMedCard(card_id=CARD), "cancelled", "expire"),
        (
            ExpireMedCard(card_id=CARD),
            "active",
            "expire before the end of its month",
        ),
    ],
)
def test_a_step_that_cannot_be_says_where_the_card_is(
    order: Command, status: str, requested: str
) -> None:
    """D3, D5: the refusal names the status and what was asked."""
    facts: dict[str, tuple[Command, ...]] = {
        "issued": (*opened(A), ISSUE),
        "active": (*opened(A), *issued(CARD, A)),
        "cancelled": (*opened(A), ISSUE, CancelMedCard(card_id=CARD, reason="lost")),
    }
    assert given(*after(*facts[status])).when(order).decision == Err(
        InvalidStateTransition(current_status=status, requested=requested)
    )


def test_only_what_is_allowed_is_allowed() -> None:
    """D7: a list of what may be is all that may be."""
    controls = CardControls(allowed_categories=("doctors",))
    assert category_refusal(controls, "doctors") is None
    assert category_refusal(controls, "dentists") == MerchantCategoryNotAllowed(
        merchant_category="dentists"
    )


LIMITS = ("per_authorization", "daily", "weekly", "monthly", "yearly", "all_time")


@pytest.mark.parametrize("name", LIMITS)
def test_a_limit_that_is_passed_says_which_and_until_when(name: str) -> None:
    """D8, E9: name, amounts, and when there is room again."""
    today = context().business_day
    ends = {
        "daily": today.ends_at,
        "weekly": today.week_ends_at,
        "monthly": today.month_ends_at,
        "yearly": today.year_ends_at,
    }
    bench = Workbench()
    bench.do(*opened(A))
    payer, _ = bench.handler.states.get(wallet_stream(A))
    assert isinstance(payer, ActiveWallet)
    decision = card_limits_after(payer, CARD, CardLimits(**{name: 4}), 5, today)
    assert decision == Err(
        CardLimitExceeded(
            limit_name=name,
            limit_amount=4,
            used_amount=0,
            requested_amount=5,
            resets_at=ends.get(name),
        )
    )
