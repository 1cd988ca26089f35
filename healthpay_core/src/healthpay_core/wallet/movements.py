"""The facts of money that moves or is set aside, where a wallet allows it."""

from __future__ import annotations

from healthpay_core.context import Context
from healthpay_core.making import maker
from healthpay_core.wallet.card_usage import CardUsage
from healthpay_core.wallet.events import (
    CreditReason,
    DebitReason,
    HoldPurpose,
    LimitUsage,
    Related,
    WalletCredited,
    WalletDebited,
    WalletHoldPlaced,
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
    usage: LimitUsage | None,
    related: Related | None = None,
) -> WalletDebited:
    """Money out, all checks passed; without usage, no limit counts it (K7)."""
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
        limit_policy=None if usage is None else context.policy.ref,
    )


def hold_placed(
    wallet: OpenState,
    context: Context,
    *,
    hold_id: str,
    amount: int,
    purpose: HoldPurpose,
    expires_at: int,
    usage: LimitUsage,
    related: Related | None = None,
    card_id: str | None = None,
    card_usage: CardUsage | None = None,
) -> WalletHoldPlaced:
    """Money set aside, all checks passed."""
    return WalletHoldPlaced(
        hold_id=hold_id,
        amount=amount,
        currency=wallet.profile.currency,
        purpose=purpose,
        expires_at=expires_at,
        balance_after=wallet.balance,
        held_after=wallet.held + amount,
        limit_usage=usage,
        limit_policy=context.policy.ref,
        related=related,
        card_id=card_id,
        card_usage=card_usage,
    )


def _claims(context: Context, reference: str | None) -> bool | None:
    return True if reference and context.policy.unique_references else None
