"""Rules of the domain with one bug each.

Some are planted into the reference model as well: then no prediction can name
them, and what finds them is what the books say.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from healthpay_core import CaptureHold, Command, WalletCredited, domain
from healthpay_core.context import Context
from healthpay_core.outcome import Rejected
from healthpay_core.payment import rules, saga
from healthpay_core.payment import state as payment_state
from healthpay_core.payment.commands import RefundPayment
from healthpay_core.payment.events import PaymentRefunded
from healthpay_core.refusals import Refusal, SelfTransferNotAllowed
from healthpay_core.result import Err, Ok
from healthpay_core.testing.model import PaymentRow
from healthpay_core.testing.model import payments as model_payments
from healthpay_core.testing.model import rules as model_rules
from healthpay_core.testing.simulation import Simulation
from healthpay_core.wallet import guards
from healthpay_core.wallet import state as wallet_state
from healthpay_core.wallet.events import LimitUsage, WalletHoldReleased
from healthpay_core.wallet.state import OpenState

Patch = pytest.MonkeyPatch
_Refundable = (payment_state.AuthorizedPayment, payment_state.SettledPayment)


def net_windows(patch: Patch) -> Simulation:
    """What comes in makes room for more to go out (K3)."""
    honest = wallet_state._credited

    def credited(state: OpenState, event: WalletCredited) -> OpenState:
        after = honest(state, event)
        left = max(0, after.usage.day - event.amount)
        return replace(after, usage=replace(after.usage, day=left))

    patch.setattr(wallet_state, "_credited", credited)
    return Simulation()


def wrong_window(patch: Patch) -> Simulation:
    """A hold gives back to today's window what another day counted (K4)."""
    honest = wallet_state._given_back
    patch.setattr(
        wallet_state, "_given_back", lambda usage, n, _: honest(usage, n, usage.date)
    )
    return Simulation()


def over_refund(patch: Patch) -> Simulation:
    """More is returned than was captured (P11)."""
    _refund_anything(patch)
    return Simulation()


def over_refund_foretold(patch: Patch) -> Simulation:
    """The same, and the model predicts it: only the sums can tell (P18)."""
    _refund_anything(patch)

    def to_refund(command: RefundPayment, payment: PaymentRow) -> int:
        return _asked(command.amount, payment.captured, payment.refunded)

    patch.setattr(model_payments, "to_refund", to_refund)
    return Simulation()


def _refund_anything(patch: Patch) -> None:
    def amount(command: RefundPayment, payment: rules.Refundable) -> int:
        return _asked(command.amount, payment.captured, payment.refunded)

    patch.setattr(rules, "refund_amount", amount)
    patch.setattr(payment_state, "_refunded", _refunded_unchecked)


def _asked(amount: int | None, captured: int, refunded: int) -> int:
    return captured - refunded if amount is None else amount


def _refunded_unchecked(
    state: payment_state.PaymentState, event: PaymentRefunded
) -> payment_state.PaymentState:
    assert isinstance(state, _Refundable)
    refunded = state.refunded + event.amount
    if isinstance(state, payment_state.AuthorizedPayment):
        return replace(state, refunded=refunded, pending=None)
    return payment_state._settled(
        state.order, state.authorization, state.captured, refunded
    )


def exchanged_at_par(patch: Patch) -> Simulation:
    """Pounds become dollars one to one, and the model finds it right (M4, C6)."""
    patch.setattr(guards, "currency_refusal", lambda *_: None)
    patch.setattr(model_rules, "same_currency", lambda *_: None)
    return Simulation()


def released_twice(patch: Patch) -> Simulation:
    """A hold that was released is still there (P16)."""
    honest = wallet_state._hold_released

    def released(state: OpenState, event: WalletHoldReleased) -> OpenState:
        return replace(honest(state, event), holds=state.holds)

    patch.setattr(wallet_state, "_hold_released", released)
    return Simulation()


def capture_after_the_end(patch: Patch) -> Simulation:
    """An authorisation never runs out (P7)."""
    patch.setattr(rules, "is_over", lambda payment, now: False)
    return Simulation()


def funds_before_limits(patch: Patch) -> Simulation:
    """Of two refusals the one that comes later is answered (E2)."""
    honest = guards.limits_after

    def outflow(
        wallet: OpenState, amount: int, context: Context
    ) -> Ok[LimitUsage] | Err[Refusal]:
        refusal = guards.funds_refusal(wallet, amount)
        return Err(refusal) if refusal else honest(wallet, amount, context)

    patch.setattr(guards, "outflow", outflow)
    return Simulation()


def self_transfer(patch: Patch) -> Simulation:
    """A wallet may send money to itself (T2)."""
    honest = domain.validate

    def lenient(command: Command) -> Refusal | None:
        refusal = honest(command)
        return None if isinstance(refusal, SelfTransferNotAllowed) else refusal

    patch.setattr(domain, "validate", lenient)
    return Simulation()


def undo_forgotten(patch: Patch) -> Simulation:
    """A saga that was refused leaves its hold behind (T7)."""
    honest = saga._undo

    def undo(
        plan: saga.Plan, refused: int, cause: Rejected, results: saga.Results
    ) -> saga.PaymentStep | saga.PaymentEnded:
        legs = tuple(replace(leg, undo=None) for leg in plan.legs)
        return honest(replace(plan, legs=legs), refused, cause, results)

    patch.setattr(saga, "_undo", undo)
    return Simulation()


def debit_before_credit(patch: Patch) -> Simulation:
    """A refund takes the merchant's money before the payer can get it."""
    honest = saga._Legs.refund

    def refund(legs: saga._Legs) -> tuple[saga.Planned, ...]:
        hold, credit, capture = honest(legs)
        assert isinstance(capture.command, CaptureHold)
        return hold, capture, replace(credit, undo=None)

    patch.setattr(saga._Legs, "refund", refund)
    return Simulation()


def credit_before_hold(patch: Patch) -> Simulation:
    """A refund credits the payer before anything is set aside for it (T5)."""
    honest = saga._Legs.refund

    def refund(legs: saga._Legs) -> tuple[saga.Planned, ...]:
        hold, credit, capture = honest(legs)
        return credit, hold, capture

    patch.setattr(saga._Legs, "refund", refund)
    return Simulation()
