"""The two facts of money that moves, built from a wallet that allows it."""

from __future__ import annotations

from healthpay_core.context import Context
from healthpay_core.making import maker
from healthpay_core.wallet.events import (
    CreditReason,
    DebitReason,
    LimitUsage,
    Related,
    WalletCredited,
    WalletDebited,
)
from healthpay_core.wallet.state import OpenState

_make_credited = maker(WalletCredited)
_make_debited = maker(WalletDebited)


def credited(
    wallet: OpenState,
    context: Context,
    *,
    amount: int,
    reason: CreditReason,
    counter_account: str,
    reference: str | None,
    related: Related | None = None,
) -> WalletCredited:
    """Money in, all checks passed."""
    return _make_credited(
        amount=amount,
        currency=wallet.profile.currency,
        reason=reason,
        balance_after=wallet.balance + amount,
        held_after=wallet.held,
        counter_account=counter_account,
        reference=reference,
        reference_claimed=_claims(context, reference),
        related=related,
        limit_policy=context.policy.ref,
    )


def debited(
    wallet: OpenState,
    context: Context,
    *,
    amount: int,
    reason: DebitReason,
    counter_account: str,
    reference: str | None,
    usage: LimitUsage,
    related: Related | None = None,
) -> WalletDebited:
    """Money out, all checks passed."""
    return _make_debited(
        amount=amount,
        currency=wallet.profile.currency,
        reason=reason,
        balance_after=wallet.balance - amount,
        held_after=wallet.held,
        counter_account=counter_account,
        reference=reference,
        reference_claimed=_claims(context, reference),
        related=related,
        limit_usage=usage,
        limit_policy=context.policy.ref,
    )


def _claims(context: Context, reference: str | None) -> bool | None:
    return True if reference and context.policy.unique_references else None
