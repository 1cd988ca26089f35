"""Card limits: what a card may still spend (D8)."""

from __future__ import annotations

from healthpay_core.clock import BusinessDay
from healthpay_core.medcard.events import CardLimits
from healthpay_core.money import MAX_TOTAL
from healthpay_core.refusals import AmountOverflow, CardLimitExceeded, Refusal
from healthpay_core.result import Err, Ok
from healthpay_core.wallet.card_usage import CardUsage, counted


def card_limits_after(
    usage: CardUsage | None,
    limits: CardLimits,
    amount: int,
    today: BusinessDay,
    counted_on: str,
) -> Ok[CardUsage] | Err[Refusal]:
    """The usage after an authorisation, or the strictest limit it would pass.

    Args:
        usage: What the card has spent so far.
        limits: What it may spend.
        amount: Of the authorisation, in minor units.
        today: Says when the windows end.
        counted_on: The ISO date on which the wallet counts the hold, so that
            its release gives back to the same windows (K4).

    Returns:
        `CardLimitExceeded` for the limit with the least left of per_authorization,
        daily, weekly, monthly, yearly, all_time; of equals the first (D8).
        `AmountOverflow` where no limit ends the sum before `MAX_TOTAL` does (M5).
    """
    after = counted(usage, amount, counted_on)
    passed = [
        CardLimitExceeded(
            limit_name=name,
            limit_amount=limit,
            used_amount=total - amount,
            requested_amount=amount,
            resets_at=resets_at,
        )
        for name, limit, total, resets_at in (
            ("per_authorization", limits.per_authorization, amount, None),
            ("daily", limits.daily, after.day, today.ends_at),
            ("weekly", limits.weekly, after.week, today.week_ends_at),
            ("monthly", limits.monthly, after.month, today.month_ends_at),
            ("yearly", limits.yearly, after.year, today.year_ends_at),
            ("all_time", limits.all_time, after.all_time, None),
        )
        if limit is not None and total > limit
    ]
    if passed:
        return Err(min(passed, key=lambda one: one.limit_amount - one.used_amount))
    if after.all_time > MAX_TOTAL:
        return Err(AmountOverflow(max_amount=MAX_TOTAL))
    return Ok(after)
