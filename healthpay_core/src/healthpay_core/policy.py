"""Limits are data: a policy with an id and a version (rules K1, K2, K10)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

WalletType: TypeAlias = Literal["personal", "business", "merchant"]
KycLevel: TypeAlias = Literal["unverified", "basic", "enhanced", "full"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one kind of wallet may do; None is unlimited, 0 is not at all.

    Amounts are minor units; counts are numbers of outflows.
    """

    per_transaction: int | None = None
    per_day: int | None = None
    per_month: int | None = None
    daily_count: int | None = None
    monthly_count: int | None = None
    max_balance: int | None = None


UNLIMITED: Final = Limits()
NOTHING: Final = Limits(per_transaction=0, per_day=0, per_month=0, max_balance=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRef:
    """Names the policy that an event was decided under."""

    id: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitPolicy:
    """Limits by wallet type, KYC level and currency.

    What has no row is unlimited (K2), but the level ``unverified`` without a
    row may do nothing (K10).

    Args:
        ref: Id and version, recorded in the events that used the policy.
        rows: The limits.
        unique_references: Whether a `reference` may stand only once per wallet
            and reason (C7). Costs memory per reference.
    """

    ref: PolicyRef
    rows: Mapping[tuple[WalletType, KycLevel, str], Limits] = field(
        default_factory=dict
    )
    unique_references: bool = False

    def limits(self, wallet_type: WalletType, level: KycLevel, currency: str) -> Limits:
        """The limits that hold for a wallet."""
        row = self.rows.get((wallet_type, level, currency))
        if row is not None:
            return row
        return NOTHING if level == "unverified" else UNLIMITED


NO_LIMITS: Final = LimitPolicy(ref=PolicyRef(id="none", version=1))
"""Everything verified is unlimited."""


def _eg_2023_11() -> Mapping[tuple[WalletType, KycLevel, str], Limits]:
    rows: dict[tuple[WalletType, KycLevel, str], Limits] = {}
    verified: tuple[KycLevel, ...] = ("enhanced", "full")
    basic_cap = 10_000_000
    rows["personal", "basic", "EGP"] = Limits(
        per_day=3_000_000, per_month=10_000_000, max_balance=basic_cap
    )
    for level in verified:
        rows["personal", level, "EGP"] = Limits(per_day=6_000_000, per_month=20_000_000)
    trades: tuple[WalletType, ...] = ("business", "merchant")
    for trade in trades:
        rows[trade, "basic", "EGP"] = Limits(
            per_day=8_000_000, per_month=40_000_000, max_balance=basic_cap
        )
        for level in verified:
            rows[trade, level, "EGP"] = Limits(per_day=8_000_000, per_month=40_000_000)
    return MappingProxyType(rows)


EG_2023_11: Final = LimitPolicy(
    ref=PolicyRef(id="EG-2023-11", version=1), rows=_eg_2023_11()
)
"""The example policy of rule K2, as the press reported the central bank's."""
