"""The contract of clocks: instants that pass, and a calendar without holes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final

import pytest

from healthpay_core.clock import BusinessDay, Clock
from healthpay_core.testing.builders import instant
from healthpay_core.testing.capabilities import Contract

_FIRST_NOON: Final = instant("2025-01-01T10:00:00+00:00")
_ONE_DAY: Final = 24 * 3600 * 1_000_000


class ClockContract(Contract):
    """What every clock must do: instants that pass, and a calendar without holes.

    Inherit, name the class `Test...`, and write `make_clock`:

    ```python
    class TestMyClock(ClockContract):
        def make_clock(self) -> Clock:
            return MyClock("Africa/Cairo")
    ```
    """

    def make_clock(self) -> Clock:
        """The clock."""
        raise NotImplementedError

    @pytest.fixture
    def clock(self) -> Clock:
        """The clock of one test."""
        return self.make_clock()

    def test_now_is_in_whole_microseconds(self, clock: Clock) -> None:
        """K8: time is an int of microseconds, of this century."""
        now = clock.now()
        assert type(now) is int
        assert instant("2000-01-01T00:00:00+00:00") < now
        assert now < instant("2100-01-01T00:00:00+00:00")

    def test_a_business_day_holds_its_instants(self, clock: Clock) -> None:
        """K8: the day of an instant begins at or before it and ends after it."""
        for hour in range(0, 24 * 400, 5):
            moment = _FIRST_NOON + hour * 3600 * 1_000_000
            day = clock.business_day(moment)
            assert day.starts_at <= moment < day.ends_at <= day.month_ends_at

    def test_business_days_follow_each_other_without_a_hole(self, clock: Clock) -> None:
        """K8: where one day ends the next begins, also when clocks change."""
        day = clock.business_day(_FIRST_NOON)
        for _ in range(800):
            following = clock.business_day(day.ends_at)
            assert following.starts_at == day.ends_at
            assert clock.business_day(day.ends_at - 1) == day
            one_later = date.fromisoformat(day.date) + timedelta(days=1)
            assert following.date == one_later.isoformat()
            assert abs(day.ends_at - day.starts_at - _ONE_DAY) <= _ONE_DAY // 24
            day = following

    def test_a_month_ends_where_the_next_begins(self, clock: Clock) -> None:
        """K8: the end of the month is the start of the first day of the next."""
        day = clock.business_day(_FIRST_NOON)
        for _ in range(30):
            following = clock.business_day(day.month_ends_at)
            assert following.starts_at == day.month_ends_at
            assert following.date.endswith("-01")
            assert following.date[:7] > day.date[:7]
            day = following

    def test_a_week_ends_before_a_monday(self, clock: Clock) -> None:
        """D8, K8: the end of a week is the start of a Monday, at most 7 days on."""
        day = clock.business_day(_FIRST_NOON)
        for _ in range(120):
            monday = clock.business_day(day.week_ends_at)
            assert monday.starts_at == day.week_ends_at
            assert date.fromisoformat(monday.date).isoweekday() == 1
            days = date.fromisoformat(monday.date) - date.fromisoformat(day.date)
            assert timedelta() < days <= timedelta(days=7)
            day = clock.business_day(day.ends_at)

    def test_a_year_ends_where_the_next_begins(self, clock: Clock) -> None:
        """D8, K8: the end of the year is the start of the next first of January."""
        day = clock.business_day(_FIRST_NOON)
        for _ in range(12):
            following = clock.business_day(day.year_ends_at)
            assert following.starts_at == day.year_ends_at
            assert following.date == f"{int(day.date[:4]) + 1}-01-01"
            day = clock.business_day(day.month_ends_at)

    def test_a_day_does_not_depend_on_what_was_asked(self, clock: Clock) -> None:
        """K8: an instant has one day, however instants before and after are asked."""
        moments = [_FIRST_NOON + hour * 3600 * 1_000_000 for hour in range(0, 9000, 7)]
        forwards: list[BusinessDay] = [clock.business_day(m) for m in moments]
        backwards = [clock.business_day(m) for m in reversed(moments)]
        assert backwards[::-1] == forwards
        ends = clock.business_day(forwards[0].ends_at - 1), forwards[0]
        assert ends[0] == ends[1]

    def test_the_date_is_near_that_of_utc(self, clock: Clock) -> None:
        """K8: a calendar is at most 14 hours from UTC."""
        for hour in range(0, 9000, 11):
            moment = _FIRST_NOON + hour * 3600 * 1_000_000
            of_utc = datetime.fromtimestamp(moment // 1_000_000, UTC).date()
            day = date.fromisoformat(clock.business_day(moment).date)
            assert abs(day - of_utc) <= timedelta(days=1)
