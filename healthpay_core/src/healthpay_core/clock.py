"""Time comes from a port; the core does no time-zone arithmetic (rule K8)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final, Protocol
from zoneinfo import ZoneInfo

BUSINESS_TIME_ZONE: Final = "Africa/Cairo"


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessDay:
    """The calendar day that limits count in.

    Attributes:
        date: ISO 8601 date, such as ``2026-11-25``; its month is the month.
        starts_at: First instant of the day, microseconds since 1970 UTC.
        ends_at: First instant after the day.
        week_ends_at: First instant after the ISO 8601 week, which ends on Sunday.
        month_ends_at: First instant after the month.
        year_ends_at: First instant after the year.
    """

    date: str
    starts_at: int
    ends_at: int
    week_ends_at: int
    month_ends_at: int
    year_ends_at: int


class Clock(Protocol):
    """Where time comes from; `ClockContract` is its contract."""

    def now(self) -> int:
        """Microseconds since 1970 UTC."""
        ...

    def business_day(self, instant: int) -> BusinessDay:
        """The business day that an instant (microseconds) belongs to."""
        ...


class SystemClock:
    """The machine's clock, with the calendar of a time zone.

    Args:
        time_zone: IANA name; the rules' own is Africa/Cairo.
        now: Replaces the machine's clock, for tests; microseconds since 1970.
    """

    def __init__(
        self,
        time_zone: str = BUSINESS_TIME_ZONE,
        *,
        now: Callable[[], int] | None = None,
    ) -> None:
        self._zone = ZoneInfo(time_zone)
        self._now = now
        self._day = calendar_day(0, self._zone)

    def now(self) -> int:
        return time.time_ns() // 1000 if self._now is None else self._now()

    def business_day(self, instant: int) -> BusinessDay:
        day = self._day
        if not day.starts_at <= instant < day.ends_at:
            day = self._day = calendar_day(instant, self._zone)
        return day


class ManualClock(SystemClock):
    """A clock that stands still until it is moved: for tests and replays."""

    def __init__(self, start: int, time_zone: str = BUSINESS_TIME_ZONE) -> None:
        super().__init__(time_zone)
        self.instant: int = start

    def now(self) -> int:
        return self.instant

    def advance(self, **duration: float) -> None:
        """Move by the keywords of `datetime.timedelta`, such as ``days=1``."""
        self.instant += timedelta(**duration) // timedelta(microseconds=1)


def calendar_day(instant: int, zone: tzinfo) -> BusinessDay:
    """The calendar day of an instant, right across daylight-saving changes."""
    local = datetime.fromtimestamp(instant // 1_000_000, zone)
    today = local.date()
    next_month = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
    return BusinessDay(
        date=today.isoformat(),
        starts_at=_first_instant(today, zone),
        ends_at=_first_instant(today + timedelta(days=1), zone),
        week_ends_at=_first_instant(
            today + timedelta(days=8 - today.isoweekday()), zone
        ),
        month_ends_at=_first_instant(next_month, zone),
        year_ends_at=_first_instant(date(today.year + 1, 1, 1), zone),
    )


def _first_instant(day: date, zone: tzinfo) -> int:
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    # Where midnight does not exist (clocks go forward at 00:00, as in Cairo),
    # the round trip through UTC names the instant at which the day begins.
    return int(midnight.astimezone(UTC).timestamp()) * 1_000_000
