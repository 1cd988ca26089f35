"""Card limits: what a card may still spend (D8)."""

from __future__ import annotations

from healthpay_core.clock import BusinessDay
from healthpay_core.medcard.events import CardLimits
from healthpay_core.refusals import CardLimitExceeded, Refusal
from healthpay_core.result import Err, Ok
from healthpay_core.wallet.card_usage import CardUsage, counted


def card_limits_after(
    usage: CardUsage | None, limits: CardLimits, amount: int, today: BusinessDay
) -> Ok[CardUsage] | Err[Refusal]:
    """The usage after an authorisation, or the first limit that it would pass.

    Returns:
        `CardLimitExceeded` for the first of per_authorization, daily, weekly,
        monthly, yearly, all_time that would be passed (D8).
    """
    after = counted(usage, amount, today.date)
    for name, limit, total, resets_at in (
        ("per_authorization", limits.per_authorization, amount, None),
        ("daily", limits.daily, after.day, today.ends_at),
        ("weekly", limits.weekly, after.week, None),
        ("monthly", limits.monthly, after.month, today.month_ends_at),
        ("yearly", limits.yearly, after.year, None),
        ("all_time", limits.all_time, after.all_time, None),
    ):
        if limit is not None and total > limit:
            return Err(
                CardLimitExceeded(
                    limit_name=name,
                    limit_amount=limit,
                    used_amount=total - amount,
                    requested_amount=amount,
                    resets_at=resets_at,
                )
            )
    return Ok(after)
