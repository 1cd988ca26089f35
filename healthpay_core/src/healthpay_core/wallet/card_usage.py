"""What a card has spent, kept with the wallet whose money it is (D8, K11)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date as calendar_date


@dataclass(frozen=True, slots=True, kw_only=True)
class CardUsage:
    """Gross authorisations of one card, counted in windows; minor units.

    `date` is the ISO date of the last counted day; week (ISO 8601, from
    Monday), month and year are the date's.
    """

    date: str
    day: int
    week: int
    month: int
    year: int
    all_time: int


def week_of(date: str) -> str:
    """The ISO 8601 week of an ISO date, such as ``2026-W48``."""
    year, week, _ = calendar_date.fromisoformat(date).isocalendar()
    return f"{year:04}-W{week:02}"


def counted(usage: CardUsage | None, amount: int, date: str) -> CardUsage:
    """The usage after an authorisation on a business date."""
    if usage is None:
        return CardUsage(
            date=date,
            day=amount,
            week=amount,
            month=amount,
            year=amount,
            all_time=amount,
        )
    # A clock that was set back counts into the last counted day.
    today = max(date, usage.date)
    return CardUsage(
        date=today,
        day=amount + usage.day * (today == usage.date),
        week=amount + usage.week * (week_of(today) == week_of(usage.date)),
        month=amount + usage.month * (today[:7] == usage.date[:7]),
        year=amount + usage.year * (today[:4] == usage.date[:4]),
        all_time=amount + usage.all_time,
    )


def given_back(usage: CardUsage, amount: int, counted_on: str) -> CardUsage:
    """Capacity returns only to the windows that counted the hold (K4)."""
    return CardUsage(
        date=usage.date,
        day=usage.day - amount * (usage.date == counted_on),
        week=usage.week - amount * (week_of(usage.date) == week_of(counted_on)),
        month=usage.month - amount * (usage.date[:7] == counted_on[:7]),
        year=usage.year - amount * (usage.date[:4] == counted_on[:4]),
        all_time=usage.all_time - amount,
    )
