"""The atomic form of payments: all legs on copies, all appended or nothing.

Stages run across payment, card and wallets in the order of rule E2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, assert_never

from healthpay_core.context import Context
from healthpay_core.events import Event
from healthpay_core.ids import (
    StreamId,
    derive_id,
    payment_stream,
    wallet_stream,
)
from healthpay_core.medcard.decide import category_refusal, usable
from healthpay_core.medcard.limits import card_limits_after
from healthpay_core.medcard.state import ActiveCard, MedCardState
from healthpay_core.payment import rules
from healthpay_core.payment.commands import (
    DEFAULT_AUTHORIZATION_S,
    AuthorizePayment,
    CapturePayment,
    ExpireAuthorization,
    FailPayment,
    InitiatePayment,
    PaymentCommand,
    RefundPayment,
    VoidPayment,
)
from healthpay_core.payment.events import (
    PaymentAuthorized,
    PaymentCaptured,
    PaymentFailed,
    PaymentRefunded,
    PaymentVoided,
    VoidReason,
)
from healthpay_core.payment.ids import hold_id_of
from healthpay_core.payment.state import (
    AuthorizedPayment,
    InitiatedPayment,
    PaymentState,
    pending_of,
)
from healthpay_core.refusals import (
    MedCardNotFound,
    PaymentAlreadyExists,
    PaymentNotFound,
    Refusal,
    WalletNotFound,
)
from healthpay_core.result import Err, Ok
from healthpay_core.wallet import guards
from healthpay_core.wallet.card_usage import CardUsage
from healthpay_core.wallet.commands import (
    CaptureHold,
    ReleaseHold,
    SettleCredit,
    SettleDebit,
    WalletCommand,
)
from healthpay_core.wallet.decide import decide_wallet
from healthpay_core.wallet.events import (
    LimitUsage,
    Related,
    ReleaseReason,
    WalletEvent,
)
from healthpay_core.wallet.movements import hold_placed
from healthpay_core.wallet.state import ActiveWallet, WalletState, evolve_wallet

Facts: TypeAlias = tuple[tuple[StreamId, Event], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parties:
    """The states that a payment touches, by what they are to it."""

    payment: PaymentState | None
    payer: WalletState | None
    merchant: WalletState | None
    card: MedCardState | None


def decide_payment(
    command: PaymentCommand, parties: Parties, context: Context, command_id: str
) -> Ok[Facts] | Err[Refusal]:
    """Decide one order on one payment; the refusals stand at the command."""
    if isinstance(command, InitiatePayment):
        return _initiate(command, parties)
    payment = parties.payment
    if payment is None:
        return Err(PaymentNotFound(payment_id=command.payment_id))
    if pending_of(payment) is not None:
        return Err(rules.no_step(payment, rules.DURING_OPERATION))
    legs = _Legs(command.payment_id, payment, parties, context)
    match command:
        case AuthorizePayment():
            return _authorize(command, payment, legs, command_id)
        case CapturePayment():
            return _capture(command, payment, legs, command_id)
        case VoidPayment():
            return _void(payment, legs, command.reason)
        case ExpireAuthorization():
            return _expire(payment, legs, context)
        case FailPayment():
            return _fail(command, payment, legs)
        case RefundPayment():
            return _refund(command, payment, legs, command_id)
    assert_never(command)


class _Legs:
    """Collects facts on working copies; the first refusal stops the whole."""

    def __init__(
        self, payment_id: str, payment: PaymentState, parties: Parties, context: Context
    ) -> None:
        self.payment_id = payment_id
        self.order = payment.order
        self.card = parties.card
        self.context = context
        self.facts: list[tuple[StreamId, Event]] = []
        self._wallets = {
            self.order.payer_wallet_id: parties.payer,
            self.order.merchant_wallet_id: parties.merchant,
        }

    @property
    def payer(self) -> WalletState | None:
        return self._wallets[self.order.payer_wallet_id]

    @property
    def merchant(self) -> WalletState | None:
        return self._wallets[self.order.merchant_wallet_id]

    @property
    def related(self) -> Related:
        return Related(payment_id=self.payment_id)

    def run(self, command: WalletCommand) -> Refusal | None:
        """Have a wallet decide one leg."""
        state = self._wallets[command.wallet_id]
        decision = decide_wallet(command, state, self.context)
        if isinstance(decision, Err):
            return decision.error
        for event in decision.value:
            self.add(command.wallet_id, event)
        return None

    def add(self, wallet_id: str, event: WalletEvent) -> None:
        """Note a fact of a wallet."""
        self._wallets[wallet_id] = evolve_wallet(self._wallets[wallet_id], event)
        self.facts.append((wallet_stream(wallet_id), event))

    def done(self, event: Event) -> Ok[Facts]:
        """All facts, the payment's own last."""
        self.facts.append((payment_stream(self.payment_id), event))
        return Ok(tuple(self.facts))

    def release(self, reason: ReleaseReason) -> Refusal | None:
        return self.run(
            ReleaseHold(
                wallet_id=self.order.payer_wallet_id,
                hold_id=hold_id_of(self.payment_id),
                reason=reason,
            )
        )


def _initiate(command: InitiatePayment, parties: Parties) -> Ok[Facts] | Err[Refusal]:
    if parties.payment is not None:
        return Err(PaymentAlreadyExists(payment_id=command.payment_id))
    payer, merchant = parties.payer, parties.merchant
    if payer is None:
        return Err(WalletNotFound(wallet_id=command.payer_wallet_id, party="payer"))
    if merchant is None:
        return Err(
            WalletNotFound(wallet_id=command.merchant_wallet_id, party="merchant")
        )
    if command.card_id is not None and not _owned(parties.card, command):
        return Err(MedCardNotFound(card_id=command.card_id))
    if not isinstance(payer, ActiveWallet):
        return Err(guards.not_active(payer, "payer"))
    if not isinstance(merchant, ActiveWallet):
        return Err(guards.not_active(merchant, "merchant"))
    refusal = (
        guards.currency_refusal(payer, command.currency, "payer")
        or guards.currency_refusal(merchant, command.currency, "merchant")
        or guards.payee_refusal(merchant)
    )
    if refusal is not None:
        return Err(refusal)
    initiated = rules.initiated(command)
    return Ok(((payment_stream(command.payment_id), initiated),))


def _owned(card: MedCardState | None, command: InitiatePayment) -> bool:
    return card is not None and card.card.wallet_id == command.payer_wallet_id


def _authorize(
    command: AuthorizePayment, payment: PaymentState, legs: _Legs, command_id: str
) -> Ok[Facts] | Err[Refusal]:
    if not isinstance(payment, InitiatedPayment):
        return Err(rules.no_step(payment, "authorize"))
    card = _usable_card(legs)
    if isinstance(card, Refusal):
        return Err(card)
    payer = legs.payer
    if payer is None:
        return Err(WalletNotFound(wallet_id=legs.order.payer_wallet_id, party="payer"))
    if not isinstance(payer, ActiveWallet):
        return Err(guards.not_active(payer, "payer"))
    refusal = _merchant_refusal(legs) or _category_refusal(card, legs)
    if refusal is not None:
        return Err(refusal)
    approved = rules.approved_amount(legs.order)
    if isinstance(approved, Refusal):
        return Err(approved)
    refusal = guards.currency_refusal(payer, legs.order.currency)
    if refusal is not None:
        return Err(refusal)
    limited = _limited(card, payer, approved, legs)
    if isinstance(limited, Err):
        return limited
    usage, used = limited.value
    refusal = guards.funds_refusal(payer, approved)
    if refusal is not None:
        return Err(refusal)
    authorized = _hold(command, legs, payer, approved, usage, used)
    legs.facts.append((payment_stream(legs.payment_id), authorized))
    if legs.order.capture_method == "manual":
        return Ok(tuple(legs.facts))
    captured = AuthorizedPayment(order=legs.order, authorization=authorized)
    automatic = CapturePayment(payment_id=legs.payment_id)
    return _capture(automatic, captured, legs, command_id)


def _hold(
    command: AuthorizePayment,
    legs: _Legs,
    payer: ActiveWallet,
    approved: int,
    usage: LimitUsage,
    card_usage: CardUsage | None,
) -> PaymentAuthorized:
    seconds = command.expires_in_s or DEFAULT_AUTHORIZATION_S
    order, hold_id = legs.order, hold_id_of(legs.payment_id)
    expires_at = legs.context.now + seconds * 1_000_000
    placed = hold_placed(
        payer,
        legs.context,
        hold_id=hold_id,
        amount=approved,
        purpose="payment",
        expires_at=expires_at,
        usage=usage,
        related=legs.related,
        card_id=None if card_usage is None else order.card_id,
        card_usage=card_usage,
    )
    legs.add(order.payer_wallet_id, placed)
    return PaymentAuthorized(
        hold_id=hold_id,
        amount=approved,
        currency=order.currency,
        expires_at=expires_at,
        authorization_code=rules.authorization_code(hold_id),
    )


def _usable_card(legs: _Legs) -> ActiveCard | Refusal | None:
    if legs.order.method == "wallet" or legs.order.card_id is None:
        return None
    if legs.card is None:
        return MedCardNotFound(card_id=legs.order.card_id)
    return usable(legs.card, legs.context)


def _merchant_refusal(legs: _Legs) -> Refusal | None:
    """A hold is a new obligation, also towards its payee (W5, W8)."""
    merchant = legs.merchant
    if merchant is None:
        wallet_id = legs.order.merchant_wallet_id
        return WalletNotFound(wallet_id=wallet_id, party="merchant")
    if isinstance(merchant, ActiveWallet):
        return None
    return guards.not_active(merchant, "merchant")


def _category_refusal(card: ActiveCard | None, legs: _Legs) -> Refusal | None:
    if card is None:
        return None
    return category_refusal(card.card.controls, legs.order.merchant_category or "")


def _limited(
    card: ActiveCard | None, payer: ActiveWallet, amount: int, legs: _Legs
) -> Ok[tuple[LimitUsage, CardUsage | None]] | Err[Refusal]:
    """Limits of the card, then of the wallet (D6); a level too low first (E2)."""
    usage = guards.limits_after(payer, amount, legs.context)
    used = None if card is None else _card_usage(card, payer, amount, legs)
    refusal = guards.eligibility_first(
        used.error if isinstance(used, Err) else None,
        usage.error if isinstance(usage, Err) else None,
    )
    if refusal is not None or isinstance(usage, Err) or isinstance(used, Err):
        assert refusal is not None
        return Err(refusal)
    return Ok((usage.value, None if used is None else used.value))


def _card_usage(
    card: ActiveCard, payer: ActiveWallet, amount: int, legs: _Legs
) -> Ok[CardUsage] | Err[Refusal]:
    return card_limits_after(
        payer,
        legs.order.card_id or "",
        card.card.controls.limits,
        amount,
        legs.context.business_day,
    )


def _capture(
    command: CapturePayment, payment: PaymentState, legs: _Legs, command_id: str
) -> Ok[Facts] | Err[Refusal]:
    open_payment = rules.capturable(payment, legs.context.now)
    if isinstance(open_payment, Refusal):
        return Err(open_payment)
    closed = rules.closed_refusal(legs.merchant, "merchant")
    if closed is not None:
        return Err(closed)
    amount = rules.capture_amount(command, open_payment)
    if isinstance(amount, Refusal):
        return Err(amount)
    rest = open_payment.held - amount
    final = command.final or rest == 0
    refusal = _pay(legs, amount, command.fee)
    if refusal is None and final and rest:
        refusal = legs.release("captured_remainder")
    if refusal is not None:
        return Err(refusal)
    captured = PaymentCaptured(
        capture_id=derive_id(f"{command_id}/capture"),
        amount=amount,
        currency=legs.order.currency,
        captured_total=open_payment.captured + amount,
        final=final,
        released=rest if final else 0,
        fee=command.fee,
    )
    return legs.done(captured)


def _pay(legs: _Legs, amount: int, fee: int | None) -> Refusal | None:
    """Out of the hold to the merchant, less the fee (P10)."""
    order = legs.order
    return legs.run(
        CaptureHold(
            wallet_id=order.payer_wallet_id,
            hold_id=hold_id_of(legs.payment_id),
            amount=amount,
            currency=order.currency,
            reason="payment",
            counter_account="wallet:" + order.merchant_wallet_id,
            reference=order.reference,
            related=legs.related,
        )
    ) or legs.run(
        SettleCredit(
            wallet_id=order.merchant_wallet_id,
            amount=amount,
            currency=order.currency,
            reason="deposit",
            counter_account="wallet:" + order.payer_wallet_id,
            reference=order.reference,
            related=legs.related,
            party="merchant",
            fee=fee,
        )
    )


def _void(
    payment: PaymentState, legs: _Legs, reason: VoidReason
) -> Ok[Facts] | Err[Refusal]:
    if not isinstance(payment, AuthorizedPayment):
        return Err(rules.not_voidable(payment))
    refusal = legs.release("expired" if reason == "expired" else "voided")
    if refusal is not None:
        return Err(refusal)
    return legs.done(
        PaymentVoided(
            reason=reason, released=payment.held, currency=legs.order.currency
        )
    )


def _expire(
    payment: PaymentState, legs: _Legs, context: Context
) -> Ok[Facts] | Err[Refusal]:
    if isinstance(payment, AuthorizedPayment) and not rules.is_over(
        payment, context.now
    ):
        return Err(rules.not_voidable(payment))
    return _void(payment, legs, "expired")


def _fail(
    command: FailPayment, payment: PaymentState, legs: _Legs
) -> Ok[Facts] | Err[Refusal]:
    match payment:
        case InitiatedPayment():
            return legs.done(
                PaymentFailed(stage="authorize", failure_code=command.reason_code)
            )
        case AuthorizedPayment(captured=0):
            refusal = legs.release("failed")
            if refusal is not None:
                return Err(refusal)
            return legs.done(
                PaymentFailed(stage="capture", failure_code=command.reason_code)
            )
        case _:
            return Err(rules.no_step(payment, "fail"))


def _refund(
    command: RefundPayment, payment: PaymentState, legs: _Legs, command_id: str
) -> Ok[Facts] | Err[Refusal]:
    refundable = rules.refundable(payment)
    if isinstance(refundable, Refusal):
        return Err(refundable)
    order = legs.order
    closed = rules.closed_refusal(legs.merchant, "merchant") or rules.closed_refusal(
        legs.payer, "payer"
    )
    if closed is not None:
        return Err(closed)
    amount = rules.refund_amount(command, refundable)
    if isinstance(amount, Refusal):
        return Err(amount)
    refusal = legs.run(
        SettleDebit(
            wallet_id=order.merchant_wallet_id,
            amount=amount,
            currency=order.currency,
            reason="reversal",
            counter_account="wallet:" + order.payer_wallet_id,
            reference=order.reference,
            related=legs.related,
            party="merchant",
        )
    ) or legs.run(
        SettleCredit(
            wallet_id=order.payer_wallet_id,
            amount=amount,
            currency=order.currency,
            reason="refund",
            counter_account="wallet:" + order.merchant_wallet_id,
            reference=order.reference,
            related=legs.related,
            party="payer",
        )
    )
    if refusal is not None:
        return Err(refusal)
    total = refundable.refunded + amount
    refunded = PaymentRefunded(
        refund_id=derive_id(f"{command_id}/refund"),
        amount=amount,
        currency=order.currency,
        refunded_total=total,
        reason_code=command.reason_code,
        full=total == refundable.captured,
    )
    return legs.done(refunded)
