"""What a payment's own stream answers to the steps of its sagas; pure."""

from __future__ import annotations

from typing import Final, TypeAlias, assert_never

from healthpay_core.context import Context
from healthpay_core.ids import derive_id
from healthpay_core.payment import rules
from healthpay_core.payment.commands import (
    DEFAULT_AUTHORIZATION_S,
    AuthorizePayment,
    CapturePayment,
    ExpireAuthorization,
    FailPayment,
    RefundPayment,
    VoidPayment,
)
from healthpay_core.payment.events import (
    PaymentAuthorized,
    PaymentCaptured,
    PaymentEvent,
    PaymentFailed,
    PaymentOperationBegun,
    PaymentOperationRefused,
    PaymentRefunded,
    PaymentVoided,
    VoidReason,
)
from healthpay_core.payment.ids import hold_id_of
from healthpay_core.payment.state import (
    AuthorizedPayment,
    CapturedPayment,
    InitiatedPayment,
    PartiallyRefundedPayment,
    PaymentState,
    is_under_way,
    pending_of,
)
from healthpay_core.payment.steps import (
    BeginOperation,
    EndOperation,
    PaymentStep,
    RecordInitiation,
    RefuseOperation,
)
from healthpay_core.refusals import PaymentAlreadyExists, PaymentNotFound, Refusal
from healthpay_core.result import Err, Ok

_REFUND_HELD_US: Final = 30 * 86_400_000_000
"""Far beyond any refund: the saga alone ends its hold."""

Decision: TypeAlias = Ok[tuple[PaymentEvent, ...]] | Err[Refusal]


def validate_payment_step(command: PaymentStep) -> Refusal | None:
    """The checks that need no state, as of the public order."""
    if isinstance(command, (RecordInitiation, BeginOperation)):
        return rules.validate_payment(command.order)
    return None


def decide_payment_step(
    command: PaymentStep, payment: PaymentState | None, context: Context
) -> Decision:
    """Decide one step of a saga."""
    if isinstance(command, RecordInitiation):
        if payment is not None:
            return Err(PaymentAlreadyExists(payment_id=command.payment_id))
        return Ok((rules.initiated(command.order),))
    if payment is None:
        return Err(PaymentNotFound(payment_id=command.payment_id))
    if isinstance(command, BeginOperation):
        if pending_of(payment) is not None:
            return Err(rules.no_step(payment, rules.DURING_OPERATION))
        begun = _begun(command, payment, context)
        return Err(begun) if isinstance(begun, Refusal) else Ok((begun,))
    if not is_under_way(payment, command.operation_id):
        return Err(rules.no_step(payment, "the end of an operation not under way"))
    match command:
        case EndOperation():
            return Ok(_ended(command, payment))
        case RefuseOperation():
            refused = PaymentOperationRefused(
                operation_id=command.operation_id, failure_code=command.failure_code
            )
            return Ok((refused,))
    assert_never(command)


def _begun(
    command: BeginOperation, payment: PaymentState, context: Context
) -> PaymentOperationBegun | Refusal:
    order, operation_id = command.order, command.operation_id
    currency = payment.order.currency
    match order:
        case AuthorizePayment():
            return _authorize(order, payment, context, operation_id)
        case CapturePayment():
            return _capture(order, payment, context, operation_id)
        case RefundPayment():
            return _refund(order, payment, context, operation_id)
        case VoidPayment() | ExpireAuthorization():
            voids = isinstance(order, VoidPayment)
            if not isinstance(payment, AuthorizedPayment):
                return rules.not_voidable(payment)
            if not voids and not rules.is_over(payment, context.now):
                return rules.not_voidable(payment)
            return PaymentOperationBegun(
                operation_id=operation_id,
                kind="void" if voids else "expire",
                amount=payment.held,
                currency=currency,
                reason_code=order.reason if isinstance(order, VoidPayment) else None,
            )
        case FailPayment():
            held = rules.failable(payment)
            if isinstance(held, Refusal):
                return held
            return PaymentOperationBegun(
                operation_id=operation_id,
                kind="fail",
                amount=held,
                currency=currency,
                reason_code=order.reason_code,
            )
    assert_never(order)


def _authorize(
    order: AuthorizePayment, payment: PaymentState, context: Context, operation_id: str
) -> PaymentOperationBegun | Refusal:
    if not isinstance(payment, InitiatedPayment):
        return rules.no_step(payment, "authorize")
    approved = rules.approved_amount(payment.order)
    if isinstance(approved, Refusal):
        return approved
    seconds = order.expires_in_s or DEFAULT_AUTHORIZATION_S
    return PaymentOperationBegun(
        operation_id=operation_id,
        kind="authorize",
        amount=approved,
        currency=payment.order.currency,
        expires_at=context.now + seconds * 1_000_000,
    )


def _capture(
    order: CapturePayment, payment: PaymentState, context: Context, operation_id: str
) -> PaymentOperationBegun | Refusal:
    held = rules.capturable(payment, context.now)
    if isinstance(held, Refusal):
        return held
    amount = rules.capture_amount(order, held)
    if isinstance(amount, Refusal):
        return amount
    return PaymentOperationBegun(
        operation_id=operation_id,
        kind="capture",
        amount=amount,
        currency=payment.order.currency,
        final=order.final or amount == held.held,
        released=held.held - amount if order.final else 0,
        fee=order.fee,
    )


def _refund(
    order: RefundPayment, payment: PaymentState, context: Context, operation_id: str
) -> PaymentOperationBegun | Refusal:
    refundable = rules.refundable(payment)
    if isinstance(refundable, Refusal):
        return refundable
    amount = rules.refund_amount(order, refundable)
    if isinstance(amount, Refusal):
        return amount
    return PaymentOperationBegun(
        operation_id=operation_id,
        kind="refund",
        amount=amount,
        currency=payment.order.currency,
        expires_at=context.now + _REFUND_HELD_US,
        reason_code=order.reason_code,
    )


def _ended(command: EndOperation, payment: PaymentState) -> tuple[PaymentEvent, ...]:
    pending = pending_of(payment)
    assert pending is not None
    match pending.kind:
        case "authorize":
            return _authorized(command, pending, payment)
        case "capture":
            assert isinstance(payment, AuthorizedPayment)
            return (_captured(pending, payment.captured),)
        case "refund":
            return (_refunded(pending, payment),)
        case "void" | "expire":
            return (
                PaymentVoided(
                    reason=_void_reason(pending),
                    released=pending.amount,
                    currency=pending.currency,
                ),
            )
        case "fail":
            held = isinstance(payment, AuthorizedPayment)
            return (
                PaymentFailed(
                    stage="capture" if held else "authorize",
                    failure_code=pending.reason_code or "declined",
                ),
            )
    assert_never(pending.kind)


def _void_reason(pending: PaymentOperationBegun) -> VoidReason:
    if pending.kind == "expire":
        return "expired"
    return "payer" if pending.reason_code == "payer" else "merchant"


def _authorized(
    command: EndOperation, pending: PaymentOperationBegun, payment: PaymentState
) -> tuple[PaymentEvent, ...]:
    hold_id = hold_id_of(command.payment_id)
    assert pending.expires_at is not None
    authorized = PaymentAuthorized(
        hold_id=hold_id,
        amount=pending.amount,
        currency=pending.currency,
        expires_at=pending.expires_at,
        authorization_code=rules.authorization_code(hold_id),
    )
    if payment.order.capture_method == "manual":
        return (authorized,)
    return (authorized, _captured(pending, 0))


def _captured(pending: PaymentOperationBegun, captured: int) -> PaymentCaptured:
    return PaymentCaptured(
        capture_id=derive_id(f"{pending.operation_id}/capture"),
        amount=pending.amount,
        currency=pending.currency,
        captured_total=captured + pending.amount,
        final=pending.final is not False,
        released=pending.released or 0,
        fee=pending.fee,
    )


def _refunded(pending: PaymentOperationBegun, payment: PaymentState) -> PaymentRefunded:
    known = (AuthorizedPayment, CapturedPayment, PartiallyRefundedPayment)
    assert isinstance(payment, known)
    total = payment.refunded + pending.amount
    return PaymentRefunded(
        refund_id=derive_id(f"{pending.operation_id}/refund"),
        amount=pending.amount,
        currency=pending.currency,
        refunded_total=total,
        reason_code=pending.reason_code or "requested",
        full=total == payment.captured,
    )
