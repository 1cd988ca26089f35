"""The saga form of payments: plans of single-stream steps over the same deciders.

An operation begins on the payment's own stream, which then takes no other order
until it ends: so two captures or refunds never cross. Between begin and end come
the legs, each on one wallet or card. When one is refused, the legs before it are
undone and the operation ends refused. Every step has an id that follows from the
operation's: to run it again is to replay it.

    initiate   confirm payer, merchant, card -> record
    authorize  begin -> confirm card, payer, merchant, category -> hold
               [-> credit -> capture] -> end
    capture    begin -> credit merchant -> capture the hold [-> release] -> end
    refund     begin -> hold at merchant -> credit payer -> capture the hold -> end
    void, expire, fail   begin -> release the hold -> end
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from healthpay_core.ids import derive_id
from healthpay_core.medcard.commands import ConfirmMedCard
from healthpay_core.medcard.events import CardLimits
from healthpay_core.outcome import Decided, Rejected
from healthpay_core.payment.commands import InitiatePayment
from healthpay_core.payment.events import PaymentInitiated, PaymentOperationBegun
from healthpay_core.payment.ids import hold_id_of, refund_hold_id_of
from healthpay_core.payment.steps import (
    EndOperation,
    RecordInitiation,
    RefuseOperation,
)
from healthpay_core.refusals import NotDone
from healthpay_core.wallet.commands import (
    CaptureHold,
    ConfirmWallet,
    PlaceHold,
    ReleaseHold,
    SettleCredit,
)
from healthpay_core.wallet.events import Related, ReleaseReason

Leg: TypeAlias = (
    ConfirmWallet
    | ConfirmMedCard
    | PlaceHold
    | ReleaseHold
    | CaptureHold
    | SettleCredit
)
StepCommand: TypeAlias = Leg | RecordInitiation | EndOperation | RefuseOperation
Results: TypeAlias = Mapping[str, Decided]
"""What has become of the steps, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A leg, and what undoes it when a later one is refused."""

    name: str
    command: Leg
    undo: Leg | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The legs of an operation in order, and its end.

    `refuse` clears the payment after a refusal; without it nothing has begun.
    """

    operation_id: str
    legs: tuple[Planned, ...]
    end: RecordInitiation | EndOperation
    payment_id: str
    begun: bool = True


@dataclass(frozen=True, slots=True)
class PaymentStep:
    """One command on one stream; its id follows from the operation's."""

    name: str
    command: StepCommand


@dataclass(frozen=True, slots=True)
class PaymentEnded:
    """The saga is over: done, or refused as a step was."""

    refusal: NotDone | None


def step_id(operation_id: str, name: str) -> str:
    """The command id of a step: the same step has the same id (T6)."""
    return derive_id(f"{operation_id}/step/{name}")


def next_payment_step(plan: Plan, results: Results) -> PaymentStep | PaymentEnded:
    """What to do now that the steps so far ended as `results` say; pure.

    Any step may have been run before, in another process, any number of times.
    """
    for index, leg in enumerate(plan.legs):
        outcome = results.get(leg.name)
        if outcome is None:
            return PaymentStep(leg.name, leg.command)
        if isinstance(outcome, Rejected):
            return _undo(plan, index, outcome, results)
    ended = results.get("end")
    if ended is None:
        return PaymentStep("end", plan.end)
    return PaymentEnded(ended.error if isinstance(ended, Rejected) else None)


def _undo(
    plan: Plan, refused: int, cause: Rejected, results: Results
) -> PaymentStep | PaymentEnded:
    for leg in reversed(plan.legs[:refused]):
        name = f"undo {leg.name}"
        if leg.undo is not None and name not in results:
            return PaymentStep(name, leg.undo)
    if plan.begun and "refuse" not in results:
        refuse = RefuseOperation(
            payment_id=plan.payment_id,
            operation_id=plan.operation_id,
            failure_code=cause.error.code.value,
        )
        return PaymentStep("refuse", refuse)
    return PaymentEnded(cause.error)


def plan_initiation(operation_id: str, order: InitiatePayment) -> Plan:
    """Confirm the parties, then write the payment (P1, W10)."""
    legs = [
        Planned(
            name="payer",
            command=ConfirmWallet(
                wallet_id=order.payer_wallet_id, currency=order.currency, party="payer"
            ),
        ),
        Planned(
            name="merchant",
            command=ConfirmWallet(
                wallet_id=order.merchant_wallet_id,
                currency=order.currency,
                party="merchant",
                merchant=True,
            ),
        ),
    ]
    if order.card_id is not None:
        confirm = ConfirmMedCard(card_id=order.card_id, wallet_id=order.payer_wallet_id)
        legs.append(Planned(name="card", command=confirm))
    return Plan(
        operation_id=operation_id,
        payment_id=order.payment_id,
        legs=tuple(legs),
        end=RecordInitiation(payment_id=order.payment_id, order=order),
        begun=False,
    )


def plan_operation(
    payment_id: str,
    order: PaymentInitiated,
    operation: PaymentOperationBegun,
    card_limits: CardLimits | None,
) -> Plan:
    """The legs of an operation that has begun.

    Args:
        payment_id: The payment.
        order: What was agreed on.
        operation: What has begun.
        card_limits: Of the card it is paid with; they never change.
    """
    make = _Legs(payment_id, order, operation, card_limits)
    match operation.kind:
        case "authorize":
            legs = make.authorize()
        case "capture":
            legs = make.capture()
        case "refund":
            legs = make.refund()
        case "void" | "expire" | "fail":
            legs = make.release()
        case _:
            assert_never(operation.kind)
    return Plan(
        operation_id=operation.operation_id,
        payment_id=payment_id,
        legs=legs,
        end=EndOperation(payment_id=payment_id, operation_id=operation.operation_id),
    )


class _Legs:
    def __init__(
        self,
        payment_id: str,
        order: PaymentInitiated,
        operation: PaymentOperationBegun,
        card_limits: CardLimits | None,
    ) -> None:
        self._order = order
        self._operation = operation
        self._card_limits = card_limits
        self._hold_id = hold_id_of(payment_id)
        self._related = Related(payment_id=payment_id)

    def authorize(self) -> tuple[Planned, ...]:
        legs = list(self._parties())
        legs.append(
            Planned(name="hold", command=self._hold(), undo=self._release("failed"))
        )
        if self._order.capture_method == "automatic":
            legs += self._pay()
        return tuple(legs)

    def _parties(self) -> tuple[Planned, ...]:
        """Card, payer, merchant, category: in the order of D6 (W5, E2)."""
        order = self._order
        payer = ConfirmWallet(
            wallet_id=order.payer_wallet_id, currency=None, party="payer"
        )
        merchant = ConfirmWallet(
            wallet_id=order.merchant_wallet_id, currency=None, party="merchant"
        )
        wallets = (
            Planned(name="payer", command=payer),
            Planned(name="merchant", command=merchant),
        )
        if order.method != "medcard" or order.card_id is None:
            return wallets
        card = ConfirmMedCard(
            card_id=order.card_id, wallet_id=order.payer_wallet_id, in_use=True
        )
        category = ConfirmMedCard(
            card_id=order.card_id,
            wallet_id=order.payer_wallet_id,
            merchant_category=order.merchant_category or "",
        )
        return (
            Planned(name="card", command=card),
            *wallets,
            Planned(name="category", command=category),
        )

    def capture(self) -> tuple[Planned, ...]:
        legs = self._pay()
        if self._operation.released:
            legs.append(
                Planned(name="release", command=self._release("captured_remainder"))
            )
        return tuple(legs)

    def refund(self) -> tuple[Planned, ...]:
        order = self._order
        merchant, payer = order.merchant_wallet_id, order.payer_wallet_id
        assert self._operation.expires_at is not None
        # Held, not debited: the merchant cannot close before the payer has it (W6).
        hold = PlaceHold(
            wallet_id=merchant,
            hold_id=refund_hold_id_of(self._operation.operation_id),
            amount=self._operation.amount,
            currency=order.currency,
            purpose="refund",
            expires_at=self._operation.expires_at,
            related=self._related,
            party="merchant",
        )
        back = ReleaseHold(wallet_id=merchant, hold_id=hold.hold_id, reason="failed")
        credit = SettleCredit(
            wallet_id=payer,
            amount=self._operation.amount,
            currency=order.currency,
            reason="refund",
            counter_account="wallet:" + merchant,
            reference=order.reference,
            related=self._related,
            party="payer",
        )
        capture = CaptureHold(
            wallet_id=merchant,
            hold_id=hold.hold_id,
            amount=self._operation.amount,
            currency=order.currency,
            reason="reversal",
            counter_account="wallet:" + payer,
            reference=order.reference,
            related=self._related,
        )
        return (
            Planned(name="hold", command=hold, undo=back),
            Planned(name="credit", command=credit),
            Planned(name="capture", command=capture),
        )

    def release(self) -> tuple[Planned, ...]:
        if self._operation.amount == 0:
            return ()
        reason: ReleaseReason = "voided"
        if self._operation.kind == "expire":
            reason = "expired"
        elif self._operation.kind == "fail":
            reason = "failed"
        return (Planned(name="release", command=self._release(reason)),)

    def _pay(self) -> list[Planned]:
        """The merchant first: the hold keeps the payer's money safe until then."""
        order = self._order
        credit = SettleCredit(
            wallet_id=order.merchant_wallet_id,
            amount=self._operation.amount,
            currency=order.currency,
            reason="deposit",
            counter_account="wallet:" + order.payer_wallet_id,
            reference=order.reference,
            related=self._related,
            party="merchant",
            fee=self._operation.fee,
        )
        capture = CaptureHold(
            wallet_id=order.payer_wallet_id,
            hold_id=self._hold_id,
            amount=self._operation.amount,
            currency=order.currency,
            reason="payment",
            counter_account="wallet:" + order.merchant_wallet_id,
            reference=order.reference,
            related=self._related,
        )
        return [
            Planned(name="credit", command=credit),
            Planned(name="capture", command=capture),
        ]

    def _hold(self) -> PlaceHold:
        order = self._order
        assert self._operation.expires_at is not None
        return PlaceHold(
            wallet_id=order.payer_wallet_id,
            hold_id=self._hold_id,
            amount=self._operation.amount,
            currency=order.currency,
            purpose="payment",
            expires_at=self._operation.expires_at,
            related=self._related,
            card_id=order.card_id,
            card_limits=self._card_limits,
        )

    def _release(self, reason: ReleaseReason) -> ReleaseHold:
        return ReleaseHold(
            wallet_id=self._order.payer_wallet_id,
            hold_id=self._hold_id,
            reason=reason,
        )
