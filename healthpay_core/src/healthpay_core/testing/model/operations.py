"""The steps of a payment's sagas on the payment itself."""

from __future__ import annotations

from healthpay_core.catalogue import Code
from healthpay_core.payment.commands import (
    AuthorizePayment,
    CapturePayment,
    ExpireAuthorization,
    FailPayment,
    RefundPayment,
    VoidPayment,
)
from healthpay_core.payment.steps import (
    BeginOperation,
    EndOperation,
    RecordInitiation,
    RefuseOperation,
)
from healthpay_core.testing.model import payments
from healthpay_core.testing.model.prediction import Effect, Refuse
from healthpay_core.testing.model.rows import Operation, PaymentRow, Rows


def record(command: RecordInitiation, rows: Rows) -> Effect:
    """P1: its parties have been confirmed."""
    if command.payment_id in rows.payments:
        raise Refuse(Code.PAYMENT_ALREADY_EXISTS)
    return payments.record(command.order, rows)


def begin(command: BeginOperation, rows: Rows) -> Effect:
    """What the payment alone can say of an order; then it is taken."""
    payment = rows.payments[command.payment_id]
    operation = _operation(command, payment, rows)

    def effect() -> None:
        payment.operation = operation
        payment.version += 1

    return effect


def _operation(command: BeginOperation, payment: PaymentRow, rows: Rows) -> Operation:
    order, operation_id = command.order, command.operation_id
    if isinstance(order, AuthorizePayment):
        payments.authorizable(payment)
        amount = payments.approved(payment)
        expires_at = payments.expiry(order, rows)
        return Operation(operation_id, "authorize", amount, expires_at)
    if isinstance(order, CapturePayment):
        payments.capturable(payment, rows)
        amount = payments.to_capture(order, payment)
        final = order.final or amount == payment.held
        return Operation(operation_id, "capture", amount, final=final)
    if isinstance(order, RefundPayment):
        payments.refundable(payment)
        return Operation(operation_id, "refund", payments.to_refund(order, payment))
    if isinstance(order, (VoidPayment, ExpireAuthorization)):
        expires = isinstance(order, ExpireAuthorization)
        payments.voidable(payment, rows, expires=expires)
        return Operation(operation_id, "void", payment.held)
    assert isinstance(order, FailPayment)
    payments.failable(payment)
    return Operation(operation_id, "fail", payment.held)


def end(command: EndOperation, rows: Rows) -> Effect:
    """What the operation was for has been done."""
    payment, operation = _under_way(command, rows)

    def effect() -> None:
        payment.operation = None
        amount = operation.amount
        match operation.kind:
            case "authorize":
                payments.become_authorized(payment, amount, operation.expires_at)
                if payment.order.capture_method == "automatic":
                    payments.become_captured(payment, amount, final=True)
            case "capture":
                payments.become_captured(payment, amount, final=operation.final)
            case "refund":
                payments.become_refunded(payment, amount)
            case "void":
                payments.become_voided(payment)
            case _:
                payments.become_failed(payment)

    return effect


def refuse(command: RefuseOperation, rows: Rows) -> Effect:
    """A wallet or a card said no: the payment is as it was before."""
    payment, _ = _under_way(command, rows)

    def effect() -> None:
        payment.operation = None
        payment.version += 1

    return effect


def _under_way(
    command: EndOperation | RefuseOperation, rows: Rows
) -> tuple[PaymentRow, Operation]:
    payment = rows.payments[command.payment_id]
    operation = payment.operation
    if operation is None or operation.operation_id != command.operation_id:
        raise Refuse(Code.INVALID_STATE_TRANSITION, current_status=payment.status)
    return payment, operation
