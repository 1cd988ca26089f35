"""Windows of outflow turn with the days and months of Cairo (K3, K8)."""

from __future__ import annotations

import pytest

from healthpay_core import (
    Code,
    KycLevel,
    LimitPolicy,
    Limits,
    ManualClock,
    PolicyRef,
)
from healthpay_core.testing import (
    Workbench,
    funded,
    instant,
    wallet_id,
    withdrawal,
)

A = wallet_id("a")


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


@pytest.mark.parametrize(
    ("before", "after_midnight"),
    [
        ("2026-01-15T23:59:59+02:00", "2026-01-16T00:00:00+02:00"),
        ("2026-07-15T23:59:59+03:00", "2026-07-16T00:00:00+03:00"),
        # Clocks go forward at midnight: the day begins at 01:00.
        ("2026-04-23T23:59:59+02:00", "2026-04-24T01:00:00+03:00"),
        # Clocks go back at midnight: 23:00 to 24:00 comes twice, on one day.
        ("2026-10-29T23:59:59+02:00", "2026-10-30T00:00:00+02:00"),
    ],
)
def test_the_day_turns_at_midnight_in_cairo(before: str, after_midnight: str) -> None:
    """K8: the daily window opens at the first instant of the business date."""
    bench = bench_at(before, policy(per_day=100))
    bench.do(*funded(A, 500), withdrawal(A, 100))
    error = bench.refuse(withdrawal(A, 1), Code.LIMIT_EXCEEDED)
    assert dict(error.details())["resets_at"] == instant(after_midnight)
    bench.clock.instant = instant(after_midnight) - 1
    bench.refuse(withdrawal(A, 1), Code.LIMIT_EXCEEDED)
    bench.clock.instant = instant(after_midnight)
    bench.do(withdrawal(A, 100))


def test_the_hour_that_comes_twice_is_one_day() -> None:
    """K8: on the night when clocks go back, both 23:30s are in the same window."""
    bench = bench_at("2026-10-29T23:30:00+03:00", policy(per_day=100))
    bench.do(*funded(A, 500), withdrawal(A, 100))
    bench.clock.instant = instant("2026-10-29T23:30:00+02:00")
    bench.refuse(withdrawal(A, 1), Code.LIMIT_EXCEEDED)


@pytest.mark.parametrize(
    ("last", "first"),
    [
        ("2026-01-31T23:59:59+02:00", "2026-02-01T00:00:00+02:00"),
        ("2028-02-29T23:59:59+02:00", "2028-03-01T00:00:00+02:00"),
        ("2026-12-31T23:59:59+02:00", "2027-01-01T00:00:00+02:00"),
    ],
)
def test_the_month_turns_with_its_last_day(last: str, first: str) -> None:
    """K8: the monthly window opens at the first instant of the first of the month."""
    bench = bench_at(last, policy(per_month=100))
    bench.do(*funded(A, 500), withdrawal(A, 100))
    error = bench.refuse(withdrawal(A, 1), Code.LIMIT_EXCEEDED, limit_name="monthly")
    assert dict(error.details())["resets_at"] == instant(first)
    bench.clock.instant = instant(first)
    bench.do(withdrawal(A, 100))


def test_a_new_day_keeps_the_month() -> None:
    """K3: the monthly window goes on counting over its days."""
    bench = bench_at("2026-03-02T10:00:00+02:00", policy(per_day=60, per_month=100))
    bench.do(*funded(A, 500), withdrawal(A, 60))
    bench.clock.advance(days=1)
    bench.refuse(withdrawal(A, 41), Code.LIMIT_EXCEEDED, limit_name="monthly")
    bench.do(withdrawal(A, 40))


def test_a_clock_set_back_opens_no_window_twice() -> None:
    """K8: usage is never counted on a date before the last one."""
    bench = bench_at("2026-03-02T10:00:00+02:00", policy(per_day=100))
    bench.do(*funded(A, 500), withdrawal(A, 100))
    bench.clock.advance(days=-1)
    bench.refuse(withdrawal(A, 1), Code.LIMIT_EXCEEDED, used_amount=100)


def test_the_monthly_count_goes_on_over_days_and_ends_with_the_month() -> None:
    """K3: outflows are counted per month too, and a new month starts at none."""
    bench = bench_at("2026-03-30T10:00:00+02:00", policy(monthly_count=2))
    bench.do(*funded(A, 500), withdrawal(A, 1))
    bench.clock.advance(days=1)
    bench.do(withdrawal(A, 1))
    bench.refuse(withdrawal(A, 1), Code.LIMIT_EXCEEDED, limit_name="monthly_count")
    bench.clock.advance(days=1)
    bench.do(withdrawal(A, 1), withdrawal(A, 1))
    bench.refuse(
        withdrawal(A, 1), Code.LIMIT_EXCEEDED, limit_name="monthly_count", used_amount=2
    )
