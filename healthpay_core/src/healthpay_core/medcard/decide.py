"""What a card answers to an order, and to being used; pure."""

from __future__ import annotations

from dataclasses import fields
from typing import Final, TypeAlias, assert_never, get_args

from healthpay_core.context import Context
from healthpay_core.medcard.commands import (
    ActivateMedCard,
    CancelMedCard,
    ConfirmMedCard,
    ExpireMedCard,
    IssueMedCard,
    MedCardCommand,
    RecordIssue,
    SuspendMedCard,
)
from healthpay_core.medcard.events import (
    CardControls,
    MedCardActivated,
    MedCardCancelled,
    MedCardEvent,
    MedCardExpired,
    MedCardIssued,
    MedCardSuspended,
    MerchantCategory,
)
from healthpay_core.medcard.state import (
    ActiveCard,
    CancelledCard,
    ExpiredCard,
    IssuedCard,
    MedCardState,
    SuspendedCard,
    card_status_of,
    expires_after,
)
from healthpay_core.money import MAX_AMOUNT
from healthpay_core.refusals import (
    CardExpired,
    CardNotActive,
    CardNotResumable,
    InvalidStateTransition,
    MedCardAlreadyExists,
    MedCardNotFound,
    MerchantCategoryNotAllowed,
    Problem,
    Refusal,
    ValidationFailed,
    WalletNotFound,
)
from healthpay_core.result import Err, Ok
from healthpay_core.wallet import guards
from healthpay_core.wallet.state import ActiveWallet, WalletState

Decision: TypeAlias = Ok[tuple[MedCardEvent, ...]] | Err[Refusal]

HEALTH_CARE: Final[frozenset[str]] = frozenset(get_args(MerchantCategory))
"""The merchant categories that a card is for (D7)."""

_NOT_RESUMABLE: Final = ("lost", "stolen")


def validate_medcard(command: MedCardCommand) -> Refusal | None:
    """The checks that need no state: the shape of a new card (D2, D7)."""
    order = command.order if isinstance(command, RecordIssue) else command
    if not isinstance(order, IssueMedCard):
        return None
    problems = tuple(_faults(order))
    return ValidationFailed(errors=problems) if problems else None


def decide_medcard(
    command: MedCardCommand,
    state: MedCardState | None,
    wallet: WalletState | None,
    context: Context,
) -> Decision:
    """Decide one order on one card; `wallet` matters to issuing only (D1)."""
    if isinstance(command, IssueMedCard):
        return _issue(command, state, wallet, context)
    if isinstance(command, RecordIssue):
        if state is not None:
            return Err(MedCardAlreadyExists(card_id=command.card_id))
        return _issued(command.order, context)
    if state is None:
        return Err(MedCardNotFound(card_id=command.card_id))
    match command:
        case ActivateMedCard():
            return _activate(command, state, context)
        case SuspendMedCard():
            return _suspend(command, state, context)
        case CancelMedCard():
            return _cancel(command, state)
        case ExpireMedCard():
            return _expire(state, context)
        case ConfirmMedCard():
            return _confirm(command, state, context)
    assert_never(command)


def usable(state: MedCardState, context: Context) -> ActiveCard | Refusal:
    """The card, if it may be used now: active, its month not over (D5, D6)."""
    match state:
        case ActiveCard():
            return CardExpired() if is_over(state, context) else state
        case ExpiredCard():
            return CardExpired()
        case IssuedCard() | SuspendedCard() | CancelledCard():
            return CardNotActive(current_status=card_status_of(state))
    assert_never(state)


def category_refusal(controls: CardControls, category: str) -> Refusal | None:
    """Whether a card may be used with merchants of a category (D7)."""
    if controls.allowed_categories is not None:
        allowed = category in controls.allowed_categories
    else:
        blocked = controls.blocked_categories or ()
        allowed = category in HEALTH_CARE and category not in blocked
    return None if allowed else MerchantCategoryNotAllowed(merchant_category=category)


def is_over(state: MedCardState, context: Context) -> bool:
    """Whether the last instant of the card's month has passed (D5)."""
    return context.business_day.date[:7] > expires_after(state.card)


def _faults(command: IssueMedCard) -> list[Problem]:
    faults: list[Problem] = []
    last4 = command.last4
    if not (len(last4) == 4 and last4.isascii() and last4.isdigit()):
        faults.append(Problem("/last4", "must be four digits"))
    if not 1 <= command.exp_month <= 12:
        faults.append(Problem("/expMonth", "must be 1 to 12"))
    if not 2000 <= command.exp_year <= 2099:
        faults.append(Problem("/expYear", "must be 2000 to 2099"))
    controls = command.controls
    if None not in (controls.allowed_categories, controls.blocked_categories):
        text = "must not hold both allowedCategories and blockedCategories"
        faults.append(Problem("/controls", text))
    for limit in fields(controls.limits):
        amount = getattr(controls.limits, limit.name)
        if amount is not None and not 0 <= amount <= MAX_AMOUNT:
            faults.append(Problem("/controls/limits", f"must be 0 to {MAX_AMOUNT}"))
            break
    return faults


def _issue(
    command: IssueMedCard,
    state: MedCardState | None,
    wallet: WalletState | None,
    context: Context,
) -> Decision:
    if state is not None:
        return Err(MedCardAlreadyExists(card_id=command.card_id))
    if wallet is None:
        return Err(WalletNotFound(wallet_id=command.wallet_id))
    if not isinstance(wallet, ActiveWallet):
        return Err(guards.not_active(wallet))
    return _issued(command, context)


def _issued(command: IssueMedCard, context: Context) -> Decision:
    issued = MedCardIssued(
        wallet_id=command.wallet_id,
        card_token=command.card_token,
        last4=command.last4,
        exp_month=command.exp_month,
        exp_year=command.exp_year,
        form=command.form,
        controls=command.controls,
        replaces_card_id=command.replaces_card_id,
    )
    if context.business_day.date[:7] > expires_after(issued):
        return Err(CardExpired())
    return Ok((issued,))


def _activate(
    command: ActivateMedCard, state: MedCardState, context: Context
) -> Decision:
    match state:
        case IssuedCard():
            if is_over(state, context):
                return Err(CardExpired())
            activated = MedCardActivated(from_status="issued", method=command.method)
            return Ok((activated,))
        case SuspendedCard():
            if is_over(state, context):
                return Err(CardExpired())
            if not state.resumable:
                return Err(CardNotResumable(reason_code=state.reason_code))
            resumed = MedCardActivated(from_status="suspended", method=command.method)
            return Ok((resumed,))
        case ExpiredCard():
            return Err(CardExpired())
        case ActiveCard() | CancelledCard():
            return _no_step(state, "activate")
    assert_never(state)


def _suspend(
    command: SuspendMedCard, state: MedCardState, context: Context
) -> Decision:
    match state:
        case ActiveCard():
            if is_over(state, context):
                return Err(CardExpired())
            reason = command.reason_code
            suspended = MedCardSuspended(
                reason_code=reason, resumable=reason not in _NOT_RESUMABLE
            )
            return Ok((suspended,))
        case ExpiredCard():
            return Err(CardExpired())
        case IssuedCard() | SuspendedCard() | CancelledCard():
            return _no_step(state, "suspend")
    assert_never(state)


def _cancel(command: CancelMedCard, state: MedCardState) -> Decision:
    match state:
        case IssuedCard() | ActiveCard() | SuspendedCard():
            return Ok((MedCardCancelled(reason=command.reason),))
        case ExpiredCard() | CancelledCard():
            return _no_step(state, "cancel")
    assert_never(state)


def _expire(state: MedCardState, context: Context) -> Decision:
    match state:
        case IssuedCard() | ActiveCard() | SuspendedCard():
            if not is_over(state, context):
                return _no_step(state, "expire before the end of its month")
            expired = MedCardExpired(
                expired_on=context.business_day.date, trigger="sweep"
            )
            return Ok((expired,))
        case ExpiredCard() | CancelledCard():
            return _no_step(state, "expire")
    assert_never(state)


def _confirm(
    command: ConfirmMedCard, state: MedCardState, context: Context
) -> Decision:
    if state.card.wallet_id != command.wallet_id:
        return Err(MedCardNotFound(card_id=command.card_id))
    if not command.in_use and command.merchant_category is None:
        return Ok(())
    card = usable(state, context)
    if isinstance(card, Refusal):
        return Err(card)
    if command.merchant_category is None:
        return Ok(())
    refusal = category_refusal(card.card.controls, command.merchant_category)
    return Ok(()) if refusal is None else Err(refusal)


def _no_step(state: MedCardState, requested: str) -> Err[Refusal]:
    return Err(
        InvalidStateTransition(
            current_status=card_status_of(state), requested=requested
        )
    )
