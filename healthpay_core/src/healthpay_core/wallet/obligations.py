"""Obligations: holds, and the settling of what was owed before.

The processes give these orders, never the public (see the commands).
"""

from __future__ import annotations

from typing import TypeAlias, assert_never

from healthpay_core.context import Context
from healthpay_core.medcard.limits import card_limits_after
from healthpay_core.refusals import (
    InvalidStateTransition,
    Party,
    PaymentNotAuthorized,
    Refusal,
    TransferTimedOut,
    WalletClosed,
    WalletNotActive,
)
from healthpay_core.result import Err, Ok
from healthpay_core.wallet import guards
from healthpay_core.wallet.card_usage import CardUsage
from healthpay_core.wallet.commands import (
    BeginSweep,
    CaptureHold,
    ConfirmWallet,
    EndSweep,
    Obligation,
    PlaceHold,
    ReceiveTransfer,
    ReleaseHold,
    SettleCredit,
    SettleDebit,
)
from healthpay_core.wallet.events import (
    Related,
    WalletDebited,
    WalletEvent,
    WalletHoldReleased,
)
from healthpay_core.wallet.movements import credited, debited, hold_placed
from healthpay_core.wallet.state import (
    ActiveWallet,
    ClosedWallet,
    OpenState,
    PendingWallet,
    SuspendedWallet,
    WalletState,
    evolve_open,
    status_of,
)
from healthpay_core.wallet.sweep import begin_sweep, closing_refusal, end_sweep

Decision: TypeAlias = Ok[tuple[WalletEvent, ...]] | Err[Refusal]


def place_hold(command: PlaceHold, state: WalletState, context: Context) -> Decision:
    """Set money aside, as a new obligation (K3); of a refund as an old one."""
    if command.purpose == "refund":
        return _set_aside(command, state, context)
    if not isinstance(state, ActiveWallet):
        return Err(guards.not_active(state, command.party))
    if command.hold_id in state.holds:
        return _held_already(state)
    refusal = guards.currency_refusal(state, command.currency, command.party)
    if refusal is not None:
        return Err(refusal)
    counted = _card_counted(command, state, context)
    usage = guards.outflow(state, command.amount, context, command.party)
    if isinstance(counted, Err) or isinstance(usage, Err):
        # The card's limits before the wallet's (D6), a level too low first (E2).
        refusal = guards.eligibility_first(
            counted.error if isinstance(counted, Err) else None,
            usage.error if isinstance(usage, Err) else None,
        )
        assert refusal is not None
        return Err(refusal)
    card_usage = counted.value
    placed = hold_placed(
        state,
        context,
        hold_id=command.hold_id,
        amount=command.amount,
        purpose=command.purpose,
        expires_at=command.expires_at,
        usage=usage.value,
        related=command.related,
        card_id=None if card_usage is None else command.card_id,
        card_usage=card_usage,
    )
    return Ok((placed,))


def _set_aside(command: PlaceHold, state: WalletState, context: Context) -> Decision:
    """Hold what a refund will take, whatever the status and the limits (W5, K7).

    Until it is captured the wallet cannot close (W6), so that a refund which the
    payer cannot take finds its way back.
    """
    settled = _open(state, command.party)
    if isinstance(settled, Err):
        return settled
    wallet = settled.value
    if command.hold_id in wallet.holds:
        return _held_already(wallet)
    refusal = guards.currency_refusal(
        wallet, command.currency, command.party
    ) or guards.funds_refusal(wallet, command.amount, command.party)
    if refusal is not None:
        return Err(refusal)
    placed = hold_placed(
        wallet,
        context,
        hold_id=command.hold_id,
        amount=command.amount,
        purpose="refund",
        expires_at=command.expires_at,
        usage=wallet.usage,
        related=command.related,
    )
    return Ok((placed,))


def _held_already(state: OpenState) -> Err[Refusal]:
    return Err(
        InvalidStateTransition(
            current_status=status_of(state), requested="a second hold of the same id"
        )
    )


def _card_counted(
    command: PlaceHold, state: ActiveWallet, context: Context
) -> Ok[CardUsage | None] | Err[Refusal]:
    """What the card has spent with this hold; None without a card (D8)."""
    if command.card_id is None or command.card_limits is None:
        return Ok(None)
    counted = card_limits_after(
        state,
        command.card_id,
        command.card_limits,
        command.amount,
        context.business_day,
    )
    return counted if isinstance(counted, Err) else Ok(counted.value)


def release_hold(command: ReleaseHold, state: WalletState) -> Decision:
    """Give back what is still held, whatever the status (W5)."""
    settling = _settling(state, command.hold_id)
    if isinstance(settling, Err):
        return settling
    wallet = settling.value
    amount = wallet.holds[command.hold_id].amount
    released = WalletHoldReleased(
        hold_id=command.hold_id,
        amount=amount,
        currency=wallet.profile.currency,
        reason=command.reason,
        balance_after=wallet.balance,
        held_after=wallet.held - amount,
    )
    return Ok((released,))


def capture_hold(command: CaptureHold, state: WalletState) -> Decision:
    """Debit out of a hold, whatever the status and the limits (W5, K5)."""
    settling = _settling(state, command.hold_id)
    if isinstance(settling, Err):
        return settling
    wallet = settling.value
    refusal = guards.currency_refusal(wallet, command.currency)
    if refusal is not None:
        return Err(refusal)
    if wallet.holds[command.hold_id].amount < command.amount:
        return Err(PaymentNotAuthorized(hold_id=command.hold_id))
    captured = WalletDebited(
        amount=command.amount,
        currency=wallet.profile.currency,
        reason=command.reason,
        balance_after=wallet.balance - command.amount,
        held_after=wallet.held - command.amount,
        counter_account=command.counter_account,
        reference=command.reference,
        related=command.related,
        hold_id=command.hold_id,
    )
    return Ok((captured,))


def decide_obligation(
    command: Obligation, state: WalletState, context: Context
) -> Decision:
    """Decide one order of a process on one wallet."""
    match command:
        case PlaceHold():
            return place_hold(command, state, context)
        case ReleaseHold():
            return release_hold(command, state)
        case CaptureHold():
            return capture_hold(command, state)
        case ReceiveTransfer():
            return receive_transfer(command, state, context)
        case SettleCredit():
            return settle_credit(command, state, context)
        case SettleDebit():
            return settle_debit(command, state, context)
        case ConfirmWallet():
            return confirm(command, state)
        case BeginSweep():
            return begin_sweep(command, state, context)
        case EndSweep():
            return end_sweep(command, state)
    assert_never(command)


def confirm(command: ConfirmWallet, state: WalletState) -> Decision:
    """Whether the wallet may take part; nothing is written of it."""
    if not isinstance(state, ActiveWallet):
        return Err(guards.not_active(state, command.party))
    refusal = None
    if command.currency is not None:
        refusal = guards.currency_refusal(state, command.currency, command.party)
    if refusal is None and command.merchant:
        refusal = guards.payee_refusal(state)
    return Ok(()) if refusal is None else Err(refusal)


def receive_transfer(
    command: ReceiveTransfer, state: WalletState, context: Context
) -> Decision:
    """Take in a transfer's money, in time and as any credit (T5, T7)."""
    if context.now >= command.not_after:
        return Err(TransferTimedOut(expired_at=command.not_after))
    if not isinstance(state, ActiveWallet):
        return Err(guards.not_active(state, "destination"))
    refusal = (
        closing_refusal(command.wallet_id, state)
        or guards.reference_refusal(state, "transfer_in", command.reference, context)
        or guards.currency_refusal(state, command.currency, "destination")
        or guards.inflow_refusal(
            state, command.amount, "transfer_in", context, "destination"
        )
    )
    if refusal is not None:
        return Err(refusal)
    event = credited(
        state,
        context,
        amount=command.amount,
        reason="transfer_in",
        counter_account="wallet:" + command.source_wallet_id,
        reference=command.reference,
        related=Related(transfer_id=command.transfer_id),
    )
    return Ok((event,))


def settle_credit(
    command: SettleCredit, state: WalletState, context: Context
) -> Decision:
    """Bring in what was owed, whatever the status and the limits (W5, K7)."""
    settled = _open(state, command.party)
    if isinstance(settled, Err):
        return settled
    wallet = settled.value
    refusal = (
        closing_refusal(command.wallet_id, wallet)
        or guards.currency_refusal(wallet, command.currency, command.party)
        or guards.overflow_refusal(wallet, command.amount)
    )
    if refusal is not None:
        return Err(refusal)
    event = credited(
        wallet,
        context,
        amount=command.amount,
        reason=command.reason,
        counter_account=command.counter_account,
        reference=command.reference,
        related=command.related,
    )
    if command.fee is None:
        return Ok((event,))
    fee = debited(
        evolve_open(wallet, event),
        context,
        amount=command.fee,
        reason="fee",
        counter_account="external:fees",
        reference=command.reference,
        usage=None,
        related=command.related,
    )
    return Ok((event, fee))


def settle_debit(
    command: SettleDebit, state: WalletState, context: Context
) -> Decision:
    """Take out what was owed, whatever the limits, if it is there (W5, P14)."""
    settled = _open(state, command.party)
    if isinstance(settled, Err):
        return settled
    wallet = settled.value
    refusal = guards.currency_refusal(
        wallet, command.currency, command.party
    ) or guards.funds_refusal(wallet, command.amount, command.party)
    if refusal is not None:
        return Err(refusal)
    event = debited(
        wallet,
        context,
        amount=command.amount,
        reason=command.reason,
        counter_account=command.counter_account,
        reference=command.reference,
        usage=None,
        related=command.related,
    )
    return Ok((event,))


def _open(state: WalletState, party: Party | None) -> Ok[OpenState] | Err[Refusal]:
    match state:
        case ActiveWallet() | SuspendedWallet():
            return Ok(state)
        case PendingWallet():
            return Err(WalletNotActive(current_status="pending", party=party))
        case ClosedWallet():
            return Err(WalletClosed(party=party))
    assert_never(state)


def _settling(state: WalletState, hold_id: str) -> Ok[OpenState] | Err[Refusal]:
    """The wallet, if it has this hold; suspension does not matter (W5)."""
    match state:
        case ActiveWallet() | SuspendedWallet():
            if hold_id not in state.holds:
                return Err(PaymentNotAuthorized(hold_id=hold_id))
            return Ok(state)
        case PendingWallet():
            return Err(PaymentNotAuthorized(hold_id=hold_id))
        case ClosedWallet():
            return Err(WalletClosed())
    assert_never(state)
