"""What a decision may know besides the command and the state."""

from __future__ import annotations

from dataclasses import dataclass

from healthpay_core.clock import BusinessDay
from healthpay_core.policy import LimitPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One per batch; decisions are pure functions of it.

    Attributes:
        now: Microseconds since 1970 UTC.
        business_day: The day that limits count in.
        policy: The limits in force.
    """

    now: int
    business_day: BusinessDay
    policy: LimitPolicy
