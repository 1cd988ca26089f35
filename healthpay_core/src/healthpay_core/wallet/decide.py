"""What a wallet answers to an order; pure."""

from __future__ import annotations

from typing import TypeAlias, assert_never

from healthpay_core.context import Context
from healthpay_core.currency import MINOR_UNIT_DIGITS
from healthpay_core.refusals import (
    DestinationWalletNotFound,
    InvalidStateTransition,
    KycLevelInsufficient,
    Refusal,
    SourceWalletNotFound,
    UnsupportedCurrency,
    ValidationFailed,
    WalletAlreadyExists,
    WalletClosed,
    WalletHasBalance,
    WalletHasOpenHolds,
    WalletNotFound,
)
from healthpay_core.result import Err, Ok
from healthpay_core.wallet import events as e
from healthpay_core.wallet import guards
from healthpay_core.wallet.commands import (
    ActivateWallet,
    BeginSweep,
    CaptureHold,
    ChangeWalletKycLevel,
    CloseWallet,
    ConfirmWallet,
    CreateWallet,
    CreditWallet,
    DebitWallet,
    EndSweep,
    PlaceHold,
    ReceiveTransfer,
    ReleaseHold,
    SettleCredit,
    SettleDebit,
    SuspendWallet,
    WalletCommand,
)
from healthpay_core.wallet.movements import credited, debited
from healthpay_core.wallet.obligations import decide_obligation
from healthpay_core.wallet.state import (
    ActiveWallet,
    ClosedWallet,
    PendingWallet,
    SuspendedWallet,
    WalletState,
    status_of,
)
from healthpay_core.wallet.sweep import closing_refusal

Decision: TypeAlias = Ok[tuple[e.WalletEvent, ...]] | Err[Refusal]


def decide_wallet(
    command: WalletCommand, state: WalletState | None, context: Context
) -> Decision:
    """Decide one order on one wallet; the refusals stand at the command.

    The static checks of `validate_wallet` have passed already (E2).
    """
    if isinstance(command, CreateWallet):
        return _create(command, state, context)
    if state is None:
        return Err(_not_found(command))
    match command:
        case DebitWallet():
            return _debit(command, state, context)
        case CreditWallet():
            return _credit(command, state, context)
        case ActivateWallet():
            return _activate(command, state)
        case SuspendWallet():
            return _suspend(command, state)
        case CloseWallet():
            return _close(command, state)
        case ChangeWalletKycLevel():
            return _change_level(command, state, context)
        case PlaceHold() | ReleaseHold() | CaptureHold():
            return decide_obligation(command, state, context)
        case ReceiveTransfer() | SettleCredit() | SettleDebit() | ConfirmWallet():
            return decide_obligation(command, state, context)
        case BeginSweep() | EndSweep():
            return decide_obligation(command, state, context)
    assert_never(command)


def validate_wallet(command: WalletCommand) -> Refusal | None:
    """The checks that need no state (E2: static)."""
    match command:
        case CreditWallet() | DebitWallet():
            return guards.movement_refusal(command)
        case CreateWallet():
            if command.currency not in MINOR_UNIT_DIGITS:
                return UnsupportedCurrency(currency=command.currency)
            return None
        case PlaceHold() | CaptureHold() | ReceiveTransfer():
            return guards.amount_refusal(command.amount, command.currency)
        case SettleDebit():
            return guards.amount_refusal(command.amount, command.currency)
        case SettleCredit():
            return _settled_refusal(command)
        case ConfirmWallet():
            return None
        case CloseWallet():
            if command.sweep_to == command.wallet_id:
                return ValidationFailed.at("/sweepTo", "must be another wallet")
            return None
        case ActivateWallet() | SuspendWallet() | ChangeWalletKycLevel():
            return None
        case ReleaseHold() | BeginSweep() | EndSweep():
            return None
    assert_never(command)


def _settled_refusal(command: SettleCredit) -> Refusal | None:
    """A fee, if there is one, is an amount and within the amount (P10)."""
    refusal = guards.amount_refusal(command.amount, command.currency)
    if refusal is not None or command.fee is None:
        return refusal
    if command.fee > command.amount:
        return ValidationFailed.at("/fee", "must not be more than the amount")
    return guards.amount_refusal(command.fee, command.currency)


def _not_found(command: WalletCommand) -> Refusal:
    """Whose wallet it is that is not there, as the atomic forms say it (T3)."""
    match command:
        case ReceiveTransfer():
            return DestinationWalletNotFound(wallet_id=command.wallet_id)
        case PlaceHold(party="source"):
            return SourceWalletNotFound(wallet_id=command.wallet_id)
        case ConfirmWallet():
            return WalletNotFound(wallet_id=command.wallet_id, party=command.party)
        case _:
            return WalletNotFound(wallet_id=command.wallet_id)


def _create(
    command: CreateWallet, state: WalletState | None, context: Context
) -> Decision:
    if state is not None:
        return Err(WalletAlreadyExists(wallet_id=command.wallet_id))
    created = e.WalletCreated(
        owner_id=command.owner_id,
        wallet_type=command.wallet_type,
        currency=command.currency,
        kyc_level=command.kyc_level,
        limit_policy=context.policy.ref,
    )
    return Ok((created,))


def _activate(command: ActivateWallet, state: WalletState) -> Decision:
    match state:
        case PendingWallet() | SuspendedWallet():
            if state.profile.kyc_level == "unverified":
                return Err(KycLevelInsufficient(kyc_level="unverified"))
            pending = isinstance(state, PendingWallet)
            activated = e.WalletActivated(
                from_status="pending" if pending else "suspended",
                reason_code=command.reason_code
                or ("activated" if pending else "resumed"),
                kyc_check_ref=command.kyc_check_ref,
            )
            return Ok((activated,))
        case ActiveWallet():
            return _no_step(state, "activate")
        case ClosedWallet():
            return Err(WalletClosed())
    assert_never(state)


def _suspend(command: SuspendWallet, state: WalletState) -> Decision:
    match state:
        case ActiveWallet():
            return Ok(
                (e.WalletSuspended(reason_code=command.reason_code, note=command.note),)
            )
        case PendingWallet() | SuspendedWallet():
            return _no_step(state, "suspend")
        case ClosedWallet():
            return Err(WalletClosed())
    assert_never(state)


def _close(command: CloseWallet, state: WalletState) -> Decision:
    match state:
        case ActiveWallet() | SuspendedWallet():
            currency = state.profile.currency
            if state.held:
                return Err(
                    WalletHasOpenHolds(held_amount=state.held, currency=currency)
                )
            if state.balance:
                return Err(WalletHasBalance(balance=state.balance, currency=currency))
        case PendingWallet():
            pass
        case ClosedWallet():
            return Err(WalletClosed())
        case _:
            assert_never(state)
    closed = e.WalletClosed(
        reason_code=command.reason_code or "closed",
        final_balance=0,
        swept_to=command.sweep_to,
    )
    return Ok((closed,))


def _change_level(
    command: ChangeWalletKycLevel, state: WalletState, context: Context
) -> Decision:
    if isinstance(state, ClosedWallet):
        return Err(WalletClosed())
    level = state.profile.kyc_level
    if level == command.kyc_level:
        return _no_step(state, f"a change to the same level, {level},")
    changed = e.WalletKycLevelChanged(
        from_level=level,
        to_level=command.kyc_level,
        limit_policy=context.policy.ref,
        evidence_ref=command.evidence_ref,
    )
    return Ok((changed,))


def _credit(command: CreditWallet, state: WalletState, context: Context) -> Decision:
    if not isinstance(state, ActiveWallet):
        return Err(guards.not_active(state))
    refusal = (
        closing_refusal(command.wallet_id, state)
        or guards.reference_refusal(state, command.reason, command.reference, context)
        or guards.currency_refusal(state, command.currency)
        or guards.inflow_refusal(state, command.amount, command.reason, context)
    )
    if refusal is not None:
        return Err(refusal)
    event = credited(
        state,
        context,
        amount=command.amount,
        reason=command.reason,
        counter_account=command.counter_account or "external:" + command.reason,
        reference=command.reference,
    )
    return Ok((event,))


def _debit(command: DebitWallet, state: WalletState, context: Context) -> Decision:
    if not isinstance(state, ActiveWallet):
        return Err(guards.not_active(state))
    refusal = guards.reference_refusal(
        state, command.reason, command.reference, context
    ) or guards.currency_refusal(state, command.currency)
    if refusal is not None:
        return Err(refusal)
    usage = guards.outflow(state, command.amount, context)
    if isinstance(usage, Err):
        return usage
    event = debited(
        state,
        context,
        amount=command.amount,
        reason=command.reason,
        counter_account=command.counter_account or "external:" + command.reason,
        reference=command.reference,
        usage=usage.value,
    )
    return Ok((event,))


def _no_step(state: WalletState, requested: str) -> Err[Refusal]:
    return Err(
        InvalidStateTransition(current_status=status_of(state), requested=requested)
    )
