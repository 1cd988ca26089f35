"""When things happen: the hours of the month and what share of it falls in each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from examples.data import figures as f
from examples.data.draws import Draws

SECOND: Final = 1_000_000
HOUR: Final = 3_600 * SECOND
_FRIDAY: Final = 4
_CAIRO: Final = ZoneInfo("Africa/Cairo")
_FIRST: Final = datetime.fromisoformat(f.FIRST_DAY).replace(tzinfo=_CAIRO)
_STARTS_AT: Final = int(_FIRST.timestamp()) * SECOND
ENDS_AT: Final = _STARTS_AT + f.DAYS * 24 * HOUR
"""The first instant after the month; December has no clock change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """One hour of the month.

    Attributes:
        number: 0 is the first one.
        starts_at: Microseconds since 1970 UTC.
        day: Day of the month, from 1, in Cairo.
        hour: Hour of that day.
        weight: How much everyday business it has, beside the others.
    """

    number: int
    starts_at: int
    day: int
    hour: int
    weight: float


def hours() -> Iterator[Hour]:
    """Every hour of the month."""
    for number in range(f.DAYS * 24):
        days, hour = divmod(number, 24)
        weekday = (_FIRST + timedelta(days=days)).weekday()
        yield Hour(
            number=number,
            starts_at=_STARTS_AT + number * HOUR,
            day=days + 1,
            hour=hour,
            weight=f.HOURS[hour] * _day_weight(days + 1, weekday),
        )


def slots(hour: Hour, count: int, draws: Draws) -> Iterator[int]:
    """`count` instants in an hour, rising, one in each equal part of it.

    Drawing within equal parts needs no sorting and so no memory.
    """
    for number in range(count):
        yield hour.starts_at + int((number + draws.unit()) * HOUR / count)


def _day_weight(day: int, weekday: int) -> float:
    weight = f.FRIDAY_WEIGHT if weekday == _FRIDAY else 1.0
    paid = any(payday <= day <= payday + 1 for payday, _ in f.PAYDAYS)
    return weight * (f.AFTER_PAYDAY_WEIGHT if paid else 1.0)
