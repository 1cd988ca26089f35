"""The rules of a payment that need no wallet: what may follow what, how much."""

from __future__ import annotations

from typing import Final, assert_never

from healthpay_core.currency import MINOR_UNIT_DIGITS
from healthpay_core.money import MAX_AMOUNT, amount_refusal
from healthpay_core.payment.commands import (
    MAX_AUTHORIZATION_S,
    AuthorizePayment,
    CapturePayment,
    InitiatePayment,
    PaymentCommand,
    RefundPayment,
)
from healthpay_core.payment.events import EligibleAmounts, PaymentInitiated
from healthpay_core.payment.state import (
    AuthorizedPayment,
    CapturedPayment,
    FailedPayment,
    InitiatedPayment,
    PartiallyRefundedPayment,
    PaymentState,
    RefundedPayment,
    VoidedPayment,
    payment_status_of,
)
from healthpay_core.refusals import (
    AmountNotEligible,
    AuthorizationExpired,
    CaptureExceedsAuthorized,
    InvalidStateTransition,
    Party,
    PaymentAlreadyCaptured,
    PaymentAlreadyRefunded,
    PaymentAlreadyVoided,
    PaymentNotAuthorized,
    PaymentNotCaptured,
    PaymentNotVoidable,
    Problem,
    RefundExceedsCaptured,
    Refusal,
    SelfTransferNotAllowed,
    ValidationFailed,
    WalletClosed,
)
from healthpay_core.wallet.state import ClosedWallet, WalletState

_ANY_CURRENCY = next(iter(MINOR_UNIT_DIGITS))

Refundable = AuthorizedPayment | CapturedPayment | PartiallyRefundedPayment


def validate_payment(command: PaymentCommand) -> Refusal | None:
    """The checks that need no state (E2: static)."""
    match command:
        case InitiatePayment():
            return _initiate_refusal(command)
        case AuthorizePayment(expires_in_s=int(seconds)):
            if not 1 <= seconds <= MAX_AUTHORIZATION_S:
                return ValidationFailed.at(
                    "/expiresInSeconds", f"must be 1 to {MAX_AUTHORIZATION_S}"
                )
        case CapturePayment():
            return _capture_refusal(command)
        case RefundPayment():
            return _omittable(command.amount)
        case _:
            pass
    return None


DURING_OPERATION: Final = "another order during an operation"


def initiated(command: InitiatePayment) -> PaymentInitiated:
    """The fact of a payment whose parties may take part (P1)."""
    return PaymentInitiated(
        payer_wallet_id=command.payer_wallet_id,
        merchant_wallet_id=command.merchant_wallet_id,
        amount=command.amount,
        currency=command.currency,
        method=command.method,
        capture_method=command.capture_method,
        card_id=command.card_id,
        merchant_category=command.merchant_category,
        eligible_amounts=command.eligible_amounts,
        partial_approval=command.partial_approval,
        reference=command.reference,
    )


def authorization_code(hold_id: str) -> str:
    """What a merchant quotes: it follows from the hold."""
    return hold_id[:8].upper()


def failable(payment: PaymentState) -> int | Refusal:
    """What is held of a payment that may still fail, 0 before it is (P17)."""
    match payment:
        case InitiatedPayment():
            return 0
        case AuthorizedPayment(captured=0):
            return payment.held
        case _:
            return no_step(payment, "fail")


def no_step(payment: PaymentState, requested: str) -> Refusal:
    """The refusal of a step that the life cycle does not have (P3, P17)."""
    return InvalidStateTransition(
        current_status=payment_status_of(payment), requested=requested
    )


def approved_amount(order: PaymentInitiated) -> int | Refusal:
    """What may be authorised: all, or what of it is eligible (D9)."""
    eligible = order.eligible_amounts
    if eligible is None or order.amount <= eligible.total:
        return order.amount
    if order.partial_approval and eligible.total > 0:
        return eligible.total
    return AmountNotEligible(
        requested_amount=order.amount, eligible_amount=eligible.total
    )


def capturable(payment: PaymentState, now: int) -> AuthorizedPayment | Refusal:
    """The payment, if something is held and in time (P6, P7, P16)."""
    match payment:
        case AuthorizedPayment():
            if is_over(payment, now):
                return AuthorizationExpired(expired_at=payment.authorization.expires_at)
            return payment
        case InitiatedPayment():
            return PaymentNotAuthorized()
        case CapturedPayment() | PartiallyRefundedPayment() | RefundedPayment():
            return PaymentAlreadyCaptured()
        case VoidedPayment():
            return PaymentAlreadyVoided()
        case FailedPayment():
            return no_step(payment, "capture")
    assert_never(payment)


def is_over(payment: AuthorizedPayment, now: int) -> bool:
    """Valid if and only if now < expires_at (P7)."""
    return now >= payment.authorization.expires_at


def capture_amount(
    command: CapturePayment, payment: AuthorizedPayment
) -> int | Refusal:
    """How much to capture: what was asked, or all that is held (P4, P5)."""
    amount = payment.held if command.amount is None else command.amount
    if amount > payment.held:
        return CaptureExceedsAuthorized(
            requested_amount=amount, capturable_amount=payment.held
        )
    return _fee_refusal(command.fee, amount) or amount


def not_voidable(payment: PaymentState) -> Refusal:
    """Only what is authorised is voided (P9)."""
    return PaymentNotVoidable(current_status=payment_status_of(payment))


def refundable(payment: PaymentState) -> Refundable | Refusal:
    """The payment, if something was captured and not yet returned (P12, P13)."""
    match payment:
        case AuthorizedPayment():
            if payment.captured == 0:
                return PaymentNotCaptured(current_status="authorized")
            if payment.refunded == payment.captured:
                return PaymentAlreadyRefunded()
            return payment
        case CapturedPayment() | PartiallyRefundedPayment():
            return payment
        case RefundedPayment():
            return PaymentAlreadyRefunded()
        case InitiatedPayment() | VoidedPayment() | FailedPayment():
            return PaymentNotCaptured(current_status=payment_status_of(payment))
    assert_never(payment)


def refund_amount(command: RefundPayment, payment: Refundable) -> int | Refusal:
    """How much to return: what was asked, or the rest (P11)."""
    rest = payment.captured - payment.refunded
    amount = rest if command.amount is None else command.amount
    if amount > rest:
        return RefundExceedsCaptured(requested_amount=amount, refundable_amount=rest)
    return amount


def closed_refusal(wallet: WalletState | None, party: Party) -> Refusal | None:
    """A closed wallet gets nothing any more, not even late (W8)."""
    return WalletClosed(party=party) if isinstance(wallet, ClosedWallet) else None


def _initiate_refusal(command: InitiatePayment) -> Refusal | None:
    problems = tuple(_faults(command))
    if problems:
        return ValidationFailed(errors=problems)
    if command.payer_wallet_id == command.merchant_wallet_id:
        return SelfTransferNotAllowed()
    return amount_refusal(command.amount, command.currency)


def _faults(command: InitiatePayment) -> list[Problem]:
    faults: list[Problem] = []
    by_card = command.method == "medcard"
    for pointer, value in (
        ("/cardId", command.card_id),
        ("/merchantCategory", command.merchant_category),
    ):
        if by_card and value is None:
            faults.append(Problem(pointer, "is required when the method is medcard"))
    if not by_card and command.card_id is not None:
        faults.append(Problem("/cardId", "belongs to the method medcard only"))
    eligible = command.eligible_amounts
    if eligible is not None and not _in_range(eligible):
        faults.append(Problem("/eligibleAmounts", f"must be 0 to {MAX_AMOUNT} each"))
    return faults


def _in_range(eligible: EligibleAmounts) -> bool:
    parts = (
        eligible.clinic,
        eligible.dental,
        eligible.prescription,
        eligible.vision,
        eligible.total,
    )
    return min(parts) >= 0 and max(parts) <= MAX_AMOUNT


def _capture_refusal(command: CapturePayment) -> Refusal | None:
    refusal = _omittable(command.amount) or _omittable(command.fee)
    if refusal is None and command.amount is not None:
        return _fee_refusal(command.fee, command.amount)
    return refusal


def _fee_refusal(fee: int | None, amount: int) -> Refusal | None:
    if fee is None or fee <= amount:
        return None
    return ValidationFailed.at("/fee", "must not be more than the captured amount")


def _omittable(amount: int | None) -> Refusal | None:
    """An amount that may be left out, but never 0 to mean "all" (M6)."""
    return None if amount is None else amount_refusal(amount, _ANY_CURRENCY)
