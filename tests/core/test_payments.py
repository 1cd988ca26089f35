"""Agreeing on a payment, holding its money, giving it back (rules P1-P3, P7-P9)."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import Final

import pytest

from healthpay_core import (
    AuthorizePayment,
    CapturePayment,
    ChangeWalletKycLevel,
    CloseWallet,
    Code,
    Command,
    EligibleAmounts,
    Event,
    ExpireAuthorization,
    FailPayment,
    InitiatePayment,
    LimitPolicy,
    Limits,
    MedCardCancelled,
    PaymentAuthorized,
    PaymentFailed,
    PaymentInitiated,
    PaymentVoided,
    PolicyRef,
    RefundPayment,
    StreamCorrupted,
    SuspendWallet,
    VoidPayment,
    WalletHoldPlaced,
    WalletHoldReleased,
    evolve,
    fold,
)
from healthpay_core.testing import (
    NOW,
    Workbench,
    after,
    card_id,
    deposit,
    funded,
    given,
    issued,
    opened,
    payment,
    payment_id,
    request,
    wallet_id,
    withdrawal,
)

AHMED, SHOP, OTHER = wallet_id("ahmed"), wallet_id("shop"), wallet_id("other")
P, CARD = payment_id("payment"), card_id("card")
DAY: Final = 86_400_000_000
PARTIES: Final = (*funded(AHMED, 100), *opened(SHOP, wallet_type="merchant"))
AUTHORIZE: Final = AuthorizePayment(payment_id=P)
CAPTURE: Final = CapturePayment(payment_id=P)


def bench(*orders: Command, policy: LimitPolicy | None = None) -> Workbench:
    """A payer with 100, a merchant, and what these orders lead to."""
    made = Workbench() if policy is None else Workbench(policy=policy)
    made.do(*PARTIES, *orders)
    return made


def test_initiating_moves_and_holds_nothing() -> None:
    """P1: the agreement is one event; no wallet has an event of it."""
    order = payment(AHMED, SHOP, 60, automatic=True, reference="rx-1")
    given(*after(*PARTIES)).when(order).then(
        PaymentInitiated(
            payer_wallet_id=AHMED,
            merchant_wallet_id=SHOP,
            amount=60,
            currency="EGP",
            method="wallet",
            capture_method="automatic",
            reference="rx-1",
        )
    )


def test_more_than_there_is_can_be_agreed_on() -> None:
    """P1, P2: funds are asked for when the money is held, not before."""
    room = bench(payment(AHMED, SHOP, 101))
    room.refuse(AUTHORIZE, Code.INSUFFICIENT_FUNDS, available_amount=100)
    assert room.payment(P).status == "initiated"


def test_authorising_holds_the_whole_amount_in_one_append() -> None:
    """P2: hold and authorization stand together, and end after seven days."""
    room = bench(payment(AHMED, SHOP, 60))
    done = room.do(AUTHORIZE)
    assert [ref.event_type for ref in done.events] == [
        "wallet.hold_placed",
        "payment.authorized",
    ]
    placed, authorized = (recorded.envelope.data for recorded in room.feed()[-2:])
    assert isinstance(placed, WalletHoldPlaced)
    assert isinstance(authorized, PaymentAuthorized)
    assert placed.hold_id == authorized.hold_id
    assert placed.expires_at == authorized.expires_at == NOW + 7 * DAY
    assert (placed.amount, placed.held_after, placed.balance_after) == (60, 60, 100)
    assert placed.related is not None
    assert placed.related.payment_id == P
    view = room.payment(P)
    assert (view.authorized_amount, view.expires_at) == (60, NOW + 7 * DAY)
    assert (room.wallet(AHMED).available, room.wallet(SHOP).balance) == (40, 0)


def test_a_refused_authorisation_can_be_tried_again() -> None:
    """P2, I6, E3: the payment stays initiated; a new key is a new try."""
    room = bench(payment(AHMED, SHOP, 60), withdrawal(AHMED, 50))
    room.refuse(request(AUTHORIZE, "first"), Code.INSUFFICIENT_FUNDS)
    assert room.payment(P).version == 1
    room.do(deposit(AHMED, 10))
    room.refuse(request(AUTHORIZE, "first"), Code.INSUFFICIENT_FUNDS)
    room.do(request(AUTHORIZE, "second"))


@pytest.mark.parametrize("seconds", [1, 60, 30 * 86_400])
def test_the_time_of_a_hold_can_be_chosen(seconds: int) -> None:
    """P2: from one second to thirty days; valid while now < expires_at (P7)."""
    room = bench(payment(AHMED, SHOP, 60))
    room.do(AuthorizePayment(payment_id=P, expires_in_s=seconds))
    assert room.payment(P).expires_at == NOW + seconds * 1_000_000
    room.clock.instant = NOW + seconds * 1_000_000 - 1
    room.do(CapturePayment(payment_id=P, amount=1, final=False))
    room.clock.instant += 1
    expired = {"expired_at": NOW + seconds * 1_000_000}
    room.refuse(CAPTURE, Code.AUTHORIZATION_EXPIRED, **expired)


@pytest.mark.parametrize("seconds", [0, -1, 30 * 86_400 + 1])
def test_a_time_out_of_range_is_refused(seconds: int) -> None:
    """P2: an authorization lasts at least a second and at most thirty days."""
    order = AuthorizePayment(payment_id=P, expires_in_s=seconds)
    given().when(order).refused(Code.VALIDATION_ERROR)


def test_an_expired_authorisation_is_refused_though_nobody_swept() -> None:
    """P7: time alone ends it; the money stays held until it is given back."""
    room = bench(payment(AHMED, SHOP, 60), AUTHORIZE)
    room.clock.instant = NOW + 7 * DAY
    room.refuse(CAPTURE, Code.AUTHORIZATION_EXPIRED)
    assert room.wallet(AHMED).held == 60
    room.do(ExpireAuthorization(payment_id=P))
    assert (room.wallet(AHMED).held, room.payment(P).status) == (0, "voided")


def test_expiry_is_idempotent() -> None:
    """P8: the same command again is a replay; another one finds nothing to do."""
    room = bench(payment(AHMED, SHOP, 60), AUTHORIZE)
    room.refuse(ExpireAuthorization(payment_id=P), Code.PAYMENT_NOT_VOIDABLE)
    room.clock.instant = NOW + 7 * DAY
    sweep = request(ExpireAuthorization(payment_id=P), "sweep")
    first = room.do(sweep)
    before = list(room.feed())
    again = room.do(sweep)
    assert (again.events, again.replayed) == (first.events, True)
    room.refuse(ExpireAuthorization(payment_id=P), Code.PAYMENT_NOT_VOIDABLE)
    assert list(room.feed()) == before


def test_expiry_says_so_in_both_streams() -> None:
    """P8: the hold is released as expired, the payment voided as expired."""
    facts = after(*PARTIES, payment(AHMED, SHOP, 60), AUTHORIZE)
    sweep = ExpireAuthorization(payment_id=P)
    released, voided = given(*facts).when(sweep, now=NOW + 7 * DAY).events
    assert isinstance(released, WalletHoldReleased)
    assert (released.reason, released.amount, released.held_after) == ("expired", 60, 0)
    assert voided == PaymentVoided(reason="expired", released=60, currency="EGP")


@pytest.mark.parametrize("reason", ["merchant", "payer"])
def test_a_void_gives_everything_back(reason: str) -> None:
    """P9: what was held is available again, and who voided is said."""
    room = bench(payment(AHMED, SHOP, 60), AUTHORIZE)
    room.do(VoidPayment(payment_id=P, reason=reason))  # type: ignore[arg-type]
    voided = room.feed()[-1].envelope.data
    assert voided == PaymentVoided(
        reason=reason,  # type: ignore[arg-type]
        released=60,
        currency="EGP",
    )
    assert room.wallet(AHMED).available == 100
    room.refuse(CAPTURE, Code.PAYMENT_ALREADY_VOIDED)


@pytest.mark.parametrize(
    ("refunded", "status"),
    [(0, "captured"), (10, "partially_refunded"), (40, "refunded")],
)
def test_a_void_after_a_capture_keeps_what_was_paid(refunded: int, status: str) -> None:
    """P9: the rest is released; the payment ends as far as it was captured."""
    room = bench(payment(AHMED, SHOP, 60), AUTHORIZE)
    room.do(CapturePayment(payment_id=P, amount=40, final=False))
    if refunded:
        room.do(RefundPayment(payment_id=P, amount=refunded))
    room.do(VoidPayment(payment_id=P))
    view = room.payment(P)
    assert (view.status, view.captured_amount) == (status, 40)
    assert (room.wallet(AHMED).held, room.wallet(AHMED).balance) == (0, 60 + refunded)
    room.refuse(VoidPayment(payment_id=P), Code.PAYMENT_NOT_VOIDABLE)
    if refunded < 40:
        room.do(RefundPayment(payment_id=P))


def test_failing_says_at_which_stage() -> None:
    """P17: before the hold at authorize, after it at capture with its release."""
    history = after(*PARTIES, payment(AHMED, SHOP, 60))
    decline = FailPayment(payment_id=P, reason_code="out_of_stock")
    given(*history).when(decline).then(
        PaymentFailed(stage="authorize", failure_code="out_of_stock")
    )
    held = after(*PARTIES, payment(AHMED, SHOP, 60), AUTHORIZE)
    released, failed = given(*held).when(decline).events
    assert isinstance(released, WalletHoldReleased)
    assert (released.reason, released.amount) == ("failed", 60)
    assert failed == PaymentFailed(stage="capture", failure_code="out_of_stock")


def test_a_refused_hold_is_never_captured() -> None:
    """P16: what could not be authorised has nothing to capture, ever."""
    room = bench(payment(AHMED, SHOP, 101))
    room.refuse(AUTHORIZE, Code.INSUFFICIENT_FUNDS)
    room.refuse(CAPTURE, Code.PAYMENT_NOT_AUTHORIZED)
    room.do(FailPayment(payment_id=P))
    room.refuse(CAPTURE, Code.INVALID_STATE_TRANSITION)
    assert (room.wallet(AHMED).balance, room.wallet(SHOP).balance) == (100, 0)


def test_initiated_and_authorised_in_one_batch() -> None:
    """T9, P3: each order of a batch is decided on what the earlier ones left."""
    room = bench()
    orders = (payment(AHMED, SHOP, 60), AUTHORIZE, AUTHORIZE, CAPTURE)
    first, second, third, fourth = room.handle(*orders)
    assert [type(o).__name__ for o in (first, second, third, fourth)] == [
        *("Committed", "Committed", "Rejected", "Committed"),
    ]
    assert room.payment(P).status == "captured"
    assert (room.wallet(AHMED).balance, room.wallet(SHOP).balance) == (40, 60)
    again = Workbench(room.store)
    assert again.payment(P) == room.payment(P)


def test_two_payments_of_one_batch_share_the_funds() -> None:
    """T9, C3: the second hold sees the first; both never exceed the balance."""
    room = bench(payment(AHMED, SHOP, 60), payment(AHMED, SHOP, 60, name="second"))
    second = AuthorizePayment(payment_id=payment_id("second"))
    outcomes = room.handle(AUTHORIZE, second)
    assert [type(outcome).__name__ for outcome in outcomes] == ["Committed", "Rejected"]
    assert room.wallet(AHMED).held == 60


@pytest.mark.parametrize(
    ("step", "code"),
    [
        (SuspendWallet(wallet_id=SHOP, reason_code="fraud"), Code.WALLET_NOT_ACTIVE),
        (CloseWallet(wallet_id=SHOP), Code.WALLET_CLOSED),
    ],
)
@pytest.mark.parametrize("automatic", [True, False])
def test_a_hold_for_a_merchant_who_is_gone_is_refused(
    step: Command, code: Code, automatic: bool
) -> None:
    """W5, W8: a hold is a new obligation also towards its payee; nothing is held."""
    room = bench(payment(AHMED, SHOP, 60, automatic=automatic), step)
    room.refuse(AUTHORIZE, code, party="merchant")
    assert room.wallet(AHMED).held == 0


@pytest.mark.parametrize("automatic", [True, False])
def test_a_hold_of_a_suspended_payer_is_refused(automatic: bool) -> None:
    """W5: suspension between agreement and authorisation stops the hold."""
    suspend = SuspendWallet(wallet_id=AHMED, reason_code="fraud")
    room = bench(payment(AHMED, SHOP, 60, automatic=automatic), suspend)
    room.refuse(AUTHORIZE, Code.WALLET_NOT_ACTIVE, party="payer")


SOUND: Final = payment(AHMED, SHOP, 60, card=CARD)


@pytest.mark.parametrize(
    ("order", "pointers"),
    [
        (replace(SOUND, card_id=None), ["/cardId"]),
        (replace(SOUND, merchant_category=None), ["/merchantCategory"]),
        (
            replace(SOUND, card_id=None, merchant_category=None),
            ["/cardId", "/merchantCategory"],
        ),
        (replace(SOUND, method="wallet"), ["/cardId"]),
        (
            replace(
                SOUND,
                method="wallet",
                eligible_amounts=EligibleAmounts(dental=-1, clinic=5),
            ),
            ["/cardId", "/eligibleAmounts"],
        ),
        (
            replace(SOUND, eligible_amounts=EligibleAmounts(total_healthcare=-1)),
            ["/eligibleAmounts"],
        ),
        (
            replace(SOUND, eligible_amounts=EligibleAmounts(vision=2**53)),
            ["/eligibleAmounts"],
        ),
    ],
)
def test_what_the_method_needs_is_asked_for(
    order: InitiatePayment, pointers: list[str]
) -> None:
    """P1, D6, D9: every fault of an order is named at once, before anything is read."""
    refusal = given().when(order).refused(Code.VALIDATION_ERROR)
    errors = dict(refusal.details())["errors"]
    assert isinstance(errors, tuple)
    assert [problem.pointer for problem in errors] == pointers


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (payment(AHMED, AHMED, 60), Code.SELF_TRANSFER_NOT_ALLOWED),
        (payment(AHMED, SHOP, 0), Code.INVALID_AMOUNT),
        (payment(AHMED, SHOP, -1), Code.INVALID_AMOUNT),
        (payment(AHMED, SHOP, 2**53), Code.AMOUNT_OVERFLOW),
        (payment(AHMED, SHOP, 60, currency="XAU"), Code.UNSUPPORTED_CURRENCY),
        (CapturePayment(payment_id=P, amount=0), Code.INVALID_AMOUNT),
        (CapturePayment(payment_id=P, amount=2**53), Code.AMOUNT_OVERFLOW),
        (CapturePayment(payment_id=P, fee=0), Code.INVALID_AMOUNT),
        (CapturePayment(payment_id=P, amount=5, fee=6), Code.VALIDATION_ERROR),
        (RefundPayment(payment_id=P, amount=0), Code.INVALID_AMOUNT),
        (RefundPayment(payment_id=P, amount=2**53), Code.AMOUNT_OVERFLOW),
    ],
)
def test_static_checks_need_no_state(order: Command, code: Code) -> None:
    """E2, M5, M6, T2: impossible values are refused before anything is looked for."""
    given().when(order).refused(code)


# Each fault of an initiation with its code, in the order of rule E2.
FAULTS: Final[dict[str, Code]] = {
    "card without category": Code.VALIDATION_ERROR,
    "amount": Code.INVALID_AMOUNT,
    "taken": Code.PAYMENT_ALREADY_EXISTS,
    "no payer": Code.WALLET_NOT_FOUND,
    "no merchant": Code.WALLET_NOT_FOUND,
    "no card": Code.MEDCARD_NOT_FOUND,
    "payer pending": Code.WALLET_NOT_ACTIVE,
    "merchant pending": Code.WALLET_NOT_ACTIVE,
    "currency": Code.CURRENCY_MISMATCH,
    "payee": Code.PAYEE_NOT_MERCHANT,
}
PARTY_OF: Final = {
    "no payer": "payer",
    "no merchant": "merchant",
    "payer pending": "payer",
    "merchant pending": "merchant",
}


def _faulty(*faults: str) -> tuple[tuple[Command, ...], InitiatePayment]:
    """A history and an order that have these faults."""
    ghost = wallet_id("ghost")
    payer = ghost if "no payer" in faults else AHMED
    shop = wallet_id("nobody") if "no merchant" in faults else SHOP
    kind = opened(SHOP, wallet_type="personal" if "payee" in faults else "merchant")
    payers = funded(AHMED, 100)
    orders: list[Command] = [
        *(payers[:1] if "payer pending" in faults else payers),
        *(kind[:1] if "merchant pending" in faults else kind),
    ]
    if "taken" in faults:
        orders += [*opened(OTHER), *opened(ghost, wallet_type="merchant")]
        orders.append(payment(OTHER, ghost, 1))
        payer = wallet_id("no one") if "no payer" in faults else payer
    card = CARD if {"no card", "card without category"} & set(faults) else None
    order = payment(
        payer,
        shop,
        0 if "amount" in faults else 60,
        currency="USD" if "currency" in faults else "EGP",
        card=card,
    )
    if "card without category" in faults:
        order = replace(order, merchant_category=None)
    return tuple(orders), order


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_of_an_initiation_alone(fault: str) -> None:
    """E2, P1, W10, M4: each fault has its code, and says whose it is."""
    history, order = _faulty(fault)
    party = {"party": PARTY_OF[fault]} if fault in PARTY_OF else {}
    given(*after(*history)).when(order).refused(FAULTS[fault], **party)


@pytest.mark.parametrize(("first", "second"), list(combinations(FAULTS, 2)))
def test_the_earlier_fault_of_an_initiation_answers(first: str, second: str) -> None:
    """E2: of any two faults the one of the earlier stage is answered."""
    history, order = _faulty(first, second)
    party = {"party": PARTY_OF[first]} if first in PARTY_OF else {}
    given(*after(*history)).when(order).refused(FAULTS[first], **party)


def test_a_card_of_another_wallet_is_unknown() -> None:
    """E2, D6: not yours is not found, before any state is looked at."""
    theirs = (*opened(OTHER), *issued(CARD, OTHER))
    order = payment(AHMED, SHOP, 60, card=CARD)
    given(*after(*PARTIES, *theirs)).when(order).refused(
        Code.MEDCARD_NOT_FOUND, card_id=CARD
    )


def test_a_level_too_low_is_told_before_limits_and_funds() -> None:
    """K10, K11, E2: the payer's level, then limits, then funds, in one decision."""
    row = Limits(per_transaction=50)
    rules = LimitPolicy(
        ref=PolicyRef(id="test", version=1), rows={("personal", "full", "EGP"): row}
    )
    room = bench(payment(AHMED, SHOP, 101), policy=rules)
    room.refuse(AUTHORIZE, Code.LIMIT_EXCEEDED, limit_name="per_transaction")
    room.do(ChangeWalletKycLevel(wallet_id=AHMED, kyc_level="unverified"))
    room.refuse(AUTHORIZE, Code.KYC_LEVEL_INSUFFICIENT)
    room.do(ChangeWalletKycLevel(wallet_id=AHMED, kyc_level="basic"))
    room.refuse(AUTHORIZE, Code.INSUFFICIENT_FUNDS)


def test_a_payment_starts_with_its_initiation() -> None:
    """P1, C5: a history that begins otherwise, or twice, stops the load."""
    facts = [event for _, event in after(*PARTIES, payment(AHMED, SHOP, 60))]
    initiated = facts[-1]
    assert isinstance(initiated, PaymentInitiated)
    strange: dict[str, Event] = {
        "voided while nothing was held, or not all of it": PaymentVoided(
            reason="payer", released=1, currency="EGP"
        ),
        "failed after its end": PaymentFailed(stage="authorize", failure_code="x"),
        "the card's life has no such step": MedCardCancelled(reason="lost"),
    }
    for reason, event in strange.items():
        with pytest.raises(StreamCorrupted) as caught:
            evolve(None, event)
        assert caught.value.reason == reason
    with pytest.raises(StreamCorrupted, match=r"^initiated twice$"):
        fold([initiated, initiated])


def test_a_payee_needs_no_money_and_a_payer_no_type() -> None:
    """W10: any wallet may pay; only a merchant's wallet is paid."""
    trader = funded(OTHER, 60, wallet_type="merchant")
    room = bench(*trader, payment(OTHER, SHOP, 60), AUTHORIZE, CAPTURE)
    assert room.wallet(SHOP).balance == 60
    firm = wallet_id("firm")
    room.do(*opened(firm, wallet_type="business"))
    order = payment(AHMED, firm, 1, name="second")
    room.refuse(order, Code.PAYEE_NOT_MERCHANT, wallet_type="business")
