"""Card limits: what a card may still spend (D8)."""

from __future__ import annotations

from healthpay_core.clock import BusinessDay
from healthpay_core.medcard.events import CardLimits
from healthpay_core.refusals import CardLimitExceeded, Refusal
from healthpay_core.result import Err, Ok
from healthpay_core.wallet import guards
from healthpay_core.wallet.card_usage import CardUsage, counted
from healthpay_core.wallet.state import OpenState


def card_limits_after(
    payer: OpenState, card_id: str, limits: CardLimits, amount: int, today: BusinessDay
) -> Ok[CardUsage] | Err[Refusal]:
    """The usage after an authorisation, or the strictest limit it would pass.

    It is counted on the day on which the wallet counts the hold, so that its
    release gives back to the same windows (K4).

    Args:
        payer: The card's wallet, which keeps what the card has spent so far.
        card_id: The card.
        limits: What it may spend.
        amount: Of the authorisation, in minor units.
        today: Says when the windows end.

    Returns:
        `CardLimitExceeded` for the limit with the least left of per_authorization,
        daily, weekly, monthly, yearly, all_time; of equals the first (D8).
        `AmountOverflow` as of `guards.sum_refusal`, for all it has ever spent.
    """
    counted_on = guards.rolled(payer.usage, today.date).date
    after = counted(payer.card_usage.get(card_id), amount, counted_on)
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
    refusal = guards.sum_refusal(payer, amount, after.all_time)
    return Ok(after) if refusal is None else Err(refusal)
