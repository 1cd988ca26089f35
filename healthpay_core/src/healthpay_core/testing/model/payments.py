"""What the public may order of a payment, rule by rule (P)."""

from __future__ import annotations

from typing import Final

from healthpay_core.catalogue import Code
from healthpay_core.ids import derive_id
from healthpay_core.payment.commands import (
    AuthorizePayment,
    CapturePayment,
    ExpireAuthorization,
    FailPayment,
    InitiatePayment,
    PaymentCommand,
    RefundPayment,
    VoidPayment,
)
from healthpay_core.testing.model import cards, rules
from healthpay_core.testing.model.prediction import Effect, Refuse
from healthpay_core.testing.model.rows import PaymentRow, Rows, WalletRow

WEEK_S: Final = 604_800
LONGEST_S: Final = 2_592_000
SECOND_US: Final = 1_000_000


def check(command: PaymentCommand) -> None:
    """What can be refused without looking (E2: static)."""
    if isinstance(command, InitiatePayment):
        _check_initiate(command)
    elif isinstance(command, AuthorizePayment):
        seconds = command.expires_in_s
        if seconds is not None and not 1 <= seconds <= LONGEST_S:
            raise Refuse(Code.VALIDATION_ERROR)
    elif isinstance(command, CapturePayment):
        for amount in (command.amount, command.fee):
            if amount is not None:
                rules.possible_amount(amount)
        if command.amount is not None:
            _fee_within(command.fee, command.amount)
    elif isinstance(command, RefundPayment) and command.amount is not None:
        rules.possible_amount(command.amount)


def _check_initiate(command: InitiatePayment) -> None:
    """D6, D9, T2, M1-M6."""
    if command.method == "medcard":
        if command.card_id is None or command.merchant_category is None:
            raise Refuse(Code.VALIDATION_ERROR)
    elif command.card_id is not None:
        raise Refuse(Code.VALIDATION_ERROR)
    parts = command.eligible_amounts
    if parts is not None:
        amounts = [parts.clinic, parts.dental, parts.prescription, parts.vision]
        amounts.append(_eligible(command))
        if any(not 0 <= amount <= rules.LARGEST for amount in amounts):
            raise Refuse(Code.VALIDATION_ERROR)
    if command.payer_wallet_id == command.merchant_wallet_id:
        raise Refuse(Code.SELF_TRANSFER_NOT_ALLOWED)
    rules.possible_amount(command.amount, command.currency)


def initiate(command: InitiatePayment, rows: Rows) -> Effect:
    """P1, W10."""
    if command.payment_id in rows.payments:
        raise Refuse(Code.PAYMENT_ALREADY_EXISTS)
    payer = rows.wallets.get(command.payer_wallet_id)
    merchant = rows.wallets.get(command.merchant_wallet_id)
    if payer is None:
        raise Refuse(Code.WALLET_NOT_FOUND, party="payer")
    if merchant is None:
        raise Refuse(Code.WALLET_NOT_FOUND, party="merchant")
    if command.card_id is not None:
        card = rows.cards.get(command.card_id)
        if card is None or card.order.wallet_id != command.payer_wallet_id:
            raise Refuse(Code.MEDCARD_NOT_FOUND)
    rules.active(payer, "payer")
    rules.active(merchant, "merchant")
    rules.same_currency(payer, command.currency, "payer")
    rules.same_currency(merchant, command.currency, "merchant")
    if merchant.wallet_type != "merchant":
        raise Refuse(Code.PAYEE_NOT_MERCHANT)
    return record(command, rows)


def record(command: InitiatePayment, rows: Rows) -> Effect:
    """P1: a new row."""

    def effect() -> None:
        rows.payments[command.payment_id] = PaymentRow(command)

    return effect


def authorize(command: AuthorizePayment, rows: Rows) -> Effect:
    """P2, P3, M4, D6, D9, D8, K3, C3; captured at once when that is automatic."""
    payment = rows.payments[command.payment_id]
    authorizable(payment)
    order = payment.order
    payer, merchant = _parties(payment, rows)
    card = rows.cards[order.card_id] if order.card_id is not None else None
    if card is not None:
        cards.usable(card, rows)
    rules.active(payer, "payer")
    rules.active(merchant, "merchant")
    if card is not None:
        cards.for_category(card, order.merchant_category or "")
    amount = approved(payment)
    rules.same_currency(payer, order.currency)
    rules.may_send_at_all(rows, payer)
    if card is not None:
        limits = card.order.controls.limits
        rules.card_limits(rows, payer, card.order.card_id, limits, amount)
    rules.outflow_limits(rows, payer, amount)
    rules.funds(payer, amount)
    automatic = order.capture_method == "automatic"
    if automatic:
        rules.not_closing(merchant)
        rules.same_currency(merchant, order.currency, "merchant")
        rules.room(merchant, amount)
    expires_at = expiry(command, rows)

    def effect() -> None:
        hold_id = hold_of(order.payment_id)
        rules.hold(rows, payer, hold_id, amount, order.card_id)
        become_authorized(payment, amount, expires_at)
        if automatic:
            _pay(rows, payment, amount, None)
            become_captured(payment, amount, final=True)

    return effect


def capture(command: CapturePayment, rows: Rows) -> Effect:
    """P4, P5, P6, P7, P10, P16, W5, W8."""
    payment = rows.payments[command.payment_id]
    capturable(payment, rows)
    payer, merchant = _parties(payment, rows)
    if merchant.status == "closed":
        raise Refuse(Code.WALLET_CLOSED, party="merchant")
    amount = to_capture(command, payment)
    rules.not_closing(merchant)
    rules.same_currency(merchant, payment.order.currency, "merchant")
    rules.room(merchant, amount)
    final = command.final or amount == payment.held
    rest = payment.held - amount

    def effect() -> None:
        _pay(rows, payment, amount, command.fee)
        if final and rest:
            rules.release(payer, hold_of(command.payment_id))
        become_captured(payment, amount, final=final)

    return effect


def give_back(command: VoidPayment | ExpireAuthorization, rows: Rows) -> Effect:
    """P8, P9."""
    payment = rows.payments[command.payment_id]
    voidable(payment, rows, expires=isinstance(command, ExpireAuthorization))
    payer, _ = _parties(payment, rows)

    def effect() -> None:
        rules.release(payer, hold_of(command.payment_id))
        become_voided(payment)

    return effect


def fail(command: FailPayment, rows: Rows) -> Effect:
    """P17."""
    payment = rows.payments[command.payment_id]
    failable(payment)
    payer, _ = _parties(payment, rows)

    def effect() -> None:
        if payment.status == "authorized":
            rules.release(payer, hold_of(command.payment_id))
        become_failed(payment)

    return effect


def refund(command: RefundPayment, rows: Rows) -> Effect:
    """P11-P15, W5, W8, K7."""
    payment = rows.payments[command.payment_id]
    refundable(payment)
    payer, merchant = _parties(payment, rows)
    for wallet, party in ((merchant, "merchant"), (payer, "payer")):
        if wallet.status == "closed":
            raise Refuse(Code.WALLET_CLOSED, party=party)
    amount = to_refund(command, payment)
    rules.funds(merchant, amount, "merchant")
    rules.not_closing(payer)
    rules.room(payer, amount)

    def effect() -> None:
        reference = payment.order.reference
        for wallet, change, reason in (
            (merchant, -amount, "reversal"),
            (payer, amount, "refund"),
        ):
            wallet.balance += change
            wallet.version += 1
            rules.claim(rows, wallet, reason, reference)
        become_refunded(payment, amount)

    return effect


def authorizable(payment: PaymentRow) -> None:
    """P3, and one operation at a time."""
    nothing_under_way(payment)
    if payment.status != "initiated":
        raise Refuse(Code.INVALID_STATE_TRANSITION, current_status=payment.status)


def approved(payment: PaymentRow) -> int:
    """D9: all, or what of it is health care."""
    asked = payment.order.amount
    if payment.order.eligible_amounts is None:
        return asked
    eligible = _eligible(payment.order)
    if eligible >= asked:
        return asked
    if payment.order.partial_approval and eligible:
        return eligible
    raise Refuse(
        Code.AMOUNT_NOT_ELIGIBLE, requested_amount=asked, eligible_amount=eligible
    )


def capturable(payment: PaymentRow, rows: Rows) -> None:
    """P6, P7, P16."""
    nothing_under_way(payment)
    code = {
        "initiated": Code.PAYMENT_NOT_AUTHORIZED,
        "captured": Code.PAYMENT_ALREADY_CAPTURED,
        "partially_refunded": Code.PAYMENT_ALREADY_CAPTURED,
        "refunded": Code.PAYMENT_ALREADY_CAPTURED,
        "voided": Code.PAYMENT_ALREADY_VOIDED,
        "failed": Code.INVALID_STATE_TRANSITION,
    }.get(payment.status)
    if code is not None:
        raise Refuse(code)
    if is_over(payment, rows):
        raise Refuse(Code.AUTHORIZATION_EXPIRED, expired_at=payment.expires_at)


def to_capture(command: CapturePayment, payment: PaymentRow) -> int:
    """P4, P5."""
    amount = payment.held if command.amount is None else command.amount
    if amount > payment.held:
        raise Refuse(
            Code.CAPTURE_EXCEEDS_AUTHORIZED,
            requested_amount=amount,
            capturable_amount=payment.held,
        )
    _fee_within(command.fee, amount)
    return amount


def voidable(payment: PaymentRow, rows: Rows, *, expires: bool) -> None:
    """P8, P9."""
    nothing_under_way(payment)
    too_early = expires and not is_over(payment, rows)
    if payment.status != "authorized" or too_early:
        raise Refuse(Code.PAYMENT_NOT_VOIDABLE, current_status=payment.status)


def failable(payment: PaymentRow) -> None:
    """P17."""
    nothing_under_way(payment)
    untouched = payment.status == "authorized" and payment.captured == 0
    if payment.status != "initiated" and not untouched:
        raise Refuse(Code.INVALID_STATE_TRANSITION, current_status=payment.status)


def refundable(payment: PaymentRow) -> None:
    """P12, P13."""
    nothing_under_way(payment)
    if payment.captured == 0:
        raise Refuse(Code.PAYMENT_NOT_CAPTURED, current_status=payment.status)
    if payment.refunded == payment.captured:
        raise Refuse(Code.PAYMENT_ALREADY_REFUNDED)


def to_refund(command: RefundPayment, payment: PaymentRow) -> int:
    """P11."""
    rest = payment.captured - payment.refunded
    amount = rest if command.amount is None else command.amount
    if amount > rest:
        raise Refuse(
            Code.REFUND_EXCEEDS_CAPTURED,
            requested_amount=amount,
            refundable_amount=rest,
        )
    return amount


def nothing_under_way(payment: PaymentRow) -> None:
    """A saga has the payment to itself."""
    if payment.operation is not None:
        raise Refuse(Code.INVALID_STATE_TRANSITION, current_status=payment.status)


def is_over(payment: PaymentRow, rows: Rows) -> bool:
    """P7."""
    return payment.expires_at is not None and rows.now >= payment.expires_at


def expiry(command: AuthorizePayment, rows: Rows) -> int:
    """P2."""
    seconds = WEEK_S if command.expires_in_s is None else command.expires_in_s
    return rows.now + seconds * SECOND_US


def become_authorized(payment: PaymentRow, amount: int, expires_at: int) -> None:
    """One event."""
    payment.status, payment.authorized = "authorized", amount
    payment.expires_at = expires_at
    payment.version += 1


def become_captured(payment: PaymentRow, amount: int, *, final: bool) -> None:
    """One event."""
    payment.captured += amount
    payment.version += 1
    if final:
        _settle(payment)


def become_voided(payment: PaymentRow) -> None:
    """One event; what was captured before stays captured (P9)."""
    payment.version += 1
    if payment.captured:
        _settle(payment)
    else:
        payment.status = "voided"


def become_failed(payment: PaymentRow) -> None:
    """One event."""
    payment.status = "failed"
    payment.version += 1


def become_refunded(payment: PaymentRow, amount: int) -> None:
    """One event."""
    payment.refunded += amount
    payment.version += 1
    if payment.status != "authorized":
        _settle(payment)


def hold_of(payment_id: str) -> str:
    """The name of a payment's hold."""
    return derive_id(payment_id + "/hold")


def _settle(payment: PaymentRow) -> None:
    if payment.refunded == payment.captured:
        payment.status = "refunded"
    else:
        payment.status = "partially_refunded" if payment.refunded else "captured"


def _pay(rows: Rows, payment: PaymentRow, amount: int, fee: int | None) -> None:
    payer, merchant = _parties(payment, rows)
    reference = payment.order.reference
    rules.take_from_hold(payer, hold_of(payment.order.payment_id), amount)
    merchant.balance += amount
    merchant.version += 1
    rules.claim(rows, merchant, "deposit", reference)
    if fee is not None:
        merchant.balance -= fee
        merchant.version += 1
        rules.claim(rows, merchant, "fee", reference)


def _parties(payment: PaymentRow, rows: Rows) -> tuple[WalletRow, WalletRow]:
    order = payment.order
    return rows.wallets[order.payer_wallet_id], rows.wallets[order.merchant_wallet_id]


def _fee_within(fee: int | None, amount: int) -> None:
    if fee is not None and fee > amount:
        raise Refuse(Code.VALIDATION_ERROR)


def _eligible(order: InitiatePayment) -> int:
    parts = order.eligible_amounts
    assert parts is not None
    if parts.total_healthcare is not None:
        return parts.total_healthcare
    return parts.clinic + parts.dental + parts.prescription + parts.vision
