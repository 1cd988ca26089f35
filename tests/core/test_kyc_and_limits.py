"""Levels, policies and windows of outflow (rules K1-K11)."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import pytest

from healthpay_core import (
    EG_2023_11,
    NO_LIMITS,
    CaptureHold,
    ChangeWalletKycLevel,
    Code,
    CreditWallet,
    KycLevel,
    LimitPolicy,
    Limits,
    ManualClock,
    PolicyRef,
    ReleaseHold,
    WalletType,
)
from healthpay_core import policy as policies
from healthpay_core.policy import UNLIMITED
from healthpay_core.testing import (
    Workbench,
    after,
    create,
    deposit,
    funded,
    given,
    hold,
    instant,
    opened,
    transfer,
    wallet_id,
    withdrawal,
)

A, B = wallet_id("a"), wallet_id("b")


def policy(**limits: int) -> LimitPolicy:
    """A policy of these limits for personal wallets of every verified level."""
    levels: tuple[KycLevel, ...] = ("basic", "enhanced", "full")
    row = Limits(**limits)
    return LimitPolicy(
        ref=PolicyRef(id="test", version=7),
        rows={("personal", level, "EGP"): row for level in levels},
    )


def bench_at(text: str, rules: LimitPolicy) -> Workbench:
    """A workbench whose clock stands at an instant."""
    return Workbench(policy=rules, clock=ManualClock(instant(text)))


def test_policies_are_data_named_in_the_events_that_used_them() -> None:
    """K1: id and version of the policy stand in each money event and in creation."""
    bench = Workbench(policy=policy(per_day=100))
    bench.do(*funded(A, 50), withdrawal(A, 5), hold(A, "h", 5))
    bench.do(ChangeWalletKycLevel(wallet_id=A, kyc_level="basic"))
    data = [recorded.envelope.data for recorded in bench.feed()]
    refs = [getattr(event, "limit_policy", None) for event in data]
    ref = PolicyRef(id="test", version=7)
    assert refs == [ref, None, ref, ref, ref, ref]


@pytest.mark.parametrize(
    ("wallet_type", "level", "day", "month", "most"),
    [
        ("personal", "basic", 3_000_000, 10_000_000, 10_000_000),
        ("personal", "enhanced", 6_000_000, 20_000_000, None),
        ("personal", "full", 6_000_000, 20_000_000, None),
        ("business", "basic", 8_000_000, 40_000_000, 10_000_000),
        ("business", "enhanced", 8_000_000, 40_000_000, None),
        ("business", "full", 8_000_000, 40_000_000, None),
        ("merchant", "basic", 8_000_000, 40_000_000, 10_000_000),
        ("merchant", "enhanced", 8_000_000, 40_000_000, None),
        ("merchant", "full", 8_000_000, 40_000_000, None),
    ],
)
def test_the_example_policy_is_that_of_november_2023(
    wallet_type: WalletType, level: KycLevel, day: int, month: int, most: int | None
) -> None:
    """K2: the figures in piastres, per type and level."""
    assert EG_2023_11.ref == PolicyRef(id="EG-2023-11", version=1)
    assert EG_2023_11.limits(wallet_type, level, "EGP") == Limits(
        per_day=day, per_month=month, max_balance=most
    )


def test_what_has_no_row_is_unlimited_but_not_unverified() -> None:
    """K2, K10: other currencies are free; an unverified level may do nothing."""
    assert EG_2023_11.limits("personal", "basic", "USD") is UNLIMITED
    nothing = EG_2023_11.limits("personal", "unverified", "EGP")
    assert (nothing.per_day, nothing.max_balance) == (0, 0)


def test_windows_count_gross_outflow() -> None:
    """K3: money that comes back in does not make room again."""
    bench = Workbench(policy=policy(per_day=100))
    bench.do(*funded(A, 500), withdrawal(A, 60), deposit(A, 60))
    bench.refuse(
        withdrawal(A, 41),
        Code.LIMIT_EXCEEDED,
        limit_name="daily",
        limit_amount=100,
        used_amount=60,
        requested_amount=41,
    )
    bench.do(withdrawal(A, 40))


def test_a_hold_counts_when_it_is_placed() -> None:
    """K3: what is set aside has used the window already."""
    bench = Workbench(policy=policy(per_day=100))
    bench.do(*funded(A, 500), hold(A, "h", 60))
    bench.refuse(withdrawal(A, 41), Code.LIMIT_EXCEEDED, used_amount=60)
    bench.refuse(hold(A, "i", 41), Code.LIMIT_EXCEEDED, used_amount=60)
    bench.do(*opened(B))
    bench.refuse(transfer(A, B, 41), Code.LIMIT_EXCEEDED, used_amount=60)


@pytest.mark.parametrize(
    ("limits", "amounts", "name", "used", "requested"),
    [
        ({"per_transaction": 9}, (9,), "per_transaction", 0, 10),
        ({"per_day": 15}, (9,), "daily", 9, 10),
        ({"per_month": 15}, (9,), "monthly", 9, 10),
        ({"daily_count": 2}, (1, 1), "daily_count", 2, 1),
        ({"monthly_count": 2}, (1, 1), "monthly_count", 2, 1),
        ({"per_transaction": 9, "per_day": 9}, (), "per_transaction", 0, 10),
        ({"per_day": 9, "per_month": 9}, (), "daily", 0, 10),
        ({"per_month": 9, "daily_count": 1}, (1,), "monthly", 1, 10),
    ],
)
def test_each_limit_is_named_with_its_figures(
    limits: dict[str, int],
    amounts: tuple[int, ...],
    name: str,
    used: int,
    requested: int,
) -> None:
    """K3, E9: the first limit that is passed says what was used and asked."""
    bench = bench_at("2026-03-02T10:00:00+02:00", policy(**limits))
    bench.do(*funded(A, 500), *(withdrawal(A, amount) for amount in amounts))
    resets = {
        "per_transaction": None,
        "daily": instant("2026-03-03T00:00:00+02:00"),
        "daily_count": instant("2026-03-03T00:00:00+02:00"),
        "monthly": instant("2026-04-01T00:00:00+02:00"),
        "monthly_count": instant("2026-04-01T00:00:00+02:00"),
    }
    error = bench.refuse(
        withdrawal(A, 10),
        Code.LIMIT_EXCEEDED,
        limit_name=name,
        limit_amount=next(v for k, v in limits.items() if _NAMES[k] == name),
        used_amount=used,
        requested_amount=requested,
    )
    assert dict(error.details()).get("resets_at") == resets[name]


_NAMES: Final = {
    "per_transaction": "per_transaction",
    "per_day": "daily",
    "per_month": "monthly",
    "daily_count": "daily_count",
    "monthly_count": "monthly_count",
}


def test_a_released_hold_makes_room_on_its_own_day() -> None:
    """K4: capacity returns to the day and month that counted the hold."""
    bench = Workbench(policy=policy(per_day=100, per_month=150))
    bench.do(*funded(A, 500), hold(A, "h", 100))
    bench.do(ReleaseHold(wallet_id=A, hold_id="h", reason="voided"))
    bench.do(withdrawal(A, 100))


def test_a_hold_of_yesterday_makes_no_room_today() -> None:
    """K4: a release on day 2 leaves the usage of day 2 alone, and frees the month."""
    bench = bench_at("2026-03-02T10:00:00+02:00", policy(per_day=100, per_month=180))
    bench.do(*funded(A, 500), hold(A, "h", 80))
    bench.clock.advance(days=1)
    bench.do(withdrawal(A, 90))
    bench.do(ReleaseHold(wallet_id=A, hold_id="h", reason="expired"))
    bench.refuse(withdrawal(A, 11), Code.LIMIT_EXCEEDED, limit_name="daily")
    bench.do(withdrawal(A, 10))
    bench.clock.advance(days=1)
    bench.refuse(withdrawal(A, 81), Code.LIMIT_EXCEEDED, used_amount=100)
    bench.do(withdrawal(A, 80))


def test_a_hold_of_last_month_makes_no_room_in_this() -> None:
    """K4: a release after the month's end frees neither day nor month."""
    bench = bench_at("2026-03-31T10:00:00+02:00", policy(per_month=100))
    bench.do(*funded(A, 500), hold(A, "h", 80))
    bench.clock.advance(days=1)
    bench.do(withdrawal(A, 90))
    bench.do(ReleaseHold(wallet_id=A, hold_id="h", reason="expired"))
    bench.refuse(withdrawal(A, 11), Code.LIMIT_EXCEEDED, used_amount=90)


def test_a_capture_uses_no_limit_again() -> None:
    """K5: the hold has counted; capturing it passes though the window is full."""
    bench = Workbench(policy=policy(per_day=100))
    bench.do(*funded(A, 500), hold(A, "h", 100))
    bench.do(
        CaptureHold(
            wallet_id=A,
            hold_id="h",
            amount=60,
            currency="EGP",
            reason="payment",
            counter_account="external:payment",
        )
    )
    bench.refuse(withdrawal(A, 1), Code.LIMIT_EXCEEDED, used_amount=100)
    bench.do(ReleaseHold(wallet_id=A, hold_id="h", reason="captured_remainder"))
    bench.refuse(withdrawal(A, 41), Code.LIMIT_EXCEEDED, used_amount=60)
    bench.do(withdrawal(A, 40))


def test_the_maximum_balance_bounds_what_comes_in() -> None:
    """K6: a credit that would pass it is refused; one up to it is not."""
    bench = Workbench(policy=policy(max_balance=100))
    bench.do(*funded(A, 60))
    bench.refuse(
        deposit(A, 41),
        Code.LIMIT_EXCEEDED,
        limit_name="max_balance",
        limit_amount=100,
        used_amount=60,
        requested_amount=41,
    )
    bench.do(deposit(A, 40))


def test_the_maximum_balance_of_the_payee_bounds_a_transfer() -> None:
    """K6: a transfer is refused for the payee's limit, and says whose it is."""
    bench = Workbench(policy=policy(max_balance=100))
    bench.do(*funded(A, 60), *funded(B, 60))
    bench.refuse(
        transfer(A, B, 41),
        Code.LIMIT_EXCEEDED,
        limit_name="max_balance",
        party="destination",
    )
    bench.do(transfer(A, B, 40))


def test_refunds_are_exempt_from_the_maximum_balance() -> None:
    """K7: a refund may pass it, and gives no outflow back."""
    bench = Workbench(policy=policy(max_balance=100, per_day=50))
    bench.do(*funded(A, 100), withdrawal(A, 50), deposit(A, 50))
    refund = CreditWallet(
        wallet_id=A, amount=50, currency="EGP", reason="refund", reference="r"
    )
    bench.do(refund)
    assert bench.wallet(A).balance == 150
    bench.refuse(withdrawal(A, 1), Code.LIMIT_EXCEEDED, used_amount=50)


def test_a_new_level_holds_from_the_next_command_on() -> None:
    """K9: a change of level rewrites nothing, and new limits hold at once."""
    bench = Workbench(policy=EG_2023_11)
    bench.do(*funded(A, 10_000_000, kyc_level="basic"))
    bench.refuse(withdrawal(A, 3_000_001), Code.LIMIT_EXCEEDED)
    before = list(bench.feed())
    bench.do(ChangeWalletKycLevel(wallet_id=A, kyc_level="full"))
    assert list(bench.feed())[: len(before)] == before
    bench.do(withdrawal(A, 3_000_001))
    assert bench.wallet(A).kyc_level == "full"


def test_a_downgrade_never_makes_a_balance_illegal() -> None:
    """K9: a balance above the new maximum stays, may go down, may not go up."""
    bench = Workbench(policy=EG_2023_11)
    bench.do(*funded(A, 20_000_000))
    bench.do(ChangeWalletKycLevel(wallet_id=A, kyc_level="basic"))
    bench.refuse(deposit(A, 1), Code.LIMIT_EXCEEDED, limit_name="max_balance")
    bench.do(withdrawal(A, 3_000_000))
    assert bench.wallet(A).balance == 17_000_000


def test_the_same_level_again_is_no_step() -> None:
    """K9: a change to the level that is there is refused."""
    given(*after(*opened(A))).when(
        ChangeWalletKycLevel(wallet_id=A, kyc_level="full")
    ).refused(Code.INVALID_STATE_TRANSITION)


def test_an_unverified_level_has_limits_of_zero() -> None:
    """K10: after a downgrade to unverified nothing goes in or out, but refunds."""
    bench = Workbench(policy=NO_LIMITS)
    bench.do(*funded(A, 100), *funded(B, 100))
    bench.do(ChangeWalletKycLevel(wallet_id=A, kyc_level="unverified"))
    for command in (withdrawal(A, 1), deposit(A, 1), hold(A, "h", 1)):
        bench.refuse(command, Code.KYC_LEVEL_INSUFFICIENT, kyc_level="unverified")
    bench.refuse(transfer(A, B, 1), Code.KYC_LEVEL_INSUFFICIENT, party="source")
    bench.refuse(transfer(B, A, 1), Code.KYC_LEVEL_INSUFFICIENT, party="destination")


def test_any_limit_of_zero_is_a_level_too_low() -> None:
    """K10, E2: eligibility comes before limits, whichever limit is the zero."""
    names = list(_NAMES)
    for name, other in pairwise([*names, names[0]]):
        limits = {name: 0, other: 5}
        bench = Workbench(policy=policy(**limits))
        bench.do(*funded(A, 100))
        bench.refuse(withdrawal(A, 10), Code.KYC_LEVEL_INSUFFICIENT)


def test_eligibility_of_the_payee_comes_before_limits_of_the_payer() -> None:
    """E2: over both wallets of a transfer, the level is looked at first."""
    bench = Workbench(policy=policy(per_day=5))
    bench.do(*funded(A, 100), *opened(B))
    bench.do(ChangeWalletKycLevel(wallet_id=B, kyc_level="unverified"))
    bench.refuse(transfer(A, B, 10), Code.KYC_LEVEL_INSUFFICIENT, party="destination")


def test_limits_and_funds_are_consumed_together_or_not_at_all() -> None:
    """K11: a debit refused for funds uses no limit, one refused for limits no funds."""
    bench = Workbench(policy=policy(per_day=100))
    bench.do(*funded(A, 90))
    bench.refuse(withdrawal(A, 95), Code.INSUFFICIENT_FUNDS)
    bench.refuse(withdrawal(A, 101), Code.LIMIT_EXCEEDED, used_amount=0)
    bench.do(withdrawal(A, 90), deposit(A, 10), withdrawal(A, 10))
    bench.do(deposit(A, 1))
    bench.refuse(withdrawal(A, 1), Code.LIMIT_EXCEEDED, used_amount=100)


def test_limits_come_before_funds() -> None:
    """E2: when both refuse, the limit is what is said."""
    facts = after(*funded(A, 10))
    given(*facts).when(withdrawal(A, 200), policy=policy(per_day=100)).refused(
        Code.LIMIT_EXCEEDED
    )
    given(*after(create(A))).when(withdrawal(A, 200)).refused(Code.WALLET_NOT_ACTIVE)


def test_the_example_policy_is_what_its_rows_say() -> None:
    """K2: built anew it is the same, row by row, and has no others."""
    rows = policies._eg_2023_11()
    assert rows == EG_2023_11.rows
    assert sorted(rows) == sorted(
        (kind, level, "EGP")
        for kind in ("personal", "business", "merchant")
        for level in ("basic", "enhanced", "full")
    )
