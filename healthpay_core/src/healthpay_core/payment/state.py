"""What a payment is: the fold of its events."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias, assert_never

from healthpay_core.corruption import StreamCorrupted
from healthpay_core.payment.events import (
    PaymentAuthorized,
    PaymentCaptured,
    PaymentEvent,
    PaymentFailed,
    PaymentInitiated,
    PaymentOperationBegun,
    PaymentOperationRefused,
    PaymentRefunded,
    PaymentVoided,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class InitiatedPayment:
    """Agreed on; no money has moved. `pending` is a saga under way."""

    order: PaymentInitiated
    pending: PaymentOperationBegun | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizedPayment:
    """Held: 0 <= refunded <= captured <= authorized, held = authorized - captured."""

    order: PaymentInitiated
    authorization: PaymentAuthorized
    captured: int = 0
    refunded: int = 0
    pending: PaymentOperationBegun | None = None

    @property
    def held(self) -> int:
        """What is still held (P18)."""
        return self.authorization.amount - self.captured


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledPayment:
    """Paid to the merchant, nothing held: 0 <= refunded <= captured <= authorized."""

    order: PaymentInitiated
    authorization: PaymentAuthorized
    captured: int
    refunded: int
    pending: PaymentOperationBegun | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedPayment(SettledPayment):
    """Nothing of it was returned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartiallyRefundedPayment(SettledPayment):
    """Some of it was returned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundedPayment(SettledPayment):
    """All of it was returned; final."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VoidedPayment:
    """Given back before anything was captured; final."""

    order: PaymentInitiated
    authorization: PaymentAuthorized


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedPayment:
    """Ended without money for the merchant; final."""

    order: PaymentInitiated
    authorization: PaymentAuthorized | None = None


Settled: TypeAlias = CapturedPayment | PartiallyRefundedPayment | RefundedPayment
PaymentState: TypeAlias = (
    InitiatedPayment | AuthorizedPayment | Settled | VoidedPayment | FailedPayment
)


def payment_status_of(state: PaymentState) -> str:
    """The status on the wire."""
    match state:
        case InitiatedPayment():
            return "initiated"
        case AuthorizedPayment():
            return "authorized"
        case CapturedPayment():
            return "captured"
        case PartiallyRefundedPayment():
            return "partially_refunded"
        case RefundedPayment():
            return "refunded"
        case VoidedPayment():
            return "voided"
        case FailedPayment():
            return "failed"
    assert_never(state)


def evolve_payment(state: PaymentState | None, event: PaymentEvent) -> PaymentState:
    """Apply a fact.

    Raises:
        StreamCorrupted: The fact cannot follow the state, or breaks the
            invariant of a payment (P18).
    """
    match event:
        case PaymentInitiated():
            if state is not None:
                raise StreamCorrupted("initiated twice")
            return InitiatedPayment(order=event)
        case PaymentAuthorized():
            return _authorized(state, event)
        case PaymentCaptured():
            return _captured(state, event)
        case PaymentVoided():
            return _voided(state, event)
        case PaymentFailed():
            return _failed(state)
        case PaymentRefunded():
            return _refunded(state, event)
        case PaymentOperationBegun():
            return _begun(state, event)
        case PaymentOperationRefused():
            return _refused(state, event)
    assert_never(event)


def pending_of(state: PaymentState) -> PaymentOperationBegun | None:
    """The saga that is under way on a payment."""
    if isinstance(state, (VoidedPayment, FailedPayment)):
        return None
    return state.pending


def is_under_way(state: PaymentState, operation_id: str) -> bool:
    """Whether it is this saga that is under way on a payment."""
    pending = pending_of(state)
    return pending is not None and pending.operation_id == operation_id


def _begun(state: PaymentState | None, event: PaymentOperationBegun) -> PaymentState:
    known = (InitiatedPayment, AuthorizedPayment, SettledPayment)
    if isinstance(state, known) and state.pending is None:
        return replace(state, pending=event)
    raise StreamCorrupted("an operation begun after the end, or during another")


def _refused(
    state: PaymentState | None, event: PaymentOperationRefused
) -> PaymentState:
    known = (InitiatedPayment, AuthorizedPayment, SettledPayment)
    if isinstance(state, known) and is_under_way(state, event.operation_id):
        return replace(state, pending=None)
    raise StreamCorrupted("an operation refused that was not under way")


def _authorized(
    state: PaymentState | None, event: PaymentAuthorized
) -> AuthorizedPayment:
    if not isinstance(state, InitiatedPayment) or event.amount > state.order.amount:
        raise StreamCorrupted("authorized twice, or for more than was asked")
    _check_money(state.order, event)
    return AuthorizedPayment(order=state.order, authorization=event)


def _check_money(
    order: PaymentInitiated,
    event: PaymentAuthorized | PaymentCaptured | PaymentRefunded,
) -> None:
    if event.currency != order.currency or event.amount < 1:
        raise StreamCorrupted("money of another currency, or none")


def _captured(state: PaymentState | None, event: PaymentCaptured) -> PaymentState:
    if not isinstance(state, AuthorizedPayment):
        raise StreamCorrupted("captured while nothing was held")
    _check_money(state.order, event)
    captured = state.captured + event.amount
    rest = state.authorization.amount - captured
    if captured != event.captured_total or rest < 0:
        raise StreamCorrupted("captured more than was authorized")
    if event.released != (rest if event.final else 0):
        raise StreamCorrupted("released is not what was left")
    ended = replace(state, captured=captured, pending=None)
    return _settled_if(event.final or rest == 0, ended)


def _voided(state: PaymentState | None, event: PaymentVoided) -> PaymentState:
    if not isinstance(state, AuthorizedPayment) or event.released != state.held:
        raise StreamCorrupted("voided while nothing was held, or not all of it")
    if state.captured == 0:
        return VoidedPayment(order=state.order, authorization=state.authorization)
    return _settled_if(True, state)


def _failed(state: PaymentState | None) -> FailedPayment:
    match state:
        case InitiatedPayment():
            return FailedPayment(order=state.order)
        case AuthorizedPayment(captured=0):
            return FailedPayment(order=state.order, authorization=state.authorization)
        case _:
            raise StreamCorrupted("failed after its end")


def _refunded(state: PaymentState | None, event: PaymentRefunded) -> PaymentState:
    if not isinstance(state, (AuthorizedPayment, SettledPayment)):
        raise StreamCorrupted("refunded while nothing was captured")
    _check_money(state.order, event)
    refunded = state.refunded + event.amount
    if refunded != event.refunded_total or refunded > state.captured:
        raise StreamCorrupted("refunded more than was captured")
    if isinstance(state, AuthorizedPayment):
        return replace(state, refunded=refunded, pending=None)
    return _settled(state.order, state.authorization, state.captured, refunded)


def _settled_if(settled: bool, state: AuthorizedPayment) -> PaymentState:
    if not settled:
        return state
    return _settled(state.order, state.authorization, state.captured, state.refunded)


def _settled(
    order: PaymentInitiated,
    authorization: PaymentAuthorized,
    captured: int,
    refunded: int,
) -> Settled:
    kind: type[Settled] = PartiallyRefundedPayment
    if refunded == 0:
        kind = CapturedPayment
    elif refunded == captured:
        kind = RefundedPayment
    return kind(
        order=order, authorization=authorization, captured=captured, refunded=refunded
    )
