"""The checks of a movement, one stage of rule E2 each.

They are apart so that a process over two wallets can run stage by stage.
"""

from __future__ import annotations

from typing import assert_never

from healthpay_core.clock import BusinessDay
from healthpay_core.context import Context
from healthpay_core.making import maker
from healthpay_core.money import MAX_AMOUNT, amount_refusal
from healthpay_core.policy import Limits
from healthpay_core.refusals import (
    AmountOverflow,
    CurrencyMismatch,
    DuplicateReference,
    InsufficientFunds,
    KycLevelInsufficient,
    LimitExceeded,
    Party,
    PayeeNotMerchant,
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
    reference_key,
)

__all__ = [
    "amount_refusal",
    "currency_refusal",
    "eligibility_first",
    "funds_refusal",
    "inflow_refusal",
    "limits_after",
    "movement_refusal",
    "not_active",
    "outflow",
    "overflow_refusal",
    "payee_refusal",
    "reference_refusal",
    "rolled",
    "sum_refusal",
]

_make_usage = maker(LimitUsage)


def movement_refusal(command: CreditWallet | DebitWallet) -> Refusal | None:
    """Static: a reference where it is due, a public reason, a possible amount."""
    if command.reason in ("payment", "refund") and not command.reference:
        return ValidationFailed.at(
            "/reference", f"is required when the reason is {command.reason}"
        )
    if command.reason in ("transfer_in", "transfer_out"):
        return ReasonNotAllowed(reason=command.reason)
    return amount_refusal(command.amount, command.currency)


def not_active(
    state: PendingWallet | SuspendedWallet | ClosedWallet, party: Party | None = None
) -> Refusal:
    """Life cycle: only an active wallet takes new obligations (W5, W8)."""
    match state:
        case PendingWallet():
            return WalletNotActive(current_status="pending", party=party)
        case SuspendedWallet():
            return WalletNotActive(current_status="suspended", party=party)
        case ClosedWallet():
            return WalletClosed(party=party)
    assert_never(state)


def reference_refusal(
    wallet: ActiveWallet, reason: str, reference: str | None, context: Context
) -> Refusal | None:
    """A reference once per wallet and reason, where the policy says so (C7)."""
    if not reference or not context.policy.unique_references:
        return None
    if reference_key(reason, reference) in wallet.references:
        return DuplicateReference(reference=reference)
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
    """Limits on money coming in: the maximum balance (K6, K7, K10, M5)."""
    balance = wallet.balance + amount
    profile = wallet.profile
    cap = context.policy.limits(
        profile.wallet_type, profile.kyc_level, profile.currency
    ).max_balance
    if cap is None or balance <= cap or reason == "refund":
        return overflow_refusal(wallet, amount)
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
    wallet: OpenState, amount: int, context: Context, party: Party | None = None
) -> Ok[LimitUsage] | Err[Refusal]:
    """Limits, then funds, of money going out (K11); refusals as of the two parts."""
    usage = limits_after(wallet, amount, context, party)
    if isinstance(usage, Err):
        return usage
    refusal = funds_refusal(wallet, amount)
    return usage if refusal is None else Err(refusal)


def limits_after(
    wallet: OpenState, amount: int, context: Context, party: Party | None = None
) -> Ok[LimitUsage] | Err[Refusal]:
    """Limits of money going out (K3, K10).

    Returns:
        The usage after it; or `KycLevelInsufficient` where any limit is zero,
        `LimitExceeded` for the first of per_transaction, daily, monthly,
        daily_count, monthly_count that would be passed; `AmountOverflow` as of
        `sum_refusal`, for all of the month.
    """
    usage = _counted(rolled(wallet.usage, context.business_day.date), amount)
    refusal = _limit_refusal(wallet, amount, usage, context, party)
    refusal = refusal or sum_refusal(wallet, amount, usage.month)
    return Ok(usage) if refusal is None else Err(refusal)


def eligibility_first(*refusals: Refusal | None) -> Refusal | None:
    """The first of several, but a level too low before any limit (E2)."""
    found = [refusal for refusal in refusals if refusal is not None]
    found.sort(key=lambda refusal: not isinstance(refusal, KycLevelInsufficient))
    return found[0] if found else None


def payee_refusal(wallet: ActiveWallet) -> Refusal | None:
    """Eligibility: only a merchant's wallet is paid (W10)."""
    wallet_type = wallet.profile.wallet_type
    if wallet_type == "merchant":
        return None
    return PayeeNotMerchant(wallet_type=wallet_type)


def overflow_refusal(wallet: OpenState, amount: int) -> Refusal | None:
    """The largest balance that can be held (M5)."""
    too_much = wallet.balance + amount > MAX_AMOUNT
    return AmountOverflow(max_amount=MAX_AMOUNT) if too_much else None


def sum_refusal(wallet: OpenState, amount: int, total: int) -> Refusal | None:
    """The largest sum of what went out that an event can say (M5).

    `AmountOverflow` above `MAX_AMOUNT`, but where the funds are short they are named.
    """
    if total <= MAX_AMOUNT or wallet.balance - wallet.held < amount:
        return None
    return AmountOverflow(max_amount=MAX_AMOUNT)


def funds_refusal(
    wallet: OpenState, amount: int, party: Party | None = None
) -> Refusal | None:
    """Funds: balance less held covers the amount (C3)."""
    available = wallet.balance - wallet.held
    if available >= amount:
        return None
    return InsufficientFunds(
        requested_amount=amount,
        available_amount=available,
        currency=wallet.profile.currency,
        party=party,
    )


def rolled(usage: LimitUsage, date: str) -> LimitUsage:
    """The usage seen from a business date: a new day, a new month (K3, K8).

    A date before the last counted one (a clock set back) counts as that one,
    so that no window is ever opened twice.
    """
    if date <= usage.date:
        return usage
    same_month = date[:7] == usage.date[:7]
    return _make_usage(
        date=date,
        day=0,
        month=usage.month if same_month else 0,
        day_count=0,
        month_count=usage.month_count if same_month else 0,
    )


def _counted(usage: LimitUsage, amount: int) -> LimitUsage:
    return _make_usage(
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
    passed = _first_passed(limits, amount, after, context.business_day)
    if passed is None:
        return None
    name, limit, used, requested, resets_at = passed
    if 0 in _of_outflow(limits):
        return KycLevelInsufficient(kyc_level=profile.kyc_level, party=party)
    return LimitExceeded(
        limit_name=name,
        limit_amount=limit,
        used_amount=used,
        requested_amount=requested,
        resets_at=resets_at,
        party=party,
    )


def _of_outflow(limits: Limits) -> tuple[int | None, ...]:
    return (
        limits.per_transaction,
        limits.per_day,
        limits.per_month,
        limits.daily_count,
        limits.monthly_count,
    )


def _first_passed(
    limits: Limits, amount: int, after: LimitUsage, today: BusinessDay
) -> tuple[str, int, int, int, int | None] | None:
    """Name, limit, used before, requested, and when it resets; None if within."""
    # Plain comparisons: this runs for every outflow.
    limit = limits.per_transaction
    if limit is not None and amount > limit:
        return ("per_transaction", limit, 0, amount, None)
    limit = limits.per_day
    if limit is not None and after.day > limit:
        return ("daily", limit, after.day - amount, amount, today.ends_at)
    limit = limits.per_month
    if limit is not None and after.month > limit:
        return ("monthly", limit, after.month - amount, amount, today.month_ends_at)
    limit = limits.daily_count
    if limit is not None and after.day_count > limit:
        return ("daily_count", limit, after.day_count - 1, 1, today.ends_at)
    limit = limits.monthly_count
    if limit is not None and after.month_count > limit:
        return ("monthly_count", limit, after.month_count - 1, 1, today.month_ends_at)
    return None
