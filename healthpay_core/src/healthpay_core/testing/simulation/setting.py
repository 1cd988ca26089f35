"""Where a story plays: the day it begins, its limits, its currencies."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from typing import Final

from healthpay_core.policy import (
    KycLevel,
    LimitPolicy,
    Limits,
    PolicyRef,
    WalletType,
)

STARTS: Final = (
    # Clocks in Cairo go forward on the 24th of April 2026, back on the 29th of
    # October; the others are ends of months, of a year, of an ISO week.
    "2026-04-23T15:00:00",
    "2026-10-29T12:00:00",
    "2026-01-31T09:00:00",
    "2026-02-28T20:00:00",
    "2026-12-31T18:00:00",
    "2027-01-03T10:00:00",
    "2026-11-25T06:00:00",
)
MAIN: Final = "EGP"
OTHERS: Final = ("USD", "KWD", "JPY")
"""Two, three and no digits behind the point; each story has one of them too."""


def start_of(seed: int) -> int:
    """The instant at which a story begins, microseconds."""
    text = STARTS[seed % len(STARTS)]
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


def currencies_of(seed: int) -> tuple[str, str]:
    """The two currencies of a story, the more frequent one first."""
    return MAIN, OTHERS[seed % len(OTHERS)]


def slips_of(seed: int) -> bool:
    """Whether the sagas of a story travel as slips."""
    return seed // 7 % 2 == 1


def policy_of(seed: int) -> LimitPolicy:
    """The limits of a story: small, so that they are met."""
    draw = Random(f"policy {seed}")  # noqa: S311
    rows: dict[tuple[WalletType, KycLevel, str], Limits] = {}
    kinds: tuple[WalletType, ...] = ("personal", "business", "merchant")
    levels: tuple[KycLevel, ...] = ("basic", "enhanced")
    limited = currencies_of(seed) if draw.random() < 0.5 else (MAIN,)
    for currency in limited:
        for kind in kinds:
            for level in levels:
                rows[kind, level, currency] = _limits(draw)
    return LimitPolicy(
        ref=PolicyRef(id="story", version=1),
        rows=rows,
        unique_references=draw.random() < 0.3,
    )


def _limits(draw: Random) -> Limits:
    return Limits(
        per_transaction=_some(draw, 60, 800),
        per_day=_some(draw, 100, 900),
        per_month=_some(draw, 300, 3_000),
        daily_count=_some(draw, 3, 30),
        monthly_count=_some(draw, 8, 60),
        max_balance=_some(draw, 800, 4_000),
    )


def _some(draw: Random, low: int, high: int) -> int | None:
    return draw.randint(low, high) if draw.random() < 0.5 else None
