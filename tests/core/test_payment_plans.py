"""What a payment's saga orders of whom, leg by leg (P1-P17, T5, T6, W5, W6, D6)."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from healthpay_core import CardLimits, InitiatePayment, derive_id
from healthpay_core.medcard.commands import ConfirmMedCard
from healthpay_core.outcome import Committed, Decided, Rejected
from healthpay_core.payment.events import (
    OperationKind,
    PaymentInitiated,
    PaymentOperationBegun,
)
from healthpay_core.payment.ids import hold_id_of, refund_hold_id_of
from healthpay_core.payment.saga import (
    PaymentEnded,
    PaymentStep,
    Plan,
    Planned,
    next_payment_step,
    plan_initiation,
    plan_operation,
    step_id,
)
from healthpay_core.payment.steps import (
    EndOperation,
    RecordInitiation,
    RefuseOperation,
)
from healthpay_core.refusals import CardNotActive
from healthpay_core.testing import card_id, payment_id, wallet_id
from healthpay_core.testing.samples import RESOURCES
from healthpay_core.wallet.commands import (
    CaptureHold,
    ConfirmWallet,
    PlaceHold,
    ReleaseHold,
    SettleCredit,
)
from healthpay_core.wallet.events import Related

PAYER, MERCHANT = wallet_id("payer"), wallet_id("merchant")
CARD, P, OPERATION = card_id("c"), payment_id("p"), derive_id("operation")
LIMITS = CardLimits(daily=500)
RELATED = Related(payment_id=P)
HOLD = hold_id_of(P)

AGREED = PaymentInitiated(
    payer_wallet_id=PAYER,
    merchant_wallet_id=MERCHANT,
    amount=300,
    currency="EGP",
    method="medcard",
    capture_method="manual",
    card_id=CARD,
    merchant_category="pharmacies",
    reference="bill 7",
)


def _begun(
    kind: OperationKind,
    amount: int = 200,
    *,
    released: int | None = None,
    fee: int | None = None,
) -> PaymentOperationBegun:
    return PaymentOperationBegun(
        operation_id=OPERATION,
        kind=kind,
        amount=amount,
        currency="EGP",
        expires_at=77,
        released=released,
        fee=fee,
    )


def _plan(
    operation: PaymentOperationBegun, agreed: PaymentInitiated = AGREED
) -> tuple[Planned, ...]:
    plan = plan_operation(P, agreed, operation, LIMITS)
    assert plan == Plan(
        operation_id=OPERATION,
        legs=plan.legs,
        end=EndOperation(payment_id=P, operation_id=OPERATION),
        payment_id=P,
        begun=True,
    )
    return plan.legs


PAYER_LEG = Planned(
    name="payer",
    command=ConfirmWallet(wallet_id=PAYER, currency=None, party="payer"),
)
MERCHANT_LEG = Planned(
    name="merchant",
    command=ConfirmWallet(wallet_id=MERCHANT, currency=None, party="merchant"),
)
CARD_LEG = Planned(
    name="card",
    command=ConfirmMedCard(card_id=CARD, wallet_id=PAYER, in_use=True),
)
CATEGORY_LEG = Planned(
    name="category",
    command=ConfirmMedCard(
        card_id=CARD, wallet_id=PAYER, merchant_category="pharmacies"
    ),
)
HOLD_LEG = Planned(
    name="hold",
    command=PlaceHold(
        wallet_id=PAYER,
        hold_id=HOLD,
        amount=200,
        currency="EGP",
        purpose="payment",
        expires_at=77,
        related=RELATED,
        card_id=CARD,
        card_limits=LIMITS,
    ),
    undo=ReleaseHold(wallet_id=PAYER, hold_id=HOLD, reason="failed"),
)


def _pay(fee: int | None = None) -> tuple[Planned, ...]:
    credit = SettleCredit(
        wallet_id=MERCHANT,
        amount=200,
        currency="EGP",
        reason="deposit",
        counter_account=f"wallet:{PAYER}",
        reference="bill 7",
        related=RELATED,
        party="merchant",
        fee=fee,
    )
    capture = CaptureHold(
        wallet_id=PAYER,
        hold_id=HOLD,
        amount=200,
        currency="EGP",
        reason="payment",
        counter_account=f"wallet:{MERCHANT}",
        reference="bill 7",
        related=RELATED,
    )
    return (
        Planned(name="credit", command=credit),
        Planned(name="capture", command=capture),
    )


def test_an_authorization_asks_card_payer_merchant_category_then_holds() -> None:
    """D6, W5, T5: in this order, and the hold goes back when a later leg fails."""
    asked = (CARD_LEG, PAYER_LEG, MERCHANT_LEG, CATEGORY_LEG)
    assert _plan(_begun("authorize")) == (*asked, HOLD_LEG)


def test_a_category_that_was_not_said_is_none_that_a_card_is_for() -> None:
    """D6, D7: it is asked all the same, as an empty one."""
    legs = _plan(_begun("authorize"), replace(AGREED, merchant_category=None))
    assert isinstance(CATEGORY_LEG.command, ConfirmMedCard)
    empty = replace(CATEGORY_LEG.command, merchant_category="")
    assert legs[3] == replace(CATEGORY_LEG, command=empty)


def test_without_a_card_only_the_wallets_are_asked() -> None:
    """P2: of a payment from the wallet itself."""
    agreed = replace(AGREED, method="wallet", card_id=None)
    assert _plan(_begun("authorize"), agreed)[:2] == (PAYER_LEG, MERCHANT_LEG)
    for odd in (replace(agreed, card_id=CARD), replace(agreed, method="medcard")):
        assert _plan(_begun("authorize"), odd)[:2] == (PAYER_LEG, MERCHANT_LEG)


def test_an_automatic_payment_is_paid_right_after_the_hold() -> None:
    """P1, P10: the merchant first, then the hold is consumed."""
    agreed = replace(AGREED, capture_method="automatic")
    legs = _plan(_begun("authorize"), agreed)
    assert legs[4:] == (HOLD_LEG, *_pay())


def test_a_capture_pays_and_gives_the_rest_back() -> None:
    """P4, P10: what is released is released last; nothing to release, no leg."""
    assert _plan(_begun("capture", fee=9)) == _pay(fee=9)
    assert _plan(_begun("capture", released=0)) == _pay()
    rest = Planned(
        name="release",
        command=ReleaseHold(wallet_id=PAYER, hold_id=HOLD, reason="captured_remainder"),
    )
    assert _plan(_begun("capture", released=1)) == (*_pay(), rest)


def test_a_refund_is_held_at_the_merchant_until_the_payer_has_it() -> None:
    """P11, W6: hold, credit, capture of that hold; it goes back if the credit fails."""
    own = refund_hold_id_of(OPERATION)
    hold = PlaceHold(
        wallet_id=MERCHANT,
        hold_id=own,
        amount=200,
        currency="EGP",
        purpose="refund",
        expires_at=77,
        related=RELATED,
        party="merchant",
    )
    credit = SettleCredit(
        wallet_id=PAYER,
        amount=200,
        currency="EGP",
        reason="refund",
        counter_account=f"wallet:{MERCHANT}",
        reference="bill 7",
        related=RELATED,
        party="payer",
    )
    capture = CaptureHold(
        wallet_id=MERCHANT,
        hold_id=own,
        amount=200,
        currency="EGP",
        reason="reversal",
        counter_account=f"wallet:{PAYER}",
        reference="bill 7",
        related=RELATED,
    )
    back = ReleaseHold(wallet_id=MERCHANT, hold_id=own, reason="failed")
    assert _plan(_begun("refund")) == (
        Planned(name="hold", command=hold, undo=back),
        Planned(name="credit", command=credit),
        Planned(name="capture", command=capture),
    )


@pytest.mark.parametrize(
    ("kind", "reason"), [("void", "voided"), ("expire", "expired"), ("fail", "failed")]
)
def test_what_ends_without_a_capture_releases_what_is_held(
    kind: OperationKind, reason: str
) -> None:
    """P8, P9, P17: with its own reason; where nothing is held there is no leg."""
    assert kind in get_args(OperationKind)
    (leg,) = _plan(_begun(kind))
    assert isinstance(leg.command, ReleaseHold)
    assert (leg.name, leg.undo) == ("release", None)
    assert (leg.command.wallet_id, leg.command.hold_id) == (PAYER, HOLD)
    assert leg.command.reason == reason
    assert _plan(_begun(kind, amount=0)) == ()
    assert len(_plan(_begun(kind, amount=1))) == 1


def _order(card: str | None) -> InitiatePayment:
    return InitiatePayment(
        payment_id=P,
        payer_wallet_id=PAYER,
        merchant_wallet_id=MERCHANT,
        amount=300,
        currency="EGP",
        method="wallet" if card is None else "medcard",
        card_id=card,
    )


def test_an_initiation_confirms_the_parties_and_writes_the_payment() -> None:
    """P1, W10: payer, merchant, then the card; nothing has begun before its end."""
    order = _order(CARD)
    parties = (
        Planned(
            name="payer",
            command=ConfirmWallet(wallet_id=PAYER, currency="EGP", party="payer"),
        ),
        Planned(
            name="merchant",
            command=ConfirmWallet(
                wallet_id=MERCHANT, currency="EGP", party="merchant", merchant=True
            ),
        ),
    )
    card = Planned(name="card", command=ConfirmMedCard(card_id=CARD, wallet_id=PAYER))
    assert plan_initiation(OPERATION, order) == Plan(
        operation_id=OPERATION,
        legs=(*parties, card),
        end=RecordInitiation(payment_id=P, order=order),
        payment_id=P,
        begun=False,
    )
    assert plan_initiation(OPERATION, _order(None)).legs == parties


def _committed(name: str) -> Committed:
    return Committed(
        command_id=step_id(OPERATION, name),
        correlation_id=OPERATION,
        resource=RESOURCES[0],
        events=(),
    )


def test_a_refused_leg_undoes_the_ones_before_it_backwards_and_once() -> None:
    """T5, T7: only what was done, the last first; then the payment is cleared."""
    plan = plan_operation(
        P, replace(AGREED, capture_method="automatic"), _begun("authorize"), LIMITS
    )
    refused = Rejected(
        command_id="x",
        correlation_id="x",
        error=CardNotActive(current_status="suspended"),
    )
    results: dict[str, Decided] = {}
    for leg in plan.legs[:5]:
        assert next_payment_step(plan, results) == PaymentStep(leg.name, leg.command)
        results[leg.name] = _committed(leg.name)
    results["credit"] = refused
    assert HOLD_LEG.undo is not None
    for step in (
        PaymentStep("undo hold", HOLD_LEG.undo),
        PaymentStep(
            "refuse",
            RefuseOperation(
                payment_id=P, operation_id=OPERATION, failure_code="CARD_NOT_ACTIVE"
            ),
        ),
    ):
        assert next_payment_step(plan, results) == step
        results[step.name] = _committed(step.name)
    assert next_payment_step(plan, results) == PaymentEnded(refused.error)
    # A leg that was refused itself has nothing to undo.
    early: dict[str, Decided] = {"card": refused, "refuse": _committed("refuse")}
    assert next_payment_step(plan, early) == PaymentEnded(refused.error)
    # Before anything has begun there is nothing to clear.
    initiation = plan_initiation(OPERATION, _order(None))
    assert next_payment_step(initiation, {"payer": refused}) == PaymentEnded(
        refused.error
    )


def test_the_end_of_a_plan_ends_it() -> None:
    """T5: after its last leg and its end it is over, or refused as the end was."""
    plan = plan_initiation(OPERATION, _order(None))
    results: dict[str, Decided] = {n: _committed(n) for n in ("payer", "merchant")}
    assert next_payment_step(plan, results) == PaymentStep("end", plan.end)
    assert next_payment_step(
        plan, {**results, "end": _committed("end")}
    ) == PaymentEnded(None)
    error = CardNotActive(current_status="suspended")
    refused = Rejected(command_id="x", correlation_id="x", error=error)
    assert next_payment_step(plan, {**results, "end": refused}) == PaymentEnded(error)


def test_ids_of_payment_steps_are_for_ever() -> None:
    """T6, P3: a process of another release has to know a step by the same id."""
    assert step_id(OPERATION, "begin") == "aa5ae172-32e0-56e0-b9ac-87e7814b810a"
    assert HOLD == "8fd0d7c8-ffea-5144-bc99-613096f6ac00"
    assert refund_hold_id_of(OPERATION) == "683d0bd0-348b-5fc8-8c29-49539271a9fa"
