"""Closing with a sweep, in steps: while the rest is set aside nothing comes in (W7)."""

from __future__ import annotations

from typing import Final, TypeAlias, assert_never

from healthpay_core.context import Context
from healthpay_core.ids import derive_id
from healthpay_core.refusals import (
    InvalidStateTransition,
    PaymentNotAuthorized,
    Refusal,
    WalletHasOpenHolds,
)
from healthpay_core.result import Err, Ok
from healthpay_core.wallet import guards
from healthpay_core.wallet.commands import BeginSweep, EndSweep
from healthpay_core.wallet.events import (
    Related,
    WalletClosed,
    WalletDebited,
    WalletEvent,
)
from healthpay_core.wallet.movements import hold_placed
from healthpay_core.wallet.state import (
    ActiveWallet,
    ClosedWallet,
    OpenState,
    PendingWallet,
    SuspendedWallet,
    WalletState,
    status_of,
)

Decision: TypeAlias = Ok[tuple[WalletEvent, ...]] | Err[Refusal]

_HELD_US: Final = 30 * 86_400_000_000
"""Far beyond any sweep: the saga alone ends its hold."""


def sweep_hold_id(wallet_id: str) -> str:
    """The hold that empties a wallet; there is one at most."""
    return derive_id(f"{wallet_id}/sweep/hold")


def closing_refusal(wallet_id: str, state: OpenState) -> Refusal | None:
    """Life cycle: no money comes into a wallet that is being emptied (W7)."""
    if not state.holds or sweep_hold_id(wallet_id) not in state.holds:
        return None
    return InvalidStateTransition(
        current_status=status_of(state),
        requested="money for a wallet that is being closed",
    )


def begin_sweep(command: BeginSweep, state: WalletState, context: Context) -> Decision:
    """Set everything aside, as an outflow like any other (K3); or close (W6)."""
    match state:
        case ClosedWallet():
            return Err(guards.not_active(state, "source"))
        case PendingWallet():
            return _closed(command, None)
        case ActiveWallet() | SuspendedWallet():
            pass
        case _:
            assert_never(state)
    if state.held:
        currency = state.profile.currency
        return Err(WalletHasOpenHolds(held_amount=state.held, currency=currency))
    if not state.balance:
        return _closed(command, None)
    if isinstance(state, SuspendedWallet):
        return Err(guards.not_active(state, "source"))
    usage = guards.limits_after(state, state.balance, context, "source")
    if isinstance(usage, Err):
        return usage
    placed = hold_placed(
        state,
        context,
        hold_id=sweep_hold_id(command.wallet_id),
        amount=state.balance,
        purpose="transfer",
        expires_at=context.now + _HELD_US,
        usage=usage.value,
        related=Related(transfer_id=command.transfer_id),
    )
    return Ok((placed,))


def end_sweep(command: EndSweep, state: WalletState) -> Decision:
    """Book it and close; also while suspended: it is an old obligation (W5)."""
    hold_id = sweep_hold_id(command.wallet_id)
    if not isinstance(state, (ActiveWallet, SuspendedWallet)):
        return Err(PaymentNotAuthorized(hold_id=hold_id))
    hold = state.holds.get(hold_id)
    if hold is None:
        return Err(PaymentNotAuthorized(hold_id=hold_id))
    booked = WalletDebited(
        amount=hold.amount,
        currency=state.profile.currency,
        reason="transfer_out",
        balance_after=state.balance - hold.amount,
        held_after=state.held - hold.amount,
        counter_account="wallet:" + command.sweep_to,
        related=Related(transfer_id=command.transfer_id),
        hold_id=hold_id,
    )
    closed = _closed(command, command.sweep_to)
    return Ok((booked, *closed.value))


def _closed(
    command: BeginSweep | EndSweep, swept_to: str | None
) -> Ok[tuple[WalletEvent, ...]]:
    closed = WalletClosed(
        reason_code=command.reason_code or "closed",
        final_balance=0,
        swept_to=swept_to,
    )
    return Ok((closed,))
