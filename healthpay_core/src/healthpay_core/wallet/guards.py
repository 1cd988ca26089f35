"""The checks of a movement, one stage of rule E2 each.

They are apart so that a process over two wallets can run stage by stage.
"""

from __future__ import annotations

from typing import assert_never

from healthpay_core.context import Context
from healthpay_core.money import MAX_AMOUNT, amount_refusal
from healthpay_core.refusals import (
    AmountOverflow,
    CurrencyMismatch,
    DuplicateReference,
    InsufficientFunds,
    KycLevelInsufficient,
    LimitExceeded,
    Party,
    ReasonNotAllowed,
    Refusal,
    ValidationFailed,
    WalletClosed,
    WalletNotActive,
)
from healthpay_core.result import Err, Ok
from healthpay_core.wallet.commands import CreditWallet, DebitWallet
from healthpay_core.wallet.events import LimitUsage
from healthpay_core.wallet.state import (
    ActiveWallet,
    ClosedWallet,
    OpenState,
    PendingWallet,
    SuspendedWallet,
    WalletState,
    reference_key,
)

__all__ = [
    "active",
    "amount_refusal",
    "currency_refusal",
    "funds_refusal",
    "inflow_refusal",
    "limits_after",
    "movement_refusal",
    "outflow",
    "reference_refusal",
]


def movement_refusal(command: CreditWallet | DebitWallet) -> Refusal | None:
    """Static: a reference where it is due, a public reason, a possible amount."""
    if command.reason in ("payment", "refund") and command.reference is None:
        return ValidationFailed.at(
            "/reference", f"is required when the reason is {command.reason}"
        )
    if command.reason in ("transfer_in", "transfer_out"):
        return ReasonNotAllowed(reason=command.reason)
    return amount_refusal(command.amount, command.currency)


def active(
    state: WalletState, party: Party | None = None
) -> Ok[ActiveWallet] | Err[Refusal]:
    """Life cycle: only an active wallet takes new obligations (W5, W8)."""
    match state:
        case ActiveWallet():
            return Ok(state)
        case PendingWallet():
            return Err(WalletNotActive(current_status="pending", party=party))
        case SuspendedWallet():
            return Err(WalletNotActive(current_status="suspended", party=party))
        case ClosedWallet():
            return Err(WalletClosed(party=party))
    assert_never(state)


def reference_refusal(
    wallet: ActiveWallet, command: CreditWallet | DebitWallet, context: Context
) -> Refusal | None:
    """A reference once per wallet and reason, where the policy says so (C7)."""
    if not context.policy.unique_references or command.reference is None:
        return None
    if reference_key(command.reason, command.reference) in wallet.references:
        return DuplicateReference(reference=command.reference)
    return None


def currency_refusal(
    wallet: OpenState, currency: str, party: Party | None = None
) -> Refusal | None:
    """Currency: money of another currency never enters or leaves (M4)."""
    expected = wallet.profile.currency
    if expected == currency:
        return None
    return CurrencyMismatch(
        expected_currency=expected, requested_currency=currency, party=party
    )


def inflow_refusal(
    wallet: OpenState,
    amount: int,
    reason: str,
    context: Context,
    party: Party | None = None,
) -> Refusal | None:
    """Limits on money coming in: the maximum balance (K6, K7, M5)."""
    balance = wallet.balance + amount
    if balance > MAX_AMOUNT:
        return AmountOverflow(max_amount=MAX_AMOUNT)
    if reason == "refund":
        return None
    profile = wallet.profile
    cap = context.policy.limits(
        profile.wallet_type, profile.kyc_level, profile.currency
    ).max_balance
    if cap is None or balance <= cap:
        return None
    if cap == 0:
        return KycLevelInsufficient(kyc_level=profile.kyc_level, party=party)
    return LimitExceeded(
        limit_name="max_balance",
        limit_amount=cap,
        used_amount=wallet.balance,
        requested_amount=amount,
        party=party,
    )


def outflow(
    wallet: OpenState, amount: int, context: Context
) -> Ok[LimitUsage] | Err[Refusal]:
    """Limits, then funds, of money going out (K11); refusals as of the two parts."""
    usage = limits_after(wallet, amount, context)
    if isinstance(usage, Err):
        return usage
    refusal = funds_refusal(wallet, amount)
    return usage if refusal is None else Err(refusal)


def limits_after(
    wallet: OpenState, amount: int, context: Context, party: Party | None = None
) -> Ok[LimitUsage] | Err[Refusal]:
    """Limits of money going out (K3, K10).

    Returns:
        The usage after it; or `KycLevelInsufficient` where the limit is zero,
        `LimitExceeded` for the first of per_transaction, daily, monthly,
        daily_count, monthly_count that would be passed.
    """
    usage = _counted(rolled(wallet.usage, context.business_day.date), amount)
    refusal = _limit_refusal(wallet, amount, usage, context, party)
    return Ok(usage) if refusal is None else Err(refusal)


def funds_refusal(wallet: OpenState, amount: int) -> Refusal | None:
    """Funds: balance less held covers the amount (C3)."""
    available = wallet.balance - wallet.held
    if available >= amount:
        return None
    return InsufficientFunds(
        requested_amount=amount,
        available_amount=available,
        currency=wallet.profile.currency,
    )


def rolled(usage: LimitUsage, date: str) -> LimitUsage:
    """The usage seen from a business date: a new day, a new month (K3, K8).

    A date before the last counted one (a clock set back) counts as that one,
    so that no window is ever opened twice.
    """
    if date <= usage.date:
        return usage
    same_month = date[:7] == usage.date[:7]
    return LimitUsage(
        date=date,
        day=0,
        month=usage.month if same_month else 0,
        day_count=0,
        month_count=usage.month_count if same_month else 0,
    )


def _counted(usage: LimitUsage, amount: int) -> LimitUsage:
    return LimitUsage(
        date=usage.date,
        day=usage.day + amount,
        month=usage.month + amount,
        day_count=usage.day_count + 1,
        month_count=usage.month_count + 1,
    )


def _limit_refusal(
    wallet: OpenState,
    amount: int,
    after: LimitUsage,
    context: Context,
    party: Party | None,
) -> Refusal | None:
    profile = wallet.profile
    limits = context.policy.limits(
        profile.wallet_type, profile.kyc_level, profile.currency
    )
    day_ends = context.business_day.ends_at
    month_ends = context.business_day.month_ends_at
    for name, limit, total, step, resets_at in (
        ("per_transaction", limits.per_transaction, amount, amount, None),
        ("daily", limits.per_day, after.day, amount, day_ends),
        ("monthly", limits.per_month, after.month, amount, month_ends),
        ("daily_count", limits.daily_count, after.day_count, 1, day_ends),
        ("monthly_count", limits.monthly_count, after.month_count, 1, month_ends),
    ):
        if limit is None or total <= limit:
            continue
        if limit == 0:
            return KycLevelInsufficient(kyc_level=profile.kyc_level, party=party)
        return LimitExceeded(
            limit_name=name,
            limit_amount=limit,
            used_amount=total - step,
            requested_amount=step,
            resets_at=resets_at,
            party=party,
        )
    return None
