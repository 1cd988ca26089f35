"""Clocks and the calendar of Cairo (rule K8)."""

from __future__ import annotations

from time import time

import pytest

from healthpay_core import BusinessDay, ManualClock, SystemClock
from healthpay_core.testing import NOW, instant

HOUR = 3600 * 1_000_000


def test_the_system_clock_is_the_machines() -> None:
    """K8: now is the machine's time in microseconds."""
    before = int(time() * 1_000_000) - 1_000
    now = SystemClock().now()
    assert before <= now <= before + 60_000_000


def test_a_manual_clock_stands_still_until_moved() -> None:
    """K8: a test moves the time, nothing else does."""
    clock = ManualClock(NOW)
    assert clock.now() == clock.now() == NOW
    clock.advance(days=1, microseconds=5)
    assert clock.now() == NOW + 24 * HOUR + 5
    clock.advance(seconds=-0.5)
    assert clock.now() == NOW + 24 * HOUR - 499_995


def test_a_day_of_cairo_is_not_a_day_of_utc() -> None:
    """K8: the business day begins at midnight in Cairo, two hours before UTC's."""
    day = SystemClock().business_day(instant("2026-01-31T22:30:00+00:00"))
    assert day == BusinessDay(
        date="2026-02-01",
        starts_at=instant("2026-02-01T00:00:00+02:00"),
        ends_at=instant("2026-02-02T00:00:00+02:00"),
        week_ends_at=instant("2026-02-02T00:00:00+02:00"),
        month_ends_at=instant("2026-03-01T00:00:00+02:00"),
        year_ends_at=instant("2027-01-01T00:00:00+02:00"),
    )


@pytest.mark.parametrize(
    ("date", "hours"),
    [
        ("2026-04-23", 24),
        ("2026-04-24", 23),
        ("2026-04-25", 24),
        ("2026-10-28", 24),
        ("2026-10-29", 25),
        ("2026-10-30", 24),
    ],
)
def test_days_of_changing_clocks_have_23_and_25_hours(date: str, hours: int) -> None:
    """K8: Egypt's summer time moves the ends of its days, not their number."""
    day = SystemClock().business_day(instant(f"{date}T12:00:00+03:00"))
    assert day.date == date
    assert day.ends_at - day.starts_at == hours * HOUR


def test_another_time_zone_has_its_own_days() -> None:
    """K8: the time zone is a setting of the clock, not of the core."""
    day = SystemClock("Asia/Tokyo").business_day(instant("2026-01-31T15:00:00+00:00"))
    assert day.date == "2026-02-01"


def test_time_before_1970_has_days_too() -> None:
    """K8: instants below zero are days as well."""
    day = SystemClock().business_day(-1)
    assert day.starts_at <= -1 < day.ends_at


def test_an_instant_needs_an_offset() -> None:
    """K8: a local time without its offset is no instant."""
    with pytest.raises(ValueError, match="no offset"):
        instant("2026-01-01T00:00:00")
